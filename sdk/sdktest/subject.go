package sdktest

import (
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
)

// Subject says how to get the plugin under test. With both New and Command set, every check runs in
// process and as a process; checks of the process itself need Command.
type Subject struct {
	// New returns a plugin that has not been configured. dir is the plugin's to use; a second call with
	// the same dir is a restart.
	New func(dir string) sdk.Plugin
	// Command starts the plugin's binary.
	Command *Command
	// Settings returns the operator's settings of the plugin, given the same dir as New. Nil means {}.
	Settings func(dir string) json.RawMessage
	// Secrets of the plugin and of every overlay, by name.
	Secrets map[string]string
}

// way is one way to run a subject.
type way struct {
	subject Subject
	kind    sdk.KindName
	process bool
	// wrap stands between the checks and the plugin in tests of the checks; nil = nothing does.
	wrap func(grpc.ClientConnInterface) grpc.ClientConnInterface
}

// running is a started and configured plugin.
type running struct {
	conn     grpc.ClientConnInterface
	base     sdk.Base
	process  *Process // nil in process
	dir      string
	stateDir string
	cacheDir string
}

// start starts the plugin in dir without configuring it. Its state and cache lie beside dir, so that a restart
// finds what was left.
func (w way) start(t T, dir string) *running {
	t.Helper()
	r := &running{dir: dir, stateDir: dir + "-state", cacheDir: dir + "-cache"}
	for _, own := range []string{r.stateDir, r.cacheDir} {
		if err := os.MkdirAll(own, 0o755); err != nil {
			t.Fatalf("make the plugin's directories: %v", err)
		}
	}
	if w.process {
		r.process = Start(t, *w.subject.Command, w.kind)
		r.conn = r.process.Conn
	} else {
		r.conn = Serve(t, w.subject.New(dir))
	}
	if w.wrap != nil {
		r.conn = w.wrap(r.conn)
	}
	r.base = sdk.NewBaseClient(r.conn, sdk.WithHostVersion("0.0.0-sdktest"))
	return r
}

// ready starts the plugin in dir and configures it.
func (w way) ready(t T, dir string) *running {
	t.Helper()
	r := w.start(t, dir)
	Configure(t, r.conn, w.settings(r))
	return r
}

func (w way) settings(r *running) sdk.Settings {
	settings := sdk.Settings{
		JSON: json.RawMessage("{}"), StateDir: r.stateDir, CacheDir: r.cacheDir,
		LogLevel: "debug", Secrets: w.subject.Secrets,
	}
	if w.subject.Settings != nil {
		settings.JSON = w.subject.Settings(r.dir)
	}
	return settings
}

// check is one numbered check. S is what the suite gives to its checks.
type check[S any] struct {
	id, name string
	run      func(t T, s S)
}

// runChecks runs every check both ways where the subject allows it.
func runChecks[S any](t *testing.T, subject Subject, kind sdk.KindName, checks []check[S], with func(way) S) {
	t.Helper()
	if subject.New == nil && subject.Command == nil {
		t.Fatal("the subject has neither New nor Command")
	}
	each := func(t *testing.T, w way) {
		for _, c := range checks {
			t.Run(c.id+" "+c.name, func(t *testing.T) { c.run(t, with(w)) })
		}
	}
	if subject.New != nil {
		t.Run("in process", func(t *testing.T) { each(t, way{subject: subject, kind: kind}) })
	}
	if subject.Command != nil {
		t.Run("as a process", func(t *testing.T) { each(t, way{subject: subject, kind: kind, process: true}) })
	}
}
