package game_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/game"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestInstallUpdateUnchanged(t *testing.T) {
	r := newRig(t, func(r *rig) { r.world.SelfFirst = true })
	dir := t.TempDir()
	result, events, err := r.build(dir, nil, "{}")
	if err != nil {
		t.Fatalf("%v\n%v", err, events.Lines())
	}
	want := map[string]string{"steam.build": "17033453", "game.version": "2.2.4.3"}
	if diff := cmp.Diff(want, result.Annotations); diff != "" || result.CacheKey != "17033453" {
		t.Errorf("cache key %q\n%s", result.CacheKey, diff)
	}
	phases := map[string]bool{}
	for _, p := range events.AllProgress() {
		phases[p.Phase] = true
	}
	for _, phase := range []string{"updating steamcmd", "downloading", "verifying update", "committing"} {
		if !phases[phase] {
			t.Errorf("no progress of %q in %v", phase, phases)
		}
	}
	output := events.OutputOf(builder.Stdout)
	if windows, linux := strings.Index(output, `= "windows"`), strings.Index(output, `= "linux"`); windows < 0 || linux < windows {
		t.Errorf("windows must come first, then linux:\n%s", output)
	}
	if _, err := os.Stat(filepath.Join(dir, "steamapps/downloading")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what steamcmd needs no more is still there: %v", err)
	}

	result, _, err = r.build(dir, result.Annotations, "{}")
	if err != nil || !result.Unchanged {
		t.Errorf("the same build again: %+v, %v", result, err)
	}

	r.world.Build, r.world.Version = 17200000, "2.2.4.4"
	r.publish()
	result, events, err = r.build(dir, result.Annotations, "{}")
	if err != nil || result.Unchanged || result.CacheKey != "17200000" || result.Annotations["game.version"] != "2.2.4.4" {
		t.Errorf("update: %+v, %v\n%v", result, err, events.Lines())
	}
	if strings.Contains(events.OutputOf(builder.Stdout), "windows") {
		t.Error("an update asked for the files of Windows")
	}
	if got := text(t, dir, "left4dead2/build.txt"); got != "build 17200000\n" {
		t.Errorf("build.txt = %q", got)
	}
}

func TestFailuresAndRetries(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults []string
		code   sdk.Code // "" = the build succeeds in the end
		says   string
	}{
		{"passes at the third try", []string{"missing-configuration", "state-0x402"}, "", ""},
		{"crashes once", []string{"crash"}, "", ""},
		{"ends without a word once", []string{"silent"}, "", ""},
		{"never", []string{"missing-configuration", "missing-configuration", "missing-configuration"}, sdk.CodeUnavailable, "Missing configuration"},
		{"network is down", []string{"state-0x402", "state-0x402", "state-0x402"}, sdk.CodeUnavailable, "3 attempts"},
		{"no account", []string{"no-subscription"}, sdk.CodePrecondition, "without an account"},
		{"disk full", []string{"state-0x202"}, sdk.CodePrecondition, "disk is full"},
		{"disk broken", []string{"disk-write"}, sdk.CodePrecondition, "cannot write"},
		{"success that is none", []string{"broken", "broken"}, sdk.CodeUnavailable, "not whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.world.Faults, r.settings["attempts"] = test.faults, 3 })
			_, events, err := r.build(t.TempDir(), nil, "{}")
			if test.code == "" && err != nil {
				t.Errorf("%v\n%v", err, events.Lines())
			}
			if test.code != "" && (sdk.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want %s: %s", err, test.code, test.says)
			}
		})
	}
}

func TestAnUpdateThatIsRefusedAsksForBothPlatforms(t *testing.T) {
	r := newRig(t, func(r *rig) { r.world.Faults = []string{"", "", "invalid-platform"} })
	dir, first := r.installed()
	r.world.Build++
	r.publish()
	result, events, err := r.build(dir, first.Annotations, "{}")
	if err != nil || result.CacheKey != "17033454" || !strings.Contains(events.OutputOf(builder.Stdout), "windows") {
		t.Errorf("%+v, %v\n%v", result, err, events.Lines())
	}
}

func TestVerifyRunsThoughTheBuildIsTheSame(t *testing.T) {
	r := newRig(t, nil)
	dir, first := r.installed()
	result, events, err := r.build(dir, first.Annotations, `{"verify":true}`)
	if err != nil || result.Unchanged || !strings.Contains(events.OutputOf(builder.Stdout), "already up to date") {
		t.Errorf("%+v, %v\n%v", result, err, events.Lines())
	}
}

func TestSteamDoesNotSayWhichBuild(t *testing.T) {
	r := newRig(t, func(r *rig) { r.world.InfoFault = true })
	dir, result := r.installed()
	if result.CacheKey != "17033453" {
		t.Errorf("result %+v", result)
	}
	_, err := r.builder.Plan(t.Context(), builder.PlanRequest{OverlayID: "installation", Settings: json.RawMessage("{}"), PreviousAnnotations: result.Annotations})
	if sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("plan: %v", err)
	}
	if _, _, err := r.build(dir, result.Annotations, "{}"); err != nil {
		t.Errorf("an update without app information: %v", err)
	}
}

func TestRoomIsLookedAtFirst(t *testing.T) {
	r := newRig(t, func(r *rig) { r.settings["reserve_bytes"] = int64(1) << 60 })
	dir := t.TempDir()
	_, events, err := r.build(dir, nil, "{}")
	if sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(err.Error(), "free space") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 || strings.Contains(events.OutputOf(builder.Stdout), "Platform") {
		t.Errorf("it began nevertheless: %v\n%v", left, events.Lines())
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, func(r *rig) { r.world.Faults = []string{"", "hang"} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := &sdktest.Recorder{}
	events.OnEvent = func() {
		if strings.Contains(events.OutputOf(builder.Stdout), `= "linux"`) {
			cancel()
		}
	}
	_, err := r.builder.Build(ctx, builder.Request{BuildID: "b", OverlayID: "installation", Settings: json.RawMessage("{}"), OutputDir: t.TempDir()}, events)
	if sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Errorf("error %v", err)
	}
}

func TestPlan(t *testing.T) {
	r := newRig(t, nil)
	_, first := r.installed()
	plan := func() builder.Plan {
		t.Helper()
		got, err := r.builder.Plan(t.Context(), builder.PlanRequest{OverlayID: "installation", Settings: json.RawMessage("{}"), PreviousAnnotations: first.Annotations})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := plan(); got.CacheKey != first.CacheKey {
		t.Errorf("nothing new: %+v", got)
	}
	if len(r.asked) != 1 || r.asked[0] != "appid=550&version=2243" {
		t.Errorf("UpToDateCheck was asked %q", r.asked)
	}
	r.check = `{"response":{"success":true,"up_to_date":false,"required_version":2244}}`
	if got := plan(); got.CacheKey != "17033453+2244" {
		t.Errorf("the version is too old: %+v", got)
	}
	r.check = "<html>busy</html>"
	if got := plan(); got.CacheKey != first.CacheKey {
		t.Errorf("UpToDateCheck is broken: %+v", got)
	}
	r.world.Build++
	r.publish()
	if got := plan(); got.CacheKey != "17033454" {
		t.Errorf("a new build: %+v", got)
	}
	r.check, r.world.InfoFault = `{"response":{"success":true,"up_to_date":false,"required_version":2244}}`, true
	r.publish()
	if got := plan(); got.CacheKey != "2244" {
		t.Errorf("only UpToDateCheck answers: %+v", got)
	}
}

func TestSettings(t *testing.T) {
	for name, bad := range map[string]string{
		"relative program": `{"steamcmd":"steamcmd"}`, "time": `{"retry_wait":"soon"}`, "depot": `{"depots":["x"]}`,
		"file outside": `{"files":["../x"]}`, "plain http": `{"check_url":"http://example.org/"}`, "branch": `{"branch":"a b"}`,
		"app": `{"app":"222860 +quit"}`, "unknown": `{"steamcmdd":"/x"}`,
	} {
		connection := sdktest.Serve(t, game.New())
		found, err := sdk.NewBaseClient(connection).Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(bad), CacheDir: t.TempDir(), StateDir: t.TempDir()})
		if err != nil || !sdk.HasErrors(found) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestConformance(t *testing.T) {
	r := newRig(t, nil)
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:      func(string) sdk.Plugin { return game.New() },
			Command:  &sdktest.Command{Path: compile(t, "../..")},
			Settings: func(string) json.RawMessage { return r.json() },
		},
		Overlay: json.RawMessage(`{}`),
	})
}
