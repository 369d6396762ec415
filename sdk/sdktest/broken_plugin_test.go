package sdktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// odd is a good base with parts replaced.
type odd struct {
	sdk.Base
	info      func(*sdk.Info)
	health    *sdk.Health
	configure func(int, sdk.Settings) ([]sdk.Diagnostic, error)
	times     int
	drained   int
}

func (o *odd) Drain(ctx context.Context, grace time.Duration) (int, error) {
	if o.drained > 0 {
		return o.drained, nil
	}
	return o.Base.Drain(ctx, grace)
}

func (o *odd) Info(ctx context.Context) (sdk.Info, error) {
	info, err := o.Base.Info(ctx)
	if o.info != nil {
		o.info(&info)
	}
	return info, err
}

func (o *odd) Configure(ctx context.Context, s sdk.Settings) ([]sdk.Diagnostic, error) {
	if o.configure != nil {
		o.times++
		return o.configure(o.times, s)
	}
	return o.Base.Configure(ctx, s)
}

func (o *odd) WatchHealth(ctx context.Context, report func(sdk.Health) error) error {
	if o.health != nil {
		return report(*o.health)
	}
	return o.Base.WatchHealth(ctx, report)
}

// brokenBase is a good plugin with an odd base, the check that must catch it, and what that says.
type brokenBase struct {
	id, says string
	odd      odd
}

func brokenBases() map[string]brokenBase {
	return map[string]brokenBase{
		"bad name":        {"C05", "broke the protocol: its name", odd{info: func(i *sdk.Info) { i.Name = "Bad Name" }}},
		"bad version":     {"C05", "broke the protocol: its version", odd{info: func(i *sdk.Info) { i.Version = "v1" }}},
		"schema no JSON":  {"C05", "broke the protocol: a schema", odd{info: func(i *sdk.Info) { i.PluginSchema = json.RawMessage("{") }}},
		"schema invalid":  {"C20", "the overlay schema", odd{info: func(i *sdk.Info) { i.OverlaySchema = json.RawMessage(`{"type": 5}`) }}},
		"no schema":       {"C20", "no schema of its settings", odd{info: func(i *sdk.Info) { i.PluginSchema = nil }}},
		"sick in silence": {"C11", "without a description", odd{health: &sdk.Health{State: sdk.HealthUnhealthy}}},
		"takes all":       {"C22", "not JSON were accepted", odd{configure: func(int, sdk.Settings) ([]sdk.Diagnostic, error) { return nil, nil }}},
		"takes one": {"C22", "a second Configure", odd{configure: func(n int, _ sdk.Settings) ([]sdk.Diagnostic, error) {
			if n > 1 {
				return nil, errors.New("configured already")
			}
			return nil, nil
		}}},
		"takes all settings": {"C21", "no error diagnostic points at", odd{configure: func(int, sdk.Settings) ([]sdk.Diagnostic, error) { return nil, nil }}},
		"cancels at rest":    {"C25", "canceled 3 calls", odd{drained: 3}},
	}
}

func TestBrokenPluginsAreCaught(t *testing.T) {
	for name, c := range brokenBases() {
		t.Run(name, func(t *testing.T) {
			good := sdktest.NewMemBuilder("mem")
			c.odd.Base = good.Base
			s := spec(func() sdk.Plugin { return builder.Of(&c.odd, good.Builder) })
			judge(t, func(v sdktest.T) { sdktest.CheckBuilder(v, c.id, s) }).caught(t, c.says)
		})
	}
}

// brokenProcess is a shell script in front of a good plugin, the check that must catch it, and what that says.
type brokenProcess struct{ id, says, script string }

// withLine reads the launch line first; feed hands it on to the plugin.
const (
	withLine = `read -r line; `
	feed     = `{ printf '%s\n' "$line"; cat; } | "$PLUGIN"`
)

func brokenProcesses() map[string]brokenProcess {
	return map[string]brokenProcess{
		"prints first":          {"C01", "not one handshake line", `echo hello; exec "$PLUGIN"`},
		"prints later":          {"C01", "not one handshake line", `"$PLUGIN"; echo bye`},
		"hides what it is":      {"C02", "does not say", `exit 1`},
		"exits 0 by hand":       {"C02", "exit status is not 1", `echo I am a plugin`},
		"describes nothing":     {"C04", "describe", `[ $# = 0 ] && exec "$PLUGIN"; echo {`},
		"dies of the input":     {"C06", "exit status is 3", `"$PLUGIN"; exit 3`},
		"ignores SIGTERM":       {"C07", "exit status is", `exec 3<&0; trap "" TERM; "$PLUGIN" <&3 & trap "kill -9 $!" TERM; wait $!; wait $!`},
		"logs to crash hosts":   {"C09", "@message is no text", `echo '{"@message": 5}' >&2; exec "$PLUGIN"`},
		"keeps the host's pipe": {"C10", "a stray print would reach", `"$PLUGIN"`},
		"curses other majors":   {"C03", "does not name its own major", withLine + `case $line in *99*) echo curse; exit 1; esac; ` + feed},
		"leaves a socket": {"C08", "left behind", withLine + feed +
			`; touch "$(printf %s "$line" | sed 's/.*_SOCKET_DIR":"\([^"]*\)".*/\1/')/left"`},
		"starts once":      {"C12", "start the plugin", `[ -e "$0.ran" ] && exit 1; touch "$0.ran"; exec "$PLUGIN"`},
		"leaves a child":   {"C12", "left a process", `sleep 600 </dev/null >/dev/null 2>&1 & exec "$PLUGIN"`},
		"sits on memory":   {"C13", "before it has any work", `export LEFT4ME_SDKTEST_FAULT=sit; exec "$PLUGIN"`},
		"keeps every call": {"C13", "it grew from", `export LEFT4ME_SDKTEST_FAULT=keep; exec "$PLUGIN"`},
		"leaves a lock":    {"C41", "File exists", `export LEFT4ME_SDKTEST_FAULT=lock LEFT4ME_SDKTEST_LOCK="$0"; exec "$PLUGIN"`},
	}
}

// TestBrokenProcessesAreCaught puts a shell script in front of a good plugin.
func TestBrokenProcessesAreCaught(t *testing.T) {
	for name, c := range brokenProcesses() {
		t.Run(name, func(t *testing.T) {
			script := filepath.Join(t.TempDir(), "plugin")
			if err := os.WriteFile(script, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			command := sdktest.Command{Path: script, Env: []string{
				asPlugin + "=builder", "PLUGIN=" + os.Args[0], "GORACE=atexit_sleep_ms=0", "PATH=/bin:/usr/bin",
			}}
			s := spec(nil)
			s.New, s.Command = nil, &command
			judge(t, func(v sdktest.T) { sdktest.CheckProcess(v, c.id, s) }).caught(t, c.says)
		})
	}
}
