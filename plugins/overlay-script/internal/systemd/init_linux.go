package systemd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/seccomp"
	"github.com/left4me/left4me/plugins/overlay-script/internal/view"
)

// Descriptors of the first process.
const (
	failuresFD = 3 // says why there is no script; ends when there is one
	ordersFD   = 4
)

// beInit is the first process of the script's PID namespace: the kernel kills all others when it ends. It returns how
// the script ended, as bash says it.
func beInit() int {
	runtime.LockOSThread() // the filter and the capabilities are this thread's
	failures := os.NewFile(failuresFD, "failures")
	unix.CloseOnExec(failuresFD)
	unix.CloseOnExec(ordersFD)
	script, err := startScript(os.NewFile(ordersFD, "orders"))
	if err != nil {
		fmt.Fprint(failures, err)
		return 125
	}
	_ = failures.Close()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil) // orphans of the script as well
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 125
		case pid == script && status.Signaled():
			return 128 + int(status.Signal())
		case pid == script:
			return status.ExitStatus()
		}
	}
}

func startScript(orders *os.File) (int, error) {
	var order request
	if err := json.NewDecoder(orders).Decode(&order); err != nil {
		return 0, fmt.Errorf("read the order: %w", err)
	}
	if err := mounts(order.TmpSize); err != nil {
		return 0, err
	}
	none := [2]unix.CapUserData{}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		return 0, fmt.Errorf("give capabilities back: %w", err)
	}
	if err := limit(order); err != nil {
		return 0, err
	}
	program, err := seccomp.Program(seccomp.Network(!order.Offline))
	if err != nil {
		return 0, err
	}
	if err := seccomp.Install(program); err != nil {
		return 0, fmt.Errorf("install the system call filter: %w", err)
	}
	arguments := append(append([]string(nil), order.Interpreter...), filepath.Join(insideDir, scriptName))
	environment := []string{}
	for name, value := range view.Environment(order.Environment) {
		environment = append(environment, name+"="+value)
	}
	pid, err := syscall.ForkExec(arguments[0], arguments, &syscall.ProcAttr{
		Dir: view.Tree, Env: environment, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", arguments[0], err)
	}
	return pid, nil
}

// mounts makes what belongs to this run alone, in its own mount namespace, over what the unit has.
func mounts(tmpSize uint64) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("proc", "/proc", "proc", flags|unix.MS_NOEXEC, "subset=pid"); err != nil {
		return fmt.Errorf("mount /proc of the PID namespace: %w", err)
	}
	for _, path := range []string{"/tmp", "/dev/shm"} {
		if tmpSize == 0 {
			break // the unit's are capped as well
		}
		if err := unix.Mount("tmpfs", path, "tmpfs", flags, fmt.Sprintf("mode=1777,size=%d", tmpSize)); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, view.Tree, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}); err != nil {
		return fmt.Errorf("keep devices out of the tree: %w", err)
	}
	return nil
}

// limit sets limits per process, lower than the unit's.
func limit(order request) error {
	for resource, value := range map[int]uint64{unix.RLIMIT_FSIZE: order.FileSize, unix.RLIMIT_NPROC: order.Tasks} {
		if value == 0 {
			continue
		}
		var present unix.Rlimit
		if err := unix.Getrlimit(resource, &present); err != nil {
			return err
		}
		value = min(value, present.Max)
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set resource limit %d to %d: %w", resource, value, err)
		}
	}
	return nil
}
