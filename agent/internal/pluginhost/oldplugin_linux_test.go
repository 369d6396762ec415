package pluginhost_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk/builder"
)

// buildOld builds the plugin of the archive in testdata, after edit changed its main.go, and returns its program.
func buildOld(t *testing.T, edit func(string) string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds a plugin")
	}
	archive, err := txtar.ParseFile("testdata/plugin-1.0.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range archive.Files {
		data := string(file.Data)
		if file.Name == "hello/main.go" {
			data = edit(data)
		}
		path := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "plugin")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	cmd.Dir, cmd.Env = filepath.Join(dir, "hello"), append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// runOld builds an overlay with the program under today's host and returns the plugin's status.
func runOld(t *testing.T, program string) pluginhost.Status {
	t.Helper()
	r := newRig(t, nil, pluginhost.Plugin{Name: "overlay-old", Kind: "builder", Enabled: true, Launch: pluginhost.Launch{
		Mode: pluginhost.ModeExec, Command: []string{program},
	}, Settings: json.RawMessage("{}")})
	r.Start()
	status := r.awaitState("overlay-old", pluginhost.Ready)
	b, err := r.Builder("overlay-old")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	request := builder.Request{BuildID: "b1", OverlayID: "o1", OutputDir: out, Settings: json.RawMessage(`{"text": "From of old."}`)}
	result, err := b.Build(t.Context(), request, &recorder{})
	if err != nil || result.Files != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	if text, err := os.ReadFile(filepath.Join(out, "motd.txt")); err != nil || string(text) != "From of old." {
		t.Errorf("%q, %v", text, err)
	}
	request.Settings = json.RawMessage(`{"tex": 1}`)
	_, err = b.Build(t.Context(), request, &recorder{})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("settings that do not fit: %v", err)
	}
	return status
}

// TestOldPlugin: what was built with the first sdk works with today's agent.
func TestOldPlugin(t *testing.T) {
	runOld(t, buildOld(t, func(main string) string { return main }))
}

// TestPluginFromTheFuture: capabilities that this agent does not know take nothing away.
func TestPluginFromTheFuture(t *testing.T) {
	program := buildOld(t, func(main string) string {
		return strings.Replace(main, "0o644)\n\t})", "0o644)\n\t}, builder.WithCapabilities(\"build.time-travel\"), builder.WithWantedCapabilities(\"CAP_FLY\"))", 1)
	})
	out, err := exec.CommandContext(t.Context(), program, "describe").Output()
	if err != nil || !strings.Contains(string(out), "build.time-travel") {
		t.Fatalf("the plugin does not name it: %s, %v", out, err)
	}
	if status := runOld(t, program); !slices.Contains(status.Info.Capabilities, "build.time-travel") {
		t.Errorf("%+v", status)
	}
}
