package overlayfs

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// KernelMax is the most lower layers overlayfs takes.
const KernelMax = 500

// Stack says what to mount where. All numbers are open directory descriptors, O_PATH is enough.
type Stack struct {
	Source    string // who made the mount and from what; shown in mountinfo
	Lowers    []int  // highest precedence first, 1 to KernelMax
	Upper     int
	Work      int
	Target    int
	UserXattr bool // keep marks in user.overlay.*: where trusted.* cannot be written
	// Claim asks the kernel to fail when another live mount has the same upper or work directory.
	Claim bool
}

// fixed are options that module parameters could otherwise change. Links between layers are never
// followed and nothing but whole files is copied up, so a layer cannot point into another one.
func (s Stack) fixed() []option {
	out := []option{
		{"redirect_dir", "nofollow"},
		{"metacopy", "off"},
		{"index", "off"},
		{"xino", "off"},
	}
	if s.Claim {
		out[2].value = "on"
	}
	if s.UserXattr {
		out = append(out, option{"userxattr", ""})
	}
	return out
}

type option struct{ key, value string }

func (o option) String() string {
	if o.value == "" {
		return o.key
	}
	return o.key + "=" + o.value
}

// Rung is a way to hand a stack to the kernel.
type Rung string

// The rungs, best first.
const (
	ByFD     Rung = "fsconfig-fd"     // lowerdir+ by descriptor, Linux 6.13
	ByPath   Rung = "fsconfig-proc"   // lowerdir+ as /proc/self/fd/N, Linux 6.8
	ByNumber Rung = "mount-fdnumbers" // mount(2) in /proc/self/fd with numbers for names, any
)

// Rungs lists all, best first.
func Rungs() []Rung { return []Rung{ByFD, ByPath, ByNumber} }

// Mount mounts s on its target with nosuid and nodev. An error is an *[Error] with the kernel's own
// words where it gives any. Nothing is left on error, nor when the process dies before the end.
func (r Rung) Mount(s Stack) error {
	if r == ByNumber {
		return mountByNumber(s)
	}
	fd, err := r.detached(s)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.MoveMount(fd, "", s.Target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err != nil {
		return &Error{Step: "move_mount", Err: err}
	}
	return nil
}

// detached makes the mount without attaching it anywhere.
func (r Rung) detached(s Stack) (int, error) {
	fd, err := r.create(s)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	mount, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, failed(fd, "fsmount", err)
	}
	return mount, nil
}

// create makes the superblock and returns the configuration descriptor that holds it.
func (r Rung) create(s Stack) (int, error) {
	fd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, &Error{Step: "fsopen overlay", Err: err}
	}
	if err := r.configure(fd, s); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (r Rung) configure(fd int, s Stack) error {
	if err := unix.FsconfigSetString(fd, "source", s.Source); err != nil {
		return failed(fd, "set source", err)
	}
	for _, o := range s.fixed() {
		if err := set(fd, o); err != nil {
			return failed(fd, "set "+o.String(), err)
		}
	}
	for i, lower := range s.Lowers {
		if err := r.layer(fd, "lowerdir+", lower); err != nil {
			return failed(fd, fmt.Sprintf("add layer %d", i+1), err)
		}
	}
	if err := r.layer(fd, "upperdir", s.Upper); err != nil {
		return failed(fd, "set upper", err)
	}
	if err := r.layer(fd, "workdir", s.Work); err != nil {
		return failed(fd, "set work", err)
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		return failed(fd, "create", err)
	}
	return nil
}

func (r Rung) layer(fd int, key string, dir int) error {
	if r == ByFD {
		return unix.FsconfigSetFd(fd, key, dir)
	}
	return unix.FsconfigSetString(fd, key, "/proc/self/fd/"+strconv.Itoa(dir))
}

func set(fd int, o option) error {
	if o.value == "" {
		return unix.FsconfigSetFlag(fd, o.key)
	}
	return unix.FsconfigSetString(fd, o.key, o.value)
}

// Error is a refused step of mounting.
type Error struct {
	Step   string
	Kernel string // what the kernel had to say, may be empty
	Err    error
}

// Error names the step and the kernel's message.
func (e *Error) Error() string {
	if e.Kernel != "" {
		return fmt.Sprintf("%s: %s: %v", e.Step, e.Kernel, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Step, e.Err)
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Err }

// failed collects the kernel's messages for a step on a configuration descriptor.
func failed(fd int, step string, err error) error {
	var lines []string
	buf := make([]byte, 1024)
	for {
		n, readErr := unix.Read(fd, buf)
		if readErr != nil || n <= 0 {
			break
		}
		line := strings.TrimSpace(string(buf[:n]))
		if len(line) > 2 && line[1] == ' ' { // "e ", "w " or "i "
			line = line[2:]
		}
		lines = append(lines, line)
	}
	return &Error{Step: step, Kernel: strings.Join(lines, "; "), Err: err}
}
