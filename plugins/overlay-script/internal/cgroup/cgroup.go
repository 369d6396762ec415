// Package cgroup puts the processes of one script under limits, with cgroup v2 or, on hosts that
// still have them, the controllers of v1.
//
// It never touches a cgroup that holds processes of others, and it works only where the host lets
// it: as root, or in a subtree that was delegated to the plugin's user.
package cgroup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits of one group. Zero means no limit.
type Limits struct {
	Memory uint64 // bytes, without swap
	Tasks  uint64
	CPU    uint64 // percent of one core
}

// The controllers that limits need.
const (
	memory = "memory"
	pids   = "pids"
	cpu    = "cpu"
)

// Parent is the place below which groups are made.
type Parent struct {
	unified bool              // v2
	dirs    map[string]string // controller → directory; in v2 all the same
}

// Missing lists the controllers that are not there, in words for a person.
func (p *Parent) Missing() []string {
	words := map[string]string{memory: "memory", pids: "task", cpu: "CPU"}
	var out []string
	for _, name := range []string{memory, pids, cpu} {
		if p == nil || p.dirs[name] == "" {
			out = append(out, words[name])
		}
	}
	return out
}

// HasMemory says whether groups of p limit memory.
func (p *Parent) HasMemory() bool { return p != nil && p.dirs[memory] != "" }

// New makes a group whose name begins with name and sets its limits.
func (p *Parent) New(name string, limits Limits) (*Group, error) {
	group := &Group{unified: p.unified, dirs: map[string]string{}}
	name = prefix + name + "-" + strings.ToLower(rand.Text()[:10])
	for controller, dir := range p.dirs {
		group.dirs[controller] = filepath.Join(dir, name)
		if err := group.make(group.dirs[controller]); err != nil {
			return nil, errors.Join(fmt.Errorf("make the cgroup: %w", err), group.Close())
		}
	}
	if err := group.limit(limits); err != nil {
		return nil, errors.Join(fmt.Errorf("limit the cgroup: %w", err), group.Close())
	}
	return group, nil
}

// setting is one file to write. Optional ones are missing on some kernels.
type setting struct {
	controller, file, value string
	optional                bool
}

func (g *Group) limit(limits Limits) error {
	for _, s := range settings(g.unified, limits) {
		if g.dirs[s.controller] == "" {
			continue
		}
		err := write(filepath.Join(g.dirs[s.controller], s.file), s.value)
		if err != nil && !(s.optional && errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// write writes to a file that the kernel made. Without O_CREAT a missing one is told from one that
// refuses the value.
func write(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// settings lists what to write, in the order that the kernel wants it. Formats: the kernel's
// admin-guide/cgroup-v2 and cgroup-v1 documents.
func settings(unified bool, limits Limits) []setting {
	const period = 100_000 // µs
	var out []setting
	add := func(controller, file, value string, optional bool) {
		out = append(out, setting{controller, file, value, optional})
	}
	if limits.Memory > 0 {
		bytes := strconv.FormatUint(limits.Memory, 10)
		if unified {
			add(memory, "memory.max", bytes, false)
			add(memory, "memory.swap.max", "0", true)
			add(memory, "memory.oom.group", "1", true)
		} else {
			add(memory, "memory.limit_in_bytes", bytes, false)
			add(memory, "memory.memsw.limit_in_bytes", bytes, true)
			add(memory, "memory.swappiness", "0", true)
		}
	}
	if limits.Tasks > 0 {
		add(pids, "pids.max", strconv.FormatUint(limits.Tasks, 10), false)
	}
	if limits.CPU > 0 {
		quota := strconv.FormatUint(limits.CPU*period/100, 10)
		if unified {
			add(cpu, "cpu.max", quota+" "+strconv.Itoa(period), false)
			add(cpu, "cpu.weight", "20", true)
		} else {
			add(cpu, "cpu.cfs_period_us", strconv.Itoa(period), false)
			add(cpu, "cpu.cfs_quota_us", quota, false)
			add(cpu, "cpu.shares", "200", true)
		}
	}
	return out
}

// oomKills reads how many processes the kernel killed for memory from the text of memory.events
// (v2) or memory.oom_control (v1): both have a line "oom_kill N".
func oomKills(text string) uint64 {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			n, _ := strconv.ParseUint(value, 10, 64)
			return n
		}
	}
	return 0
}
