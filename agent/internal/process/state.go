package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// Files of a unit.
const (
	lockFile   = "lock"
	planFile   = "plan.json"
	stateFile  = "state.json"
	stopFile   = "stop.json"
	shimLog    = "shim.log"
	consoleDir = "console"
)

// planRecord is what the shim runs.
type planRecord struct {
	Run     string            `json:"run"` // id of this start; the game carries it in its environment
	Plan    server.LaunchPlan `json:"plan"`
	UID     int               `json:"uid"`
	GID     int               `json:"gid"`
	Cgroup  string            `json:"cgroup,omitempty"`
	Console ConsoleLimits     `json:"console"`
}

// phase is how far a run has come.
type phase string

const (
	phaseStarting phase = "starting"
	phaseActive   phase = "active"
	phaseStopping phase = "stopping"
	phaseEnded    phase = "ended"
	phaseLost     phase = "lost" // the host was restarted under it
)

// stateRecord is what is known about a run.
type stateRecord struct {
	Run       string      `json:"run"`
	Phase     phase       `json:"phase"`
	Boot      string      `json:"boot"` // boot id; process ids mean nothing in another one
	Shim      processID   `json:"shim"`
	Game      processID   `json:"game"`
	StartedAt time.Time   `json:"started_at"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	Exit      server.Exit `json:"exit"`
}

// processID names a process beyond the reuse of its number.
type processID struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, field 22 of /proc/PID/stat
}

// stopRecord is how the agent wants a run to end.
type stopRecord struct {
	Run     string        `json:"run"`
	Timeout time.Duration `json:"timeout"`
}

// status is what the rest of the agent sees.
func (s stateRecord) status(serverID string) server.UnitStatus {
	st := server.UnitStatus{Server: serverID, StartedAt: s.StartedAt, EndedAt: s.EndedAt, Exit: s.Exit}
	switch {
	case s.Phase == phaseStarting, s.Phase == phaseActive:
		st.State, st.PID = server.UnitActive, s.Game.PID
	case s.Phase == phaseStopping:
		st.State, st.PID = server.UnitStopping, s.Game.PID
	case s.Phase == phaseLost:
		st.State, st.Rebooted = server.UnitAbsent, true
	case s.Exit.Asked:
		st.State = server.UnitAbsent
	default:
		st.State = server.UnitExited
	}
	return st
}

func readJSON(dir, name string, v any) error {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
