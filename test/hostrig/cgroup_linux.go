package hostrig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups of one host: a directory in each hierarchy of the machine. Systemd inside takes the group it is started in
// for the whole tree, so two hosts in one group would remove each other's units.
type cgroups []string

func groupName(id string) string { return "left4me-host-" + id }

// hierarchies lists where the machine has cgroups mounted, of version 1 and 2.
func hierarchies() ([]string, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") && strings.HasPrefix(fields[1], "/sys/fs/cgroup") {
			out = append(out, fields[1])
		}
	}
	return out, nil
}

func makeCgroups(id string) (cgroups, error) {
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var out cgroups
	for _, mount := range mounts {
		dir := filepath.Join(mount, groupName(id))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make a cgroup: %w", err)
		}
		out = append(out, dir)
		// A group of version 1 has no CPUs until it is given some.
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(mount, name))
			if err != nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), value, 0o644); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("set up a cgroup: %w", err)
			}
		}
	}
	return out, nil
}

// removeCgroups kills every process in the host's groups, waits until they are gone, and removes the groups.
func removeCgroups(id string) error {
	mounts, err := hierarchies()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		top := filepath.Join(mount, groupName(id))
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			left := groupsBelow(top)
			if len(left) == 0 {
				break
			}
			busy := false
			for _, dir := range left {
				busy = killGroup(dir) || busy
			}
			if busy {
				if time.Now().After(deadline) {
					return fmt.Errorf("processes in %s do not end", top)
				}
				continue
			}
			for _, dir := range left {
				if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) && time.Now().After(deadline) {
					return err
				}
			}
		}
	}
	return nil
}

// groupsBelow lists dir and the groups in it, the innermost first.
func groupsBelow(dir string) []string {
	var out []string
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			out = append(out, path)
		}
		return nil
	})
	slices.Reverse(out)
	return out
}

// killGroup says whether there was a process to kill.
func killGroup(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return false
	}
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL) // may be gone already
		}
	}
	return len(text) > 0
}
