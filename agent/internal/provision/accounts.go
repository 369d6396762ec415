package provision

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// uid and gid read the host's own files: that is where systemd-sysusers writes.
func (h *host) uid(name string) (int, error) { return h.number("/etc/passwd", "user", name) }
func (h *host) gid(name string) (int, error) { return h.number("/etc/group", "group", name) }

func (h *host) number(path, what, name string) (int, error) {
	data, err := os.ReadFile(h.path(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		fields := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(fields) > 2 && fields[0] == name {
			return strconv.Atoi(fields[2])
		}
	}
	return 0, fault.New(fault.Precondition, "There is no %s %s.", what, name).
		WithHint("Run: systemd-sysusers /usr/lib/sysusers.d/left4me.conf")
}

// accountsOf returns the lines of a file of accounts that name one of ours.
func (h *host) accountsOf(path string) (map[string]bool, error) {
	data, err := os.ReadFile(h.path(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	out := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if strings.Contains(lines.Text(), "left4me") {
			out[lines.Text()] = true
		}
	}
	return out, errors.Join(err, lines.Err())
}

// users makes users and groups and reports which.
func (h *host) users() error {
	paths := []string{"/etc/passwd", "/etc/group"}
	before := make([]map[string]bool, len(paths))
	for i, path := range paths {
		var err error
		if before[i], err = h.accountsOf(path); err != nil {
			return err
		}
	}
	if err := h.run("systemd-sysusers", "/usr/lib/sysusers.d/left4me.conf"); err != nil {
		return err
	}
	for i, path := range paths {
		after, err := h.accountsOf(path)
		if err != nil {
			return err
		}
		for line := range after {
			if !before[i][line] {
				name, _, _ := strings.Cut(line, ":")
				h.changed(path + " (" + name + ")")
			}
		}
	}
	return nil
}
