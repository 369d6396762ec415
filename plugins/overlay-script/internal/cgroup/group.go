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
	locks   []*os.File // of the directories, so that no Sweep takes an empty one for a leftover
}

// make makes and locks one directory. A Sweep may remove it in between.
func (g *Group) make(dir string) error {
	var failure error
	for range 5 {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		lock, err := lock(dir)
		if err == nil {
			g.locks = append(g.locks, lock)
			return nil
		}
		failure = err
	}
	return failure
}

// Add moves a process into the group. What it starts later is born there.
func (g *Group) Add(pid int) error {
	for _, dir := range g.dirs {
		if err := write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
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
	for _, lock := range g.locks {
		_ = lock.Close()
	}
	g.locks = nil
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
	if write(filepath.Join(dir, "cgroup.kill"), "1") == nil {
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
