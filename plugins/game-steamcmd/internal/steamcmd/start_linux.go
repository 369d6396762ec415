package steamcmd

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// start runs the command on a terminal in a session of its own, or on a pipe where there are no terminals.
func start(command *exec.Cmd) (output io.ReadCloser, terminal bool, err error) {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	ours, theirs, err := openTerminal()
	if err == nil {
		command.SysProcAttr.Setctty = true // of descriptor 0
		terminal = true
		command.Stdin = theirs
	} else if ours, theirs, err = os.Pipe(); err != nil {
		return nil, false, err
	}
	command.Stdout, command.Stderr = theirs, theirs
	if err := command.Start(); err != nil {
		return nil, false, errors.Join(err, ours.Close(), theirs.Close())
	}
	return ours, terminal, theirs.Close()
}

// end kills what is left of the session's first process group.
func end(command *exec.Cmd) {
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // usually nothing is left
}

// openTerminal returns both ends of a new terminal that passes output on as it is.
func openTerminal() (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs, err = peer(ours)
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	return ours, theirs, nil
}

func peer(ours *os.File) (theirs *os.File, err error) {
	connection, err := ours.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = connection.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed != nil {
			return
		}
		// By descriptor, not by name: /dev/pts may be another instance's.
		other, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			failed = errno
			return
		}
		theirs = os.NewFile(other, "terminal")
		failed = raw(int(other))
	})
	if err = errors.Join(err, failed); err != nil && theirs != nil {
		err = errors.Join(err, theirs.Close())
	}
	return theirs, err
}

// raw switches echo and the rewriting of line ends off, and makes lines wide enough not to be wrapped.
func raw(fd int) error {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Oflag &^= unix.OPOST
	settings.Lflag &^= unix.ECHO | unix.ECHONL
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, settings); err != nil {
		return err
	}
	return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 500})
}
