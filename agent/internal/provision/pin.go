package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// The drop-ins that bind slices to CPUs.
const (
	gamePin  = "/etc/systemd/system/left4me-game.slice.d/50-cpus.conf"
	buildPin = "/etc/systemd/system/left4me-build.slice.d/50-cpus.conf"
)

// pin gives games whole cores of their own. The first cores stay with the system and with builds: interrupts and the
// kernel's own work prefer them.
func (h *host) pin() error {
	switch {
	case h.options.GameCores == 0:
		return nil
	case h.options.GameCores < 0:
		return errors.Join(h.drop(gamePin), h.drop(buildPin))
	}
	cores, err := readCores(os.DirFS(h.path("/sys/devices/system/cpu")))
	if err != nil {
		return err
	}
	games, builds, err := split(cores, h.options.GameCores)
	if err != nil {
		return err
	}
	for path, cpus := range map[string][]int{gamePin: games, buildPin: builds} {
		if err := os.MkdirAll(h.path(filepath.Dir(path)), 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf("# Written by: left4me provision --game-cores %d\n[Slice]\nAllowedCPUs=%s\n", h.options.GameCores, formatCPUs(cpus))
		if err := h.put(path, []byte(text), 0o644, -1); err != nil {
			return err
		}
	}
	return nil
}

// readCores returns the threads of each physical core, in the order of their first thread. Threads of one core share
// its execution units: a build on the sibling of a game's CPU slows the game down.
func readCores(cpu fs.FS) ([][]int, error) {
	lists, err := fs.Glob(cpu, "cpu[0-9]*/topology/thread_siblings_list")
	if err != nil {
		return nil, err
	}
	var cores [][]int
	for _, path := range lists {
		text, err := fs.ReadFile(cpu, path)
		if err != nil {
			return nil, err
		}
		core, err := ParseCPUs(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		cores = append(cores, core)
	}
	slices.SortFunc(cores, slices.Compare)
	return slices.CompactFunc(cores, slices.Equal), nil
}

// split takes the last n cores for games and leaves at least one.
func split(cores [][]int, n int) (games, builds []int, err error) {
	if n >= len(cores) {
		return nil, nil, fault.New(fault.Invalid, "This host has %d cores, so %d cannot be reserved for games: one must be left.", len(cores), n).
			WithField("game-cores").WithHint("Reserve fewer cores.")
	}
	border := len(cores) - n
	return slices.Concat(cores[border:]...), slices.Concat(cores[:border]...), nil
}

const maxCPU = 8191 // NR_CPUS of the largest kernels

// ParseCPUs reads a list as the kernel writes it, for example "0-3,8,10-11" (cpuset(7)). CPUs come out sorted.
func ParseCPUs(text string) ([]int, error) {
	var out []int
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		low, errLow := strconv.Atoi(first)
		high, errHigh := strconv.Atoi(last)
		if errLow != nil || errHigh != nil || low < 0 || low > high || high > maxCPU {
			return nil, fmt.Errorf("%q is no list of CPUs", text)
		}
		for cpu := low; cpu <= high; cpu++ {
			out = append(out, cpu)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// formatCPUs writes sorted or unsorted CPUs as such a list.
func formatCPUs(cpus []int) string {
	cpus = slices.Sorted(slices.Values(cpus))
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := strconv.Itoa(cpus[i])
		if j > i {
			part += "-" + strconv.Itoa(cpus[j])
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ",")
}
