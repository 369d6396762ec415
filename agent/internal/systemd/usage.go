package systemd

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// Usage implements server.Meter. The figures are those of the unit's control group, as systemd reads them.
func (s *Supervisor) Usage(ctx context.Context, serverID string) (server.Usage, error) {
	if !validServer(serverID) {
		return server.Usage{}, unknownServer()
	}
	u := s.unit(serverID)
	s.mu.Lock()
	running := u.gone != nil
	s.mu.Unlock()
	if !running {
		return server.Usage{}, fault.New(fault.NotFound, "The server does not run.").WithHint("Start it first.")
	}
	l, err := s.linked(ctx)
	if err != nil {
		return server.Usage{}, err
	}
	properties, err := l.conn.GetUnitTypePropertiesContext(ctx, unitName(serverID), "Service")
	if err != nil {
		return server.Usage{}, explainCall(err, "measure", serverID)
	}
	figure := func(name string) int64 {
		if value, ok := properties[name].(uint64); ok && value != unlimited {
			return int64(value)
		}
		return -1
	}
	return server.Usage{
		Memory: figure("MemoryCurrent"), CPU: time.Duration(figure("CPUUsageNSec")), Tasks: figure("TasksCurrent"),
		ReadBytes: figure("IOReadBytes"), WriteBytes: figure("IOWriteBytes"),
	}, nil
}
