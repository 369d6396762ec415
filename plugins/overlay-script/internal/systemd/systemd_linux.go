package systemd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Config of the sandbox. What scripts run as, see and reach is in the unit, which root writes.
type Config struct {
	Network   sandbox.Network // filtered or none
	Denied    []netip.Prefix  // must be in the deny list besides what always is
	Resolvers []netip.Addr
	Hosts     map[string]netip.Addr // names that scripts see in /etc/hosts
}

// Sandbox implements sandbox.Sandbox.
type Sandbox struct {
	config Config
	memory uint64 // MemoryMax of the unit
	report sandbox.Report
	probe  chan struct{} // holds one token: there is one instance with a tree of its own
}

// answer is how long systemd may take to answer a question.
const answer = 20 * time.Second

// New looks whether this host has the sandbox and lets this user start it. It runs nothing.
func New(config Config) (*Sandbox, error) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil, errors.New("systemd is not the first process of this host")
	}
	if config.Network == sandbox.NetworkOpen {
		return nil, errors.New(`the sandbox of systemd has no egress "open": set it to "filtered" or "none", or the sandbox to "bubblewrap"`)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	b, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	s := &Sandbox{config: config, probe: make(chan struct{}, 1)}
	s.report = sandbox.Report{Kind: "systemd", Network: config.Network, Facts: map[string]string{"script_uid": strconv.Itoa(os.Getuid())}}
	if err := s.readUnit(ctx, b); err != nil {
		return nil, err
	}
	// Stopping what does not run changes nothing, but polkit is asked.
	return s, b.stop(ctx, unitOf(probeName))
}

func unitOf(name string) string { return prefix + name + ".service" }

// readUnit sees whether the unit is there, and what its limits are.
func (s *Sandbox) readUnit(ctx context.Context, b *bus) error {
	unit := unitOf(probeName)
	object, err := b.load(ctx, unit)
	if err != nil {
		return err
	}
	state, err := property[string](ctx, object, unitInterface, "LoadState")
	if err != nil {
		return err
	}
	if state != "loaded" {
		return fmt.Errorf("the unit %s is not installed (%s)", unit, state)
	}
	version, err := property[string](ctx, b.manager, managerInterface, "Version")
	if err != nil {
		return err
	}
	s.report.Facts["systemd"] = version
	if s.memory, err = property[uint64](ctx, object, serviceInterface, "MemoryMax"); err != nil {
		return err
	}
	tasks, err := property[uint64](ctx, object, serviceInterface, "TasksMax")
	if err != nil {
		return err
	}
	cpu, err := property[uint64](ctx, object, serviceInterface, "CPUQuotaPerSecUSec")
	if err != nil {
		return err
	}
	for name, value := range map[string]uint64{"memory_max_mib": s.memory >> 20, "tasks_max": tasks, "cpu_max_percent": cpu / 10_000} {
		s.report.Facts[name] = strconv.FormatUint(value, 10)
	}
	if s.memory == math.MaxUint64 || tasks == math.MaxUint64 || cpu == math.MaxUint64 {
		s.report.Warnings = append(s.report.Warnings,
			"The unit left4me-sandbox@.service sets no limit for memory, tasks or CPU. Set MemoryMax=, TasksMax= and CPUQuota= with systemctl edit.")
	}
	return nil
}

// Report implements sandbox.Sandbox.
func (s *Sandbox) Report() sandbox.Report { return s.report }
