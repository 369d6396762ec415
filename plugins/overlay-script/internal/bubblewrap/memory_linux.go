package bubblewrap

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/left4me/left4me/plugins/overlay-script/internal/cgroup"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/watch"
)

// watchMemory ends a run whose group lost a process for memory: a script without one of its
// processes must not seem to succeed. Without a group it adds up what the processes hold.
func (s *Sandbox) watchMemory(g *watch.Guard, spec sandbox.Spec, r *running, group *cgroup.Group) {
	g.Go(func(ctx context.Context) {
		for watch.Pause(ctx, watch.Look) {
			limit := spec.Limits.Memory
			if group.OutOfMemory() || limit > 0 && !s.parent.HasMemory() && heldMemory(r.command.Process.Pid) > limit {
				g.End(sandbox.OutOfMemory, "")
				return
			}
		}
	})
}

// heldMemory adds up the memory of a process and all its descendants, in bytes. Orphans in a PID
// namespace become children of its first process, so none is missed. Pages that are shared after a
// fork count once per process: the sum errs on the safe side.
func heldMemory(pid int) uint64 {
	if pid <= 0 {
		return 0
	}
	var sum uint64
	queue := []int{pid}
	for len(queue) > 0 {
		pid, queue = queue[0], queue[1:]
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		sum += residentBytes(string(status))
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(children)) {
			if child, err := strconv.Atoi(field); err == nil {
				queue = append(queue, child)
			}
		}
	}
	return sum
}

// residentBytes reads the memory that is not backed by files from the text of /proc/PID/status, whose
// lines look like "RssAnon:      1234 kB" (proc(5)).
func residentBytes(status string) uint64 {
	var sum uint64
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		if name != "RssAnon" && name != "RssShmem" {
			continue
		}
		kilobytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err == nil {
			sum += kilobytes << 10
		}
	}
	return sum
}
