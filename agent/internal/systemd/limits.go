package systemd

import (
	"context"
	"math"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// bounded are the properties that limits set.
var bounded = []string{"MemoryMax", "CPUQuotaPerSecUSec", "TasksMax", "AllowedCPUs", "IOWeight"}

// setLimits gives a unit its limits, and those of the template where a limit is zero. They are runtime properties:
// systemd keeps them until the next boot, so what an earlier start set must be undone.
//
// Whoever edits a blueprint can tighten what the operator gave all servers, and not loosen it.
func setLimits(ctx context.Context, l *link, plan server.LaunchPlan) error {
	name := unitName(plan.Server)
	template, err := l.conn.GetUnitTypePropertiesContext(ctx, unitName(probeServer), "Service")
	if err != nil {
		return explainCall(err, "start", plan.Name)
	}
	present, err := l.conn.GetUnitTypePropertiesContext(ctx, name, "Service")
	if err != nil {
		return explainCall(err, "start", plan.Name)
	}
	wanted := properties(plan.Limits)
	for _, key := range []string{"MemoryMax", "CPUQuotaPerSecUSec", "TasksMax"} {
		most, bound := template[key].(uint64)
		if value, ok := wanted[key].(uint64); ok && bound && value > most {
			return fault.New(fault.Precondition, "Cannot start server %q: its blueprint asks for a higher %s than this host gives a server.", plan.Name, key).
				WithSource("systemd").WithHint("Lower the limit in the blueprint, or raise %s with: systemctl edit %s", key, Template)
		}
	}
	var change []dbus.Property
	for _, key := range bounded {
		value, limited := wanted[key]
		if !limited {
			value = template[key]
		}
		if value != nil && !reflect.DeepEqual(value, present[key]) {
			change = append(change, dbus.Property{Name: key, Value: godbus.MakeVariant(value)})
		}
	}
	if len(change) == 0 {
		return nil
	}
	if err := l.conn.SetUnitPropertiesContext(ctx, name, true, change...); err != nil {
		return explainCall(err, "limit", plan.Name)
	}
	return nil
}

// properties are limits as systemd takes them.
func properties(limits blueprint.Limits) map[string]any {
	out := map[string]any{}
	if limits.MemoryMiB != 0 {
		out["MemoryMax"] = uint64(limits.MemoryMiB) << 20
	}
	if limits.CPUPercent != 0 {
		out["CPUQuotaPerSecUSec"] = uint64(limits.CPUPercent) * uint64(time.Second/time.Microsecond) / 100
	}
	if limits.Tasks != 0 {
		out["TasksMax"] = uint64(limits.Tasks)
	}
	if limits.IOWeight != 0 {
		out["IOWeight"] = uint64(limits.IOWeight)
	}
	if cpus, err := blueprint.ParseCPUs(limits.CPUs); err == nil && len(cpus) > 0 {
		out["AllowedCPUs"] = cpuMask(cpus)
	}
	return out
}

// cpuMask is a set of processors, eight to a byte, the lowest first.
func cpuMask(cpus []int) []byte {
	mask := make([]byte, slices.Max(cpus)/8+1)
	for _, cpu := range cpus {
		mask[cpu/8] |= 1 << (cpu % 8)
	}
	return mask
}

// unlimited is how systemd writes that there is no limit, or no figure.
const unlimited = math.MaxUint64

// controllersFile lists what the host's one tree of control groups can bound.
const controllersFile = "/sys/fs/cgroup/cgroup.controllers"

// Unenforced implements server.Enforcer. systemd bounds by control groups v2; in the older trees it cannot pin to
// processors.
func (s *Supervisor) Unenforced(limits blueprint.Limits) []string {
	if _, err := os.Stat(controllersFile); err == nil || limits.CPUs == "" {
		return nil
	}
	return blueprint.Limits{CPUs: limits.CPUs}.Names()
}
