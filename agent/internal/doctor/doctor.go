// Package doctor looks at everything that a host of left4me needs and says how to mend what is wrong. It changes
// nothing, and it works with a dead agent: what only the agent knows is left out then.
package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/config"
)

// Level of a finding.
type Level string

// Levels. A host with a failure does not work; one with a warning does, but less well than it could.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is what one check found.
type Finding struct {
	Area    string `json:"area"` // kernel, cgroups, systemd, polkit, units, sockets, files, config, ports, disk, agent, plugins
	Level   Level  `json:"level"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // how to mend it; "" when it is ok
}

// Options of an examination.
type Options struct {
	// Root stands for "/".
	Root string
	// Run runs a program of the host and returns its output, also when it fails.
	Run func(ctx context.Context, name string, args ...string) (string, error)
	// Agent asks the running agent.
	Agent Agent
	// Config is the agent's configuration file.
	Config string
	// Version of this program.
	Version string
}

// Agent is what the doctor asks the running agent.
type Agent interface {
	Host(ctx context.Context) (api.Host, error)
	Plugins(ctx context.Context) ([]api.Plugin, error)
	Servers(ctx context.Context) ([]api.Server, error)
}

// Examine runs all checks, in the order in which a person would mend what they find.
func Examine(ctx context.Context, options Options) []Finding {
	e := &examination{Options: options}
	for _, look := range []struct {
		area string
		at   func(context.Context)
	}{
		{"kernel", e.kernel}, {"cgroups", e.cgroups}, {"systemd", e.systemd}, {"polkit", e.polkit}, {"files", e.files},
		{"config", e.configuration}, {"units", e.units}, {"sockets", e.sockets}, {"disk", e.disk}, {"agent", e.agent},
		{"plugins", e.plugins}, {"ports", e.ports},
	} {
		e.area = look.area
		look.at(ctx)
	}
	return e.findings
}

type examination struct {
	Options
	area     string
	findings []Finding
	settings *config.Config // nil = it has problems
}

func (e *examination) path(name string) string { return e.Root + name }

func (e *examination) read(name string) string {
	data, err := os.ReadFile(e.path(name))
	if err != nil {
		return ""
	}
	return string(data)
}

func (e *examination) stat(name string) (fs.FileInfo, error) { return os.Lstat(e.path(name)) }

func (e *examination) ok(format string, args ...any) {
	e.findings = append(e.findings, Finding{Area: e.area, Level: OK, Message: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(hint, format string, args ...any) {
	e.findings = append(e.findings, Finding{e.area, Warn, fmt.Sprintf(format, args...), hint})
}

func (e *examination) fail(hint, format string, args ...any) {
	e.findings = append(e.findings, Finding{e.area, Fail, fmt.Sprintf(format, args...), hint})
}

// count returns how many findings there are that are not ok.
func (e *examination) count() int {
	n := 0
	for _, f := range e.findings {
		if f.Level != OK {
			n++
		}
	}
	return n
}

// provisionHint mends most of what can be wrong with files and units.
const provisionHint = "Run: left4me provision"
