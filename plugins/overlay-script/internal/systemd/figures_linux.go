package systemd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// group is where the kernel keeps the figures of a unit's memory.
type group struct {
	dir string
	v2  bool
}

// findGroup looks for the cgroup of a unit in the hierarchies of both versions.
func findGroup(name string) (group, error) {
	for _, candidate := range []group{{"/sys/fs/cgroup", true}, {"/sys/fs/cgroup/memory", false}} {
		candidate.dir = filepath.Join(candidate.dir, name)
		if _, err := os.Stat(filepath.Join(candidate.dir, "memory.stat")); err == nil {
			return candidate, nil
		}
	}
	return group{}, fmt.Errorf("systemd keeps no figures of memory for %s: is the controller there", name)
}

// killed counts processes that the kernel killed for memory.
func (g group) killed() uint64 {
	name := "memory.oom_control"
	if g.v2 {
		name = "memory.events"
	}
	return g.fields(name)["oom_kill"]
}

// held is the memory that nothing but ending processes or removing files from memory gives back, in bytes. Files in
// the page cache do not count: the kernel drops them by itself.
func (g group) held() uint64 {
	figures := g.fields("memory.stat")
	if g.v2 {
		return figures["anon"] + figures["shmem"]
	}
	return figures["total_rss"] + figures["total_shmem"]
}

// fields reads a file of lines like "name 123". What cannot be read counts as 0: the group may be gone.
func (g group) fields(name string) map[string]uint64 {
	text, _ := os.ReadFile(filepath.Join(g.dir, name))
	out := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out[key], _ = strconv.ParseUint(value, 10, 64)
		}
	}
	return out
}
