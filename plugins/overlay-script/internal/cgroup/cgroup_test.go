package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mixedMounts = `30 23 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 30 0:35 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

func TestLocate(t *testing.T) {
	own := "8:pids:/a\n4:memory:/b/c\n1:cpu,cpuacct:/\n0::/u\n"
	for name, c := range map[string]struct {
		mounts, own, where string
		want               map[string]string
	}{
		"own groups": {mixedMounts, own, Auto, map[string]string{
			"": "/sys/fs/cgroup/unified/u", "pids": "/sys/fs/cgroup/pids/a", "memory": "/sys/fs/cgroup/memory/b/c",
			"cpu": "/sys/fs/cgroup/cpu", "cpuacct": "/sys/fs/cgroup/cpu",
		}},
		"a named one": {mixedMounts, own, "/left4me/scripts", map[string]string{
			"": "/sys/fs/cgroup/unified/left4me/scripts", "pids": "/sys/fs/cgroup/pids/left4me/scripts", "memory": "/sys/fs/cgroup/memory/left4me/scripts",
			"cpu": "/sys/fs/cgroup/cpu/left4me/scripts", "cpuacct": "/sys/fs/cgroup/cpu/left4me/scripts",
		}},
		"dots lead nowhere":  {"41 30 0:37 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n", "/../../etc", map[string]string{"": "/sys/fs/cgroup/etc"}},
		"a container's view": {"41 30 0:37 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", "0::/docker/1/x\n", Auto, map[string]string{"": "/sys/fs/cgroup/x"}},
		"no path":            {mixedMounts, own, "relative", map[string]string{}},
		"nonsense":           {"a b c\n - \n\n", "x\n::\n", Auto, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, locate(c.mounts, c.own, c.where)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzLocate(f *testing.F) {
	f.Add(mixedMounts, "8:pids:/a\n0::/u\n", Auto)
	f.Fuzz(func(t *testing.T, mounts, own, where string) {
		for _, dir := range locate(mounts, own, where) {
			if dir != filepath.Clean(dir) {
				t.Errorf("%q is not clean", dir)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	limits := Limits{Memory: 4 << 30, Tasks: 512, CPU: 200}
	for name, c := range map[string]struct {
		unified bool
		want    []string
	}{
		"v2": {true, []string{"memory.max=4294967296", "memory.swap.max=0", "memory.oom.group=1", "pids.max=512", "cpu.max=200000 100000", "cpu.weight=20"}},
		"v1": {false, []string{
			"memory.limit_in_bytes=4294967296", "memory.memsw.limit_in_bytes=4294967296", "memory.swappiness=0", "pids.max=512",
			"cpu.cfs_period_us=100000", "cpu.cfs_quota_us=200000", "cpu.shares=200",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range settings(c.unified, limits) {
				got = append(got, s.file+"="+s.value)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := settings(true, Limits{}); len(got) != 0 {
		t.Errorf("no limits write %v", got)
	}
}

func TestOOMKills(t *testing.T) {
	for text, want := range map[string]uint64{
		"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n": 2,
		"oom_kill_disable 0\nunder_oom 0\noom_kill 1\n":                1,
		"oom_kill_disable 0\nunder_oom 0\n":                            0,
		"":                                                             0,
	} {
		if got := oomKills(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A real group takes a process, limits it and goes away, where this machine lets it.
func TestGroup(t *testing.T) {
	parent, err := Find(Auto)
	if err != nil {
		t.Skip(err)
	}
	group, err := parent.New("test", Limits{Memory: 64 << 20, Tasks: 10, CPU: 50})
	if err != nil {
		t.Fatal(err)
	}
	for controller, dir := range group.dirs {
		if _, err := os.Stat(dir); err != nil || !strings.Contains(dir, "/left4me-script-test-") {
			t.Errorf("%s: %s, %v", controller, dir, err)
		}
	}
	parent.Sweep() // must leave a group that is in use, though it is empty
	if group.OutOfMemory() {
		t.Error("a fresh group is out of memory")
	}
	if err := group.Close(); err != nil {
		t.Error(err)
	}
	for _, dir := range group.dirs {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := Find(None); err == nil {
		t.Error("none is a place")
	}
}

// The layout of a delegated v2 subtree, as files: this machine's kernel has its controllers in v1.
func TestUnified(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for name, c := range map[string]struct{ controllers, procs, where, wrong string }{
		"alone":          {"cpu memory pids", self, Auto, ""},
		"moved before":   {"cpu memory pids", "", Auto, ""},
		"shared":         {"cpu memory pids", self + "\n1", Auto, "shared"},
		"no controllers": {"cpu", self, Auto, "no memory"},
		"named":          {"cpu memory pids", self + "\n1", "/named", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{
				"cgroup.controllers": c.controllers, "cgroup.procs": c.procs, "cgroup.type": "domain", "cgroup.subtree_control": "",
				ownLeaf + "/cgroup.procs": "",
			} {
				path := filepath.Join(dir, file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			place := dir
			if name == "moved before" {
				place = filepath.Join(dir, ownLeaf)
			}
			parent, err := unified(place, c.where)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || len(parent.Missing()) != 0 || parent.dirs[memory] != dir {
				t.Fatalf("%+v, %v", parent, err)
			}
			moved, err := os.ReadFile(filepath.Join(dir, ownLeaf, "cgroup.procs"))
			if want := name == "alone"; err != nil || (string(moved) == self) != want {
				t.Errorf("the leaf holds %q, %v", moved, err)
			}
		})
	}
}
