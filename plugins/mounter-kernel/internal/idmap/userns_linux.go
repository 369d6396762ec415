package idmap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// childName is the argv[0] of the process whose user namespace is borrowed.
const childName = "left4me-userns"

// Map says which owner on disk is shown as which.
type Map struct {
	DiskUID, ShownUID int
	GID               int // the same on both sides
}

// RunChild must be the first call of main: in the process that [Namespace] starts, it waits until its
// standard input ends and does not return.
func RunChild() {
	if len(os.Args) == 0 || os.Args[0] != childName {
		return
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// Namespace makes a user namespace with the map and returns a descriptor of it. A namespace needs a
// process to be born in, which is this program again, and ends before Namespace returns.
func Namespace(m Map) (*os.File, error) {
	child := &exec.Cmd{Path: "/proc/self/exe", Args: []string{childName}, Env: []string{}}
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: m.DiskUID, HostID: m.ShownUID, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: m.GID, HostID: m.GID, Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	hold, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", child.Process.Pid))
	return ns, errors.Join(err, hold.Close(), child.Wait())
}
