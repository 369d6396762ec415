// Package hoststat measures the machine that the agent runs on.
package hoststat

import (
	"context"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"

	"github.com/left4me/left4me/agent/internal/metrics"
)

// Machine implements metrics.Host. It is not safe for concurrent use.
type Machine struct {
	path    string // on the file system that counts
	at      time.Time
	busy    float64
	all     float64
	in, out uint64
}

// New returns a Machine whose disk is the one with path.
func New(path string) *Machine { return &Machine{path: path} }

// Measure implements metrics.Host. The first call knows no rates.
func (m *Machine) Measure(ctx context.Context) (metrics.HostSample, error) {
	s := metrics.HostSample{CPU: metrics.Unknown, In: metrics.Unknown, Out: metrics.Unknown, Load: metrics.Unknown}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return s, err
	}
	s.MemoryTotal, s.MemoryUsed = float64(memory.Total), float64(memory.Total)-float64(memory.Available)
	usage, err := disk.UsageWithContext(ctx, m.path)
	if err != nil {
		return s, err
	}
	s.DiskTotal, s.DiskFree = float64(usage.Total), float64(usage.Free)
	if average, err := load.AvgWithContext(ctx); err == nil {
		s.Load = average.Load1
	}
	return s, m.rates(ctx, &s)
}

// rates fills in what is counted since the last call.
func (m *Machine) rates(ctx context.Context, s *metrics.HostSample) error {
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return err
	}
	var busy, all float64
	for _, t := range times {
		// Guest time is part of user time already.
		total := t.User + t.System + t.Idle + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal
		all, busy = all+total, busy+total-t.Idle-t.Iowait
	}
	in, out, err := traffic(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	if seconds := now.Sub(m.at).Seconds(); !m.at.IsZero() && seconds > 0 {
		if all > m.all && busy >= m.busy {
			s.CPU = (busy - m.busy) / (all - m.all) * 100
		}
		if in >= m.in && out >= m.out {
			s.In, s.Out = float64(in-m.in)/seconds, float64(out-m.out)/seconds
		}
	}
	m.at, m.busy, m.all, m.in, m.out = now, busy, all, in, out
	return nil
}

// traffic counts bytes over all interfaces but loopback.
func traffic(ctx context.Context) (in, out uint64, err error) {
	interfaces, err := net.IOCountersWithContext(ctx, true)
	for _, i := range interfaces {
		if !strings.HasPrefix(i.Name, "lo") {
			in, out = in+i.BytesRecv, out+i.BytesSent
		}
	}
	return in, out, err
}
