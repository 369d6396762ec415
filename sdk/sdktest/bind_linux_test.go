package sdktest_test

import "syscall"

// bind mounts a directory over itself.
func bind(dir string) error { return syscall.Mount(dir, dir, "", syscall.MS_BIND, "") }

func unbind(dir string) { _ = syscall.Unmount(dir, syscall.MNT_DETACH) } // or it was never mounted
