package overlayfs

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holder is a process, or a mount, that keeps a mount busy.
type Holder struct {
	PID  int // 0 for a mount
	Name string
	How  string // "open file", "working directory", "root directory", "program", "mapped file", "mounted on it"
}

// String gives "srcds_linux (process 4711, open file)".
func (h Holder) String() string {
	if h.PID == 0 {
		return h.Name + " (" + h.How + ")"
	}
	return fmt.Sprintf("%s (process %d, %s)", h.Name, h.PID, h.How)
}

// Device is the kernel's number of a file system, as "major:minor".
func Device(dev uint64) string {
	return strconv.Itoa(int(unix.Major(dev))) + ":" + strconv.Itoa(int(unix.Minor(dev)))
}

// Holders finds who uses the file system with this device number: every process that this one may
// look into, each named once, and mounts on top of the mount id (0 when it has none any more).
func Holders(device string, id uint64) ([]Holder, error) {
	pids, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	out := submounts(id)
	for _, entry := range pids {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if how := holds(pid, device); how != "" {
			out = append(out, Holder{PID: pid, Name: commandName(pid), How: how})
		}
	}
	slices.SortFunc(out, func(a, b Holder) int { return a.PID - b.PID })
	return out, nil
}

func submounts(id uint64) []Holder {
	mounts, err := ReadMounts()
	if err != nil || id == 0 {
		return nil
	}
	var out []Holder
	for _, m := range mounts {
		if m.Parent == id {
			out = append(out, Holder{Name: m.Point, How: "mounted on it"})
		}
	}
	return out
}

func holds(pid int, device string) string {
	base := "/proc/" + strconv.Itoa(pid) + "/"
	for _, link := range []struct{ file, how string }{
		{"cwd", "working directory"}, {"root", "root directory"}, {"exe", "program"},
	} {
		if on(base+link.file, device) {
			return link.how
		}
	}
	files, _ := os.ReadDir(base + "fd") // a process that ended or is another's holds nothing we can see
	if slices.ContainsFunc(files, func(f fs.DirEntry) bool { return on(base+"fd/"+f.Name(), device) }) {
		return "open file"
	}
	if mapped(base+"maps", device) {
		return "mapped file"
	}
	return ""
}

// on compares without asking a slow file system for fresh attributes.
func on(path, device string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, 0, &st)
	return err == nil && fmt.Sprintf("%d:%d", st.Dev_major, st.Dev_minor) == device
}

// mapped reads proc_pid_maps(5), whose fourth column is the device as two hexadecimal numbers.
func mapped(path, device string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		major, minor, _ := strings.Cut(fields[3], ":")
		a, errA := strconv.ParseUint(major, 16, 32)
		b, errB := strconv.ParseUint(minor, 16, 32)
		if errA == nil && errB == nil && fmt.Sprintf("%d:%d", a, b) == device {
			return true
		}
	}
	return false
}

func commandName(pid int) string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return "a process that ended"
	}
	return strings.TrimSpace(string(data))
}
