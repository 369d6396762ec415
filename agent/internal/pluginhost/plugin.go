package pluginhost

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/left4me/left4me/sdk"
)

// Mode says how a plugin is started.
type Mode string

// Launch modes.
const (
	// ModeExec starts the plugin as a child.
	ModeExec Mode = "exec"
	// ModeSocket connects to a socket-activated systemd unit, whose standard input and output the
	// connection becomes. The unit gives the plugin its user and its privilege.
	ModeSocket Mode = "socket"
	// ModeAttach is ModeSocket for a plugin that a developer runs. It may stop answering for as long as it
	// likes, for example at a breakpoint.
	ModeAttach Mode = "attach"
)

// Plugin is one configured plugin.
type Plugin struct {
	Name     string
	Kind     sdk.KindName
	Enabled  bool
	Launch   Launch
	Settings json.RawMessage // handed to the plugin; nil = {}
	// Secrets is read anew at each start. nil = none. Its error is shown to people.
	Secrets func() (map[string]string, error)
}

// Launch says how a plugin is started; which fields count depends on Mode.
type Launch struct {
	Mode         Mode
	Command      []string          // exec: absolute path, then arguments
	Checksum     string            // exec: "sha256:" and 64 hex digits; "" = not checked
	User         string            // exec: name or number it runs as; socket: who may be at the other end besides root
	Group        string            // exec: its group; socket: the group that shares its socket directory
	Capabilities []string          // exec, agent as root: "CAP_CHOWN"; all others are taken away
	Environment  map[string]string // exec: added to a clean environment
	Socket       string            // socket, attach: path
}

// Options of a [Host]. Plugins must have been checked by the configuration: names are unique.
type Options struct {
	Plugins    []Plugin
	RuntimeDir string // sockets are made in RuntimeDir/plugins, whose length is bounded by the kernel
	// StateDir holds plugins/NAME and cache/NAME, the plugins' own directories. Only in exec mode.
	StateDir    string
	HostVersion string       // told to plugins
	LogLevel    string       // told to plugins: debug, info, warn, error; "" = info
	Logger      *slog.Logger // gets the plugins' logs too, with plugin=NAME; nil = slog.Default()
	Timing      Timing       // zero fields = defaults
}

// Timing holds every interval of a Host.
type Timing struct {
	Start          time.Duration // from launch to configured; default 10 s
	Wait           time.Duration // how long a call waits for a plugin that is starting; default 10 s
	Grace          time.Duration // for running calls before a stop; default 5 s
	Kill           time.Duration // from asking a plugin to end to killing it; default 4 s
	HealthEvery    time.Duration // default 10 s
	HealthDeadline time.Duration // default 3 s
	HealthMisses   int           // in a row before it is killed; default 3
	BackoffMin     time.Duration // first pause before a new start; default 1 s
	BackoffMax     time.Duration // default 1 min
	Stable         time.Duration // healthy for this long: pauses begin anew; default 5 min
	BreakerDeaths  int           // so many ends within BreakerWindow and it is given up; default 5
	BreakerWindow  time.Duration // default 10 min
}

func (t Timing) withDefaults() Timing {
	duration := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	duration(&t.Start, 10*time.Second)
	duration(&t.Wait, 10*time.Second)
	duration(&t.Grace, 5*time.Second)
	duration(&t.Kill, 4*time.Second)
	duration(&t.HealthEvery, 10*time.Second)
	duration(&t.HealthDeadline, 3*time.Second)
	duration(&t.BackoffMin, time.Second)
	duration(&t.BackoffMax, time.Minute)
	duration(&t.Stable, 5*time.Minute)
	duration(&t.BreakerWindow, 10*time.Minute)
	if t.HealthMisses == 0 {
		t.HealthMisses = 3
	}
	if t.BreakerDeaths == 0 {
		t.BreakerDeaths = 5
	}
	return t
}
