package overlayfs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// maxLine bounds one line of mountinfo: 500 layers with long paths are about 64 KiB.
const maxLine = 1 << 20

// Info is one line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type Info struct {
	ID      uint64
	Parent  uint64
	Device  string // "major:minor"
	Root    string
	Point   string // where it is mounted
	Options string // of the mount
	Shared  bool   // passes new mounts on to its peers
	Slave   bool   // gets mounts from elsewhere and gives none back
	Type    string
	Source  string
	Super   string // options of the file system
}

// ReadMounts reads the mount table of this process.
func ReadMounts() ([]Info, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseMounts(f)
}

// ParseMounts parses a mount table.
func ParseMounts(r io.Reader) ([]Info, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var out []Info
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		info, err := parseLine(lines.Text())
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, lines.Err()
}

func parseLine(line string) (Info, error) {
	left, right, found := strings.Cut(line, " - ")
	head, tail := strings.Fields(left), strings.Split(right, " ")
	if !found || len(head) < 6 || len(tail) < 3 {
		return Info{}, fmt.Errorf("mountinfo: cannot read line %.80q", line)
	}
	id, err := strconv.ParseUint(head[0], 10, 64)
	if err != nil {
		return Info{}, fmt.Errorf("mountinfo: mount id: %w", err)
	}
	parent, err := strconv.ParseUint(head[1], 10, 64)
	if err != nil {
		return Info{}, fmt.Errorf("mountinfo: parent id: %w", err)
	}
	info := Info{
		ID: id, Parent: parent, Device: head[2],
		Root: unescape(head[3]), Point: unescape(head[4]), Options: head[5],
		Type: unescape(tail[0]), Source: unescape(tail[1]), Super: strings.Join(tail[2:], " "),
	}
	for _, tag := range head[6:] {
		info.Shared = info.Shared || strings.HasPrefix(tag, "shared:")
		info.Slave = info.Slave || strings.HasPrefix(tag, "master:")
	}
	return info, nil
}

// unescape undoes the \ooo form of blanks, newlines and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// HasOption reports whether a comma separated list holds an option.
func HasOption(list, name string) bool {
	for o := range strings.SplitSeq(list, ",") {
		if key, _, _ := strings.Cut(o, "="); key == name {
			return true
		}
	}
	return false
}

// Layers counts the lower layers the kernel shows for an overlay.
func (i Info) Layers() int {
	count := 0
	for o := range strings.SplitSeq(i.Super, ",") {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "lowerdir+":
			count++
		case "lowerdir":
			count += strings.Count(value, ":") - strings.Count(value, `\:`) + 1
		}
	}
	return count
}
