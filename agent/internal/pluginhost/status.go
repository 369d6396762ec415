package pluginhost

import (
	"time"

	"github.com/left4me/left4me/sdk"
)

// State of a plugin.
type State string

// States.
const (
	Disabled State = "disabled" // by the configuration
	Starting State = "starting"
	Ready    State = "ready"
	Degraded State = "degraded" // it answers, but says it is not well; or it missed a health check
	Backoff  State = "backoff"  // ended, and will be started again at RetryAt
	Failed   State = "failed"   // given up until Restart, or a new configuration
	Stopped  State = "stopped"  // the host is closed
)

// serves reports whether calls can be made in this state.
func (s State) serves() bool { return s == Ready || s == Degraded }

// Status is what is known about a plugin. Texts that come from the plugin are bounded and free of control
// characters.
type Status struct {
	Name        string
	Kind        sdk.KindName // as configured
	Enabled     bool
	Mode        Mode
	State       State
	Description string // why it is in this state, one sentence; "" when ready
	Hint        string // the next step when it failed; may be empty
	// Info and Health are the plugin's own words, of its last run. Zero before the first.
	Info        sdk.Info
	Health      sdk.Health
	User        string    // whom it runs as; "" = the agent's user, or what its unit says
	PID         int       // 0 when it does not run, or in socket mode
	MemoryBytes uint64    // resident; 0 when not known
	Restarts    int       // starts after the first
	StartedAt   time.Time // of the present run; zero when it does not run
	RetryAt     time.Time // in Backoff
	LastExit    string    // how the last run ended; "" = never ended
	LastExitAt  time.Time
	Log         []string // its last lines, oldest first; only from Host.Get
}

// changed reports whether a watcher should hear of the difference between two statuses.
func (s Status) changed(old Status) bool {
	return s.State != old.State || s.Description != old.Description || s.PID != old.PID ||
		s.Restarts != old.Restarts || !s.LastExitAt.Equal(old.LastExitAt) ||
		s.Health.State != old.Health.State || s.Health.Description != old.Health.Description
}
