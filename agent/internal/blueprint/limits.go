package blueprint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits bound what one server may take of the host. Zero values leave the host's own: with systemd those of the
// unit file.
type Limits struct {
	MemoryMiB  int    `json:"memory_mib,omitempty"`  // the game is killed beyond it
	CPUPercent int    `json:"cpu_percent,omitempty"` // of one processor; 150 is one and a half
	Tasks      int    `json:"tasks,omitempty"`       // processes and threads
	CPUs       string `json:"cpus,omitempty"`        // processors it may use: "0-3,6"
	IOWeight   int    `json:"io_weight,omitempty"`   // its share of busy disks, 1 to 10000; others have 100
}

// Bounds of limits. The lower ones are what the game needs to start at all.
const (
	minMemoryMiB  = 256
	maxMemoryMiB  = 1 << 20
	minTasks      = 32
	maxTasks      = 1 << 16
	maxCPUPercent = 100 * MaxCPUs
	maxIOWeight   = 10000
)

// MaxCPUs is the number of processors that [Limits.CPUs] can name.
const MaxCPUs = 1024

func (l Limits) check() error {
	for _, number := range []struct {
		field, what              string
		value, smallest, largest int
	}{
		{"memory_mib", "memory limit in MiB", l.MemoryMiB, minMemoryMiB, maxMemoryMiB},
		{"cpu_percent", "processor limit in percent", l.CPUPercent, 10, maxCPUPercent},
		{"tasks", "limit of tasks", l.Tasks, minTasks, maxTasks},
		{"io_weight", "weight of disk access", l.IOWeight, 1, maxIOWeight},
	} {
		if number.value != 0 && (number.value < number.smallest || number.value > number.largest) {
			return invalid("settings.limits."+number.field,
				fmt.Sprintf("The %s must be between %d and %d.", number.what, number.smallest, number.largest), "0 leaves the host's own.")
		}
	}
	if _, err := ParseCPUs(l.CPUs); err != nil {
		return invalid("settings.limits.cpus", "The processors "+printable(l.CPUs)+" cannot be read: "+err.Error()+".",
			"Write numbers and ranges, for example 0-3,6.")
	}
	return nil
}

// ParseCPUs reads a list of processors in the form of the kernel, "0-3,6". It returns them sorted, each once; none
// for "". Numbers go up to MaxCPUs - 1.
func ParseCPUs(text string) ([]int, error) {
	var out []int
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := parseCPU(first)
		if err != nil {
			return nil, err
		}
		to, err := parseCPU(last)
		if err != nil {
			return nil, err
		}
		if to < from {
			return nil, fmt.Errorf("the range %d-%d ends before it begins", from, to)
		}
		for cpu := from; cpu <= to; cpu++ {
			out = append(out, cpu)
		}
		if len(out) > 4*MaxCPUs {
			return nil, fmt.Errorf("it names too many")
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func parseCPU(text string) (int, error) {
	cpu, err := strconv.ParseUint(text, 10, 16)
	if err != nil || cpu >= MaxCPUs || text[0] == '+' {
		return 0, fmt.Errorf("%q is no number from 0 to %d", printable(text), MaxCPUs-1)
	}
	return int(cpu), nil
}

// Names returns what is limited, for a person.
func (l Limits) Names() []string {
	var out []string
	for _, limit := range []struct {
		name string
		set  bool
	}{
		{"memory", l.MemoryMiB != 0}, {"processor time", l.CPUPercent != 0}, {"tasks", l.Tasks != 0},
		{"processors", l.CPUs != ""}, {"disk weight", l.IOWeight != 0},
	} {
		if limit.set {
			out = append(out, limit.name)
		}
	}
	return out
}
