package overlayfs

import (
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountByNumber uses mount(2). Its options must fit one page, and what is too long is cut without an
// error, so the layers are named by descriptor number in a thread whose directory is /proc/self/fd.
func mountByNumber(s Stack) error {
	data, err := numberedOptions(s)
	if err != nil {
		return err
	}
	done := make(chan error)
	go func() {
		// Never unlocked: the thread has a directory of its own and must end with this goroutine.
		runtime.LockOSThread()
		done <- mountInFDs(s, data)
	}()
	return <-done
}

func mountInFDs(s Stack, data string) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return &Error{Step: "unshare the working directory", Err: err}
	}
	if err := unix.Chdir("/proc/self/fd"); err != nil {
		return &Error{Step: "enter /proc/self/fd", Err: err}
	}
	target := "/proc/self/fd/" + strconv.Itoa(s.Target)
	if err := unix.Mount(s.Source, target, "overlay", unix.MS_NOSUID|unix.MS_NODEV, data); err != nil {
		return &Error{Step: "mount " + strconv.Itoa(len(s.Lowers)) + " layers", Err: err}
	}
	return nil
}

func numberedOptions(s Stack) (string, error) {
	var b strings.Builder
	for _, o := range s.fixed() {
		b.WriteString(o.String() + ",")
	}
	b.WriteString("upperdir=" + strconv.Itoa(s.Upper) + ",workdir=" + strconv.Itoa(s.Work) + ",lowerdir=")
	for i, fd := range s.Lowers {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strconv.Itoa(fd))
	}
	if b.Len() >= unix.Getpagesize()-1 {
		return "", &Error{Step: "options do not fit one page", Err: unix.E2BIG}
	}
	return b.String(), nil
}
