package sdk

import (
	"os"
	"syscall"
)

// takeStdio moves the process's own input and output out of the way: it returns files for the launch
// line and the handshake, while descriptor 0 becomes /dev/null and descriptor 1 a copy of 2. A stray
// print, also of a child process, then ends up in the plugin's log and cannot damage the handshake,
// and no child inherits the connection to the host.
func takeStdio() (in, out *os.File, err error) {
	if in, err = moved(0, "launch"); err != nil {
		return nil, nil, err
	}
	if out, err = moved(1, "handshake"); err != nil {
		return nil, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	if err := syscall.Dup3(int(null.Fd()), 0, 0); err != nil {
		return nil, nil, os.NewSyscallError("dup3", err)
	}
	if err := syscall.Dup3(2, 1, 0); err != nil {
		return nil, nil, os.NewSyscallError("dup3", err)
	}
	return in, out, nil
}

// moved duplicates a descriptor to one that children do not inherit.
func moved(fd int, name string) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return os.NewFile(uintptr(copied), name), nil
}
