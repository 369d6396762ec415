package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/blueprint"
)

// cpuPeriod is the window of cpu.max, in µs.
const cpuPeriod = 100_000

// bound is one limit as a file of a control group; a limit may take several.
type bound struct{ name, file, value string }

// bounds are limits in the kernel's words (cgroup-v2.rst).
func bounds(limits blueprint.Limits) []bound {
	var out []bound
	add := func(set bool, limit blueprint.Limits, file, value string) {
		if set {
			out = append(out, bound{limit.Names()[0], file, value})
		}
	}
	add(limits.MemoryMiB != 0, blueprint.Limits{MemoryMiB: limits.MemoryMiB}, "memory.max", strconv.Itoa(limits.MemoryMiB<<20))
	add(limits.CPUPercent != 0, blueprint.Limits{CPUPercent: limits.CPUPercent}, "cpu.max",
		fmt.Sprintf("%d %d", limits.CPUPercent*cpuPeriod/100, cpuPeriod))
	add(limits.Tasks != 0, blueprint.Limits{Tasks: limits.Tasks}, "pids.max", strconv.Itoa(limits.Tasks))
	add(limits.CPUs != "", blueprint.Limits{CPUs: limits.CPUs}, "cpuset.cpus", limits.CPUs)
	add(limits.IOWeight != 0, blueprint.Limits{IOWeight: limits.IOWeight}, "io.weight", strconv.Itoa(limits.IOWeight))
	return out
}

// limit sets what the group can hold. What it cannot was said before the start, see Unenforced.
func (c cgroup) limit(limits blueprint.Limits) error {
	if c == "" {
		return nil
	}
	for _, b := range bounds(limits) {
		err := os.WriteFile(c.file(b.file), []byte(b.value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("limit %s: %w", b.name, err)
		}
	}
	return nil
}

// Unenforced implements server.Enforcer: limits need a control group whose controllers are given to the agent.
func (s *Supervisor) Unenforced(limits blueprint.Limits) []string {
	given := map[string]bool{}
	if s.opts.Cgroup != "" {
		data, _ := os.ReadFile(filepath.Join(s.opts.Cgroup, "cgroup.subtree_control"))
		for controller := range strings.FieldsSeq(string(data)) {
			given[controller] = true
		}
	}
	var out []string
	for _, b := range bounds(limits) {
		if controller, _, _ := strings.Cut(b.file, "."); !given[controller] {
			out = append(out, b.name)
		}
	}
	return out
}
