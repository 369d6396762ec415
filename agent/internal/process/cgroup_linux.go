package process

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A unit's control group. "" is none: every method then does nothing.
type cgroup string

func (c cgroup) file(name string) string { return filepath.Join(string(c), name) }

// create makes the group and opens it for starting a process in it; nil without one.
func (c cgroup) create() (*os.File, error) {
	if c == "" {
		return nil, nil
	}
	if err := os.Mkdir(string(c), 0o755); err != nil && !os.IsExist(err) {
		return nil, err
	}
	return os.Open(string(c))
}

// kill ends every process of the group at once; the kernel leaves no way out.
func (c cgroup) kill() {
	if c != "" {
		_ = os.WriteFile(c.file("cgroup.kill"), []byte("1"), 0)
	}
}

// remove fails while processes are left.
func (c cgroup) remove() error {
	if c == "" {
		return nil
	}
	err := os.Remove(string(c))
	if os.IsNotExist(err) || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// end kills whoever is in the group and removes it. Killed processes leave the group some time after the kill.
func (c cgroup) end(ctx context.Context) error {
	for {
		c.kill()
		err := c.remove()
		if err == nil || !errors.Is(err, syscall.EBUSY) {
			return err
		}
		if pause(ctx, killRound); ctx.Err() != nil {
			return err
		}
	}
}

// oomKills returns how often the group hit its memory limit with a kill.
func (c cgroup) oomKills() string { return counter(c.file("memory.events"), "oom_kill") }

// counter returns the value of a "name value" line of a kernel file.
func counter(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}

// oomCount is a number that changes when the kernel kills for lack of memory: in the group, or, without one, on the
// whole host.
func (c cgroup) oomCount() string {
	if c != "" {
		if n := c.oomKills(); n != "" {
			return n
		}
	}
	return counter("/proc/vmstat", "oom_kill")
}
