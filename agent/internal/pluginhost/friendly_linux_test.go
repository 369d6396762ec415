package pluginhost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
)

// friendly is a builder that keeps to the protocol. The overlay's settings {"do": …} say what a build
// does.
type friendly struct {
	*sdk.HealthReporter
	settings sdk.Settings
}

func newFriendly() *friendly { return &friendly{HealthReporter: &sdk.HealthReporter{}} }

func (f *friendly) Info(context.Context) (sdk.Info, error) {
	return sdk.Info{
		Name: "friendly", Version: "1.2.3",
		PluginSchema:  json.RawMessage(`{"type":"object"}`),
		OverlaySchema: json.RawMessage(`{"type":"object","properties":{"do":{"type":"string"}}}`),
	}, nil
}

func (f *friendly) Configure(_ context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
	var s struct {
		Refuse, Leak bool
		Health       sdk.HealthState
	}
	if err := json.Unmarshal(settings.JSON, &s); err != nil {
		return nil, sdk.Errorf(sdk.CodeInvalid, "The settings are no JSON.")
	}
	f.settings = settings
	if s.Refuse {
		return []sdk.Diagnostic{
			{Severity: sdk.SeverityWarning, Summary: "A warning."},
			{Severity: sdk.SeverityError, Summary: "There is no key \"refuse\".", Detail: "Remove it.", Pointer: "/refuse"},
			{Severity: sdk.SeverityError, Summary: "And another thing."},
		}, nil
	}
	if s.Leak {
		fmt.Fprintln(os.Stderr, "the key is "+settings.Secrets["key"])
		sdk.Logger().Error("leaking", "key", settings.Secrets["key"])
		return nil, sdk.Errorf(sdk.CodeForbidden, "The key %s was refused.", settings.Secrets["key"])
	}
	if s.Health != "" {
		f.Set(sdk.Health{State: s.Health, Description: "No \x1b[31mluck\ntoday.", Attributes: map[string]string{"a": "b"}})
	}
	return nil, nil
}

func (f *friendly) Drain(context.Context, time.Duration) (int, error) { return 0, nil }

// Validate tells what the process can see of itself, as diagnostics.
func (f *friendly) Validate(_ context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error) {
	var s struct{ Show string }
	if err := json.Unmarshal(settings, &s); err != nil {
		return nil, sdk.Errorf(sdk.CodeInvalid, "Not\nJSON.").WithHint("Write JSON.").WithField("/")
	}
	show := map[string]func() string{
		"status":  func() string { return readProc("status") },
		"environ": func() string { return strings.Join(os.Environ(), "\n") },
		"dirs":    func() string { return f.settings.StateDir + "\n" + f.settings.CacheDir + "\n" + writable(f.settings) },
		"fds":     openFiles,
		"secret":  func() string { return f.settings.Secrets["key"] + "\n" + string(f.settings.JSON) },
	}[s.Show]
	if show == nil {
		return nil, nil
	}
	var out []sdk.Diagnostic
	for line := range strings.SplitSeq(show(), "\n") {
		out = append(out, sdk.Diagnostic{Severity: sdk.SeverityWarning, Summary: line})
	}
	return out, nil
}

func readProc(name string) string {
	data, err := os.ReadFile("/proc/self/" + name)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func writable(settings sdk.Settings) string {
	for _, dir := range []string{settings.StateDir, settings.CacheDir} {
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			return err.Error()
		}
	}
	return "writable"
}

func openFiles() string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, entry := range entries {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err == nil {
			out = append(out, entry.Name()+" "+target)
		}
	}
	return strings.Join(out, "\n")
}

func (f *friendly) Plan(context.Context, builder.PlanRequest) (builder.Plan, error) {
	return builder.Plan{}, builder.ErrNoPlan
}

func (f *friendly) Forget(context.Context, string) error { return nil }

func (f *friendly) Build(ctx context.Context, r builder.Request, events builder.Events) (builder.Result, error) {
	var s struct{ Do string }
	if err := json.Unmarshal(r.Settings, &s); err != nil {
		return builder.Result{}, sdk.Errorf(sdk.CodeInvalid, "No JSON.")
	}
	events.Progress(builder.Progress{Phase: "work", Unit: builder.Steps, Done: 0, Total: 1})
	switch s.Do {
	case "crash":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(9)
	case "panic":
		panic("not today")
	case "wait":
		<-ctx.Done()
		return builder.Result{}, ctx.Err()
	case "stuck":
		select {} // a bug: does not obey its context
	case "fail":
		return builder.Result{}, sdk.Errorf(sdk.CodePrecondition, "The disk\x00 is \x1b[1mfull.").WithHint("Buy one.").WithField("/disk")
	}
	events.Log("info", "hello\x07 there")
	events.Output(builder.Stdout, []byte("raw \x1b[1m"))
	return builder.Result{CacheKey: "k", Files: 1, Annotations: map[string]string{"a": "b"}}, nil
}

// emptyMounter is a mounter with nothing mounted.
type emptyMounter struct{ mounter.Mounter }

func (emptyMounter) Mounts(context.Context) ([]mounter.Mount, error) { return nil, nil }

func (emptyMounter) Probe(context.Context) (mounter.Probe, error) {
	return mounter.Probe{Filesystem: "none\x00", MaxLayers: 3, Features: map[string]string{"a": "b\n"}}, nil
}

func (emptyMounter) Stage(_ context.Context, build string, _ mounter.Layer) (mounter.Staging, error) {
	return mounter.Staging{Path: "/staging/" + build}, nil
}

func (emptyMounter) Mount(_ context.Context, server string, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	return mounter.Mount{Server: server, Path: "/" + server, Lowers: lowers}, true, nil
}

func (emptyMounter) List(_ context.Context, report func(mounter.Ref) error) error {
	for range 3 {
		if err := report(mounter.Ref{Server: "alpha"}); err != nil {
			return err
		}
	}
	return nil
}
