package plugindev_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The test binary is also the plugin.
func TestMain(m *testing.M) {
	switch os.Getenv("PLUGINDEV_TEST") {
	case "builder":
		sdk.Serve(sdktest.NewMemBuilder("mem"))
		return
	case "mounter":
		sdk.Serve(sdktest.NewDirMounter("dir", ""))
		return
	}
	os.Exit(m.Run())
}

func program(kind string) plugindev.Program {
	return plugindev.Program{Command: []string{os.Args[0]}, Env: []string{"PLUGINDEV_TEST=" + kind, "GORACE=atexit_sleep_ms=0"}}
}

// passes fails the test unless every check passes or says why it does not apply.
func passes(t *testing.T, p plugindev.Program, options plugindev.VerifyOptions) []sdktest.Outcome {
	t.Helper()
	var all []sdktest.Outcome
	d, err := plugindev.Verify(t.Context(), p, options, func(o sdktest.Outcome) {
		all = append(all, o)
		if o.Status == sdktest.Failed || o.Status == sdktest.Skipped && len(o.Reasons) == 0 {
			t.Errorf("%s %s: %s %q\n%s", o.ID, o.Name, o.Status, o.Reasons, strings.Join(o.Notes, "\n"))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(sdktest.Checks(d.Kind)); len(all) != want {
		t.Errorf("%d checks ran, want %d", len(all), want)
	}
	return all
}

func TestVerifyWithoutSkips(t *testing.T) {
	options := plugindev.VerifyOptions{
		Overlay: json.RawMessage(`{"files": {"a": "1", "b": "2"}, "steps": 2}`),
		Changed: json.RawMessage(`{"files": {"c": "3"}}`),
		Endless: json.RawMessage(`{"logs": ["begun"], "hang": true}`),
		Secrets: map[string]string{"token": "t"},
	}
	for _, o := range passes(t, program("builder"), options) {
		if o.Status != sdktest.Passed {
			t.Errorf("%s: %s, %q", o.ID, o.Status, o.Reasons)
		}
	}
	passes(t, program("mounter"), plugindev.VerifyOptions{})
}

func TestVerifySaysWhatIsWrong(t *testing.T) {
	script := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ $# = 0 ] && echo hello\nexec \"$PLUGIN\" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := plugindev.Program{Command: []string{script}, Env: append(program("builder").Env, "PLUGIN="+os.Args[0])}
	var found []sdktest.Outcome
	options := plugindev.VerifyOptions{Only: []string{"C01"}, Overlay: json.RawMessage(`{"files": {"a": "1"}}`)}
	if _, err := plugindev.Verify(t.Context(), p, options, func(o sdktest.Outcome) { found = append(found, o) }); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Status != sdktest.Failed || !strings.Contains(found[0].Reasons[0], "hello") || found[0].Next == "" {
		t.Errorf("%+v", found)
	}
}

func TestVerifyRefuses(t *testing.T) {
	none := func(sdktest.Outcome) { t.Error("a check ran") }
	for name, c := range map[string]struct {
		program plugindev.Program
		options plugindev.VerifyOptions
		code    fault.Code
	}{
		"absent":       {plugindev.Program{Command: []string{"./absent"}}, plugindev.VerifyOptions{}, fault.NotFound},
		"no program":   {plugindev.Program{Command: []string{"verify_test.go"}}, plugindev.VerifyOptions{}, fault.Invalid},
		"no plugin":    {plugindev.Program{Command: []string{"true"}}, plugindev.VerifyOptions{}, fault.Precondition},
		"fails":        {plugindev.Program{Command: []string{"false"}}, plugindev.VerifyOptions{}, fault.Precondition},
		"no such test": {program("builder"), plugindev.VerifyOptions{Only: []string{"C60"}}, fault.Invalid},
	} {
		if _, err := plugindev.Verify(t.Context(), c.program, c.options, none); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStrangeProgramsAreExplained(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"no shebang":          {"echo hello\n", "not one that this machine can run"},
		"another processor":   {"\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 57), "not one that this machine can run"},
		"an absent shell":     {"#!/nowhere/sh\n", "cannot describe itself"},
		"prints for ever":     {"#!/bin/sh\nhead -c 30000000 /dev/zero\n", "not the description of a plugin"},
		"leaves a child":      {"#!/bin/sh\nsleep 600 &\necho '{'\n", "not the description of a plugin"},
		"complains at length": {"#!/bin/sh\nhead -c 30000000 /dev/zero >&2; exit 3\n", "cannot describe itself"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "plugin")
			if err := os.WriteFile(path, []byte(c.text), 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := plugindev.Program{Command: []string{path}}.Describe(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 1000 || fault.CodeOf(err) != fault.Precondition {
				t.Errorf("%.300v", err)
			}
		})
	}
}

// heard is a plugindev.Report that keeps what it hears.
type heard struct {
	sdktest.Recorder
	mu    sync.Mutex
	lines []string
}

func (h *heard) Warn(d sdk.Diagnostic) { h.PluginLog(d.Summary) }
func (h *heard) PluginLog(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

func TestRunBuildsAndRebuilds(t *testing.T) {
	out, state := filepath.Join(t.TempDir(), "out"), t.TempDir()
	options := plugindev.RunOptions{Overlay: json.RawMessage(`{"files": {"cfg/a": "1"}, "logs": ["one"], "steps": 1}`), Out: out, State: state}
	report := &heard{}
	built, err := plugindev.Run(t.Context(), program("builder"), options, report)
	if err != nil {
		t.Fatal(err)
	}
	if built.Result.Files != 1 || built.Tree["cfg/a"].Size != 1 || len(built.Problems) > 0 || !slices.Contains(report.Logs(), "info: one") {
		t.Errorf("%+v, %q", built, report.Lines())
	}
	built, err = plugindev.Run(t.Context(), program("builder"), options, &heard{})
	if err != nil || !built.Result.Unchanged {
		t.Errorf("a rebuild: %+v, %v", built, err)
	}
}

func TestRunExplains(t *testing.T) {
	for name, c := range map[string]struct {
		program plugindev.Program
		overlay string
		says    string
	}{
		"settings": {program("builder"), `{"files": 5}`, "must be an object"},
		"failure":  {program("builder"), `{"fail": "The site is closed.", "code": "unavailable"}`, "The site is closed."},
		"mounter":  {program("mounter"), `{}`, "only a builder"},
	} {
		_, err := plugindev.Run(t.Context(), c.program, plugindev.RunOptions{Overlay: json.RawMessage(c.overlay), Out: t.TempDir()}, &heard{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
