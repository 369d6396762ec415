package cgroup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The words for Find besides a path.
const (
	Auto = "auto"
	None = "none"
)

// prefix begins the names of our groups; the plugin itself moves to ownLeaf.
const (
	prefix  = "left4me-script-"
	ownLeaf = "left4me-plugin"
)

// Find returns where groups can be made, or an error that says, as part of a sentence, why there
// is no such place. Where is Auto (below the plugin's own cgroup), None, or the path of a cgroup
// that is delegated to the plugin, as /proc/self/cgroup writes it.
func Find(where string) (*Parent, error) {
	if where == None {
		return nil, errors.New("the setting cgroup is \"none\"")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	places := locate(string(mounts), string(own), where)
	if parent, err := unified(places[""], where); err == nil {
		return parent, nil
	} else if len(places) == 1 {
		return nil, err
	}
	return separate(places)
}

// locate maps controllers to the directories of where (or of the plugin's own cgroup for Auto), and
// "" to that of v2. Formats: proc(5) for mountinfo, cgroups(7) for /proc/self/cgroup.
func locate(mountinfo, own, where string) map[string]string {
	paths := map[string]string{}
	for line := range strings.Lines(own) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 {
			for controller := range strings.SplitSeq(parts[1], ",") {
				paths[controller] = parts[2]
			}
		}
	}
	out := map[string]string{}
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		fields, after := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(after) < 3 {
			continue
		}
		var controllers []string
		switch after[0] {
		case "cgroup2":
			controllers = []string{""}
		case "cgroup":
			controllers = strings.Split(after[2], ",")
		}
		for _, controller := range controllers {
			path, known := paths[controller]
			if where != Auto {
				path = where
			}
			if known && out[controller] == "" && strings.HasPrefix(path, "/") {
				out[controller] = below(fields[4], fields[3], path)
			}
		}
	}
	return out
}

// below joins a mount point with a cgroup path, when the mount shows the hierarchy from root on.
func below(mount, root, path string) string {
	if root != "/" {
		if rest, ok := strings.CutPrefix(path, root); ok {
			path = rest
		}
	}
	return filepath.Join(mount, filepath.Clean("/"+path))
}

// unified prepares a v2 directory: with the plugin alone in it, the plugin moves into a leaf, since
// only a cgroup without processes hands controllers to its children.
func unified(dir, where string) (*Parent, error) {
	if dir == "" {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	if where == Auto && filepath.Base(dir) == ownLeaf {
		dir = filepath.Dir(dir) // an earlier Find moved the plugin
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	have := strings.Fields(string(text))
	if !slices.Contains(have, memory) || !slices.Contains(have, pids) {
		return nil, fmt.Errorf("the cgroup %s has no memory and pids controllers", dir)
	}
	if where == Auto {
		if err := vacate(dir); err != nil {
			return nil, err
		}
	}
	parent := &Parent{unified: true, dirs: map[string]string{}}
	var failures []error
	for _, controller := range []string{memory, pids, cpu} {
		if !slices.Contains(have, controller) {
			continue
		}
		err := write(filepath.Join(dir, "cgroup.subtree_control"), "+"+controller)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		parent.dirs[controller] = dir
	}
	if len(parent.dirs) == 0 {
		return nil, errors.Join(failures...)
	}
	return parent, nil
}

func vacate(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "cgroup.type")); errors.Is(err, os.ErrNotExist) {
		return nil // the root of the hierarchy may hold processes and still hand on controllers
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	self := strconv.Itoa(os.Getpid())
	procs := strings.Fields(string(text))
	if len(procs) == 0 {
		return nil
	}
	if !slices.Equal(procs, []string{self}) {
		return fmt.Errorf("the cgroup %s is shared with other processes", dir)
	}
	leaf := filepath.Join(dir, ownLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return write(filepath.Join(leaf, "cgroup.procs"), self)
}

// separate takes each v1 hierarchy that lets us.
func separate(places map[string]string) (*Parent, error) {
	parent := &Parent{dirs: map[string]string{}}
	var failures []error
	for _, controller := range []string{memory, pids, cpu} {
		dir := places[controller]
		if dir == "" {
			continue
		}
		if err := probe(dir); err != nil {
			failures = append(failures, err)
			continue
		}
		parent.dirs[controller] = dir
	}
	if len(parent.dirs) > 0 {
		return parent, nil
	}
	if len(failures) == 0 {
		return nil, errors.New("the host has no cgroup controllers for memory, tasks and CPU")
	}
	return nil, errors.Join(failures...)
}

// probe tells whether groups can be made in dir by making one.
func probe(dir string) error {
	name := filepath.Join(dir, prefix+"probe-"+strings.ToLower(rand.Text()))
	if err := os.Mkdir(name, 0o755); err != nil {
		return err
	}
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) { // another's Sweep may be faster
		return err
	}
	return nil
}

// Sweep removes the groups that a plugin left behind that was killed. The kernel refuses to remove
// those that still hold processes.
func (p *Parent) Sweep() {
	if p == nil {
		return
	}
	for _, dir := range p.dirs {
		names, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
		for _, name := range names {
			if lock, err := lock(name); err == nil {
				_ = os.Remove(name)
				_ = lock.Close()
			}
		}
	}
}
