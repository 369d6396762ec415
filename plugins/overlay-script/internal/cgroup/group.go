package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Group holds the processes of one script.
type Group struct {
	unified bool
	dirs    map[string]string
}

// Add moves a process into the group. What it starts later is born there.
func (g *Group) Add(pid int) error {
	for _, dir := range g.dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("move process %d into its cgroup: %w", pid, err)
		}
	}
	return nil
}

// OutOfMemory says whether the kernel killed a process of the group for memory.
func (g *Group) OutOfMemory() bool {
	name := "memory.oom_control"
	if g.unified {
		name = "memory.events"
	}
	if g.dirs[memory] == "" {
		return false
	}
	text, err := os.ReadFile(filepath.Join(g.dirs[memory], name))
	return err == nil && oomKills(string(text)) > 0
}

// Close kills what is left in the group and removes it.
func (g *Group) Close() error {
	var failures []error
	for _, dir := range g.dirs {
		failures = append(failures, remove(dir))
	}
	return errors.Join(failures...)
}

// remove ends the processes of a cgroup and deletes it. The kernel says EBUSY until the last of
// them is gone, which takes moments.
func remove(dir string) error {
	deadline := time.Now().Add(2 * time.Second)
	for {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
		killAll(dir)
		time.Sleep(2 * time.Millisecond)
	}
}

func killAll(dir string) {
	if os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) == nil {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
