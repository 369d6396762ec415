// Package config reads the agent's configuration file.
//
// The file is HCL. Reading is strict and finds all problems at once: a key that does not exist, a
// value of the wrong type or an impossible combination is a [Problem] with file, line and next step.
// [Parse] and [Config.Validate] look at the text alone; [Config.CheckHost] holds it against this
// machine. The settings of a plugin stay opaque: they become JSON, which the plugin itself checks.
//
// Secrets are never in the file, only the names of files that hold them; see [Plugin.ReadSecrets].
package config

import (
	_ "embed"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"time"
)

// example is the documented configuration file of the reference.
//
//go:embed example.hcl
var example []byte

// Example returns a complete configuration file that explains every key. It parses without problems.
func Example() []byte { return append([]byte(nil), example...) }

// StateDir is where a packaged agent keeps its state.
const StateDir = "/var/lib/left4me"

// Config is the whole configuration of an agent. Paths are absolute and clean.
type Config struct {
	Name         string // of this host, for people
	StateDir     string // database, content, servers
	RuntimeDir   string // sockets; emptied by a reboot
	Listen       Listen
	Plugins      []Plugin // in the order of the file; names are unique
	Servers      Servers
	Overlays     Overlays
	Installation Installation
	Jobs         Jobs
	Webhooks     Webhooks
	Log          Log

	origins map[string]position // where the file says what, by key path; nil for a Default
}

// Listen says where the API is served. The socket is always there, TCP only with an Address.
type Listen struct {
	Socket      string
	SocketMode  fs.FileMode
	SocketGroup string // name or number; "" = the agent's own
	Address     string // "127.0.0.1:8440"; "" = no TCP
	TokenFile   string // holds the token that TCP clients show
	Certificate string // PEM files for TLS; "" = plain HTTP, on loopback only
	PrivateKey  string
}

// Plugin is one plugin block.
type Plugin struct {
	Name     string // of the block; the type of overlays that a builder makes
	Kind     string // builder, mounter
	Enabled  bool
	Launch   Launch
	Settings json.RawMessage // a JSON object; the plugin knows what is in it
	Secrets  []Secret
}

// Launch modes.
const (
	LaunchExec   = "exec"   // a child of the agent
	LaunchSocket = "socket" // a socket-activated systemd unit with its own privilege
	LaunchAttach = "attach" // a plugin that a developer runs, for example in a debugger
)

// Launch says how a plugin is started.
type Launch struct {
	Mode         string
	Command      []string          // exec: absolute path and arguments
	Checksum     string            // exec: "sha256:" and 64 hex digits; "" = not checked
	User         string            // exec: whom it runs as; socket: who may be at the other end besides root
	Group        string            // exec: its group; socket: the group that shares the plugin's socket directory
	Capabilities []string          // exec: "CAP_CHOWN"; all others are taken away when the agent is root
	Environment  map[string]string // exec: added to a clean environment
	Socket       string            // socket, attach: path of the unix socket
}

// Secret is a secret of a plugin by reference.
type Secret struct {
	Name string // as the plugin knows it
	File string // holds the value; must not be readable by everybody
}

// Supervisors.
const (
	SupervisorSystemd = "systemd"
	SupervisorProcess = "process"
)

// What happens to running servers when the agent ends.
const (
	OnExitLeave = "leave"
	OnExitStop  = "stop"
)

// Servers says how game servers run.
type Servers struct {
	Supervisor    string // systemd, process
	Ports         Ports
	User          string // process supervisor: name or number; "" = the agent's own
	Group         string
	StopTimeout   time.Duration // from SIGINT to the kill
	OnExit        string        // leave, stop
	BindIP        string        // address the games listen on; "" = all
	LogListen     string        // "IP:port" where games send their logs; "" = read from their consoles
	PublicAddress string        // name or address players use; "" = not known
}

// Ports is a range of UDP and TCP ports, both ends included.
type Ports struct{ First, Last int }

// Sources of the game.
const (
	SourceDirectory = "directory" // a directory of this host
	SourcePlugin    = "plugin"    // a builder plugin whose content becomes releases
)

// What happens when the source has something new.
const (
	UpdateManual    = "manual"
	UpdateAutomatic = "automatic" // install it and roll it out
)

// Installation says where the game comes from and how it reaches the servers.
type Installation struct {
	Source   string        // directory, plugin; "" = nowhere, releases cannot be made
	Path     string        // of the directory
	Plugin   string        // name of its block
	Check    time.Duration // how often the source is asked for something new; 0 = never by itself
	Update   string        // manual, automatic
	Keep     int           // releases besides the present one
	Deadline time.Duration // how long servers with players may put a rollout off; 0 = for ever
}

// Overlays says what is done to overlays by itself.
type Overlays struct {
	RefreshAt time.Duration // time of day, local, since midnight, in minutes; negative = never
}

// Jobs bounds the job engine.
type Jobs struct {
	Workers   int           // jobs that run at once
	Retention time.Duration // how long finished jobs and their logs are kept
}

// Webhooks says where schedules may send to.
type Webhooks struct {
	Private bool // also addresses that are not public, and plain http
}

// Log says how the agent logs.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json
}

// Default returns the configuration of an agent without a file: no plugins, state below stateDir, and
// sockets in /run/left4me for the packaged StateDir or below stateDir otherwise.
func Default(stateDir string) *Config {
	runtimeDir := filepath.Join(stateDir, "run")
	if stateDir == StateDir {
		runtimeDir = "/run/left4me"
	}
	return &Config{
		Name:       "left4me",
		StateDir:   stateDir,
		RuntimeDir: runtimeDir,
		Listen:     Listen{Socket: defaultSocket(runtimeDir), SocketMode: 0o660},
		Servers: Servers{
			Supervisor:  SupervisorProcess,
			Ports:       Ports{First: 27015, Last: 27115},
			StopTimeout: 20 * time.Second,
			OnExit:      OnExitLeave,
		},
		Overlays:     Overlays{RefreshAt: 4*time.Hour + 30*time.Minute},
		Jobs:         Jobs{Workers: 4, Retention: 30 * 24 * time.Hour},
		Log:          Log{Level: "info", Format: "text"},
		Installation: Installation{Check: 6 * time.Hour, Update: UpdateManual, Keep: 2},
	}
}

func defaultSocket(runtimeDir string) string { return filepath.Join(runtimeDir, "agent.sock") }
