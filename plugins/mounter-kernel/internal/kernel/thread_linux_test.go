package kernel_test

import "runtime"

func lockThread() { runtime.LockOSThread() }
