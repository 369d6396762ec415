//go:build !linux

package srcds

import "os"

// segfault ends the process with the code that a shell reports for SIGSEGV.
func segfault() { os.Exit(139) }
