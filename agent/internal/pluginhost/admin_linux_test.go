package pluginhost_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func TestRestart(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"), behaving("overlay-crash", "crash"))
	r.Start()
	before := r.awaitState("overlay-x", pluginhost.Ready)
	if err := r.Restart(t.Context(), "overlay-x"); err != nil {
		t.Fatal(err)
	}
	after := r.awaitState("overlay-x", pluginhost.Ready)
	if after.PID == before.PID || after.Restarts != 1 || after.LastExit != "" {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	err := r.Restart(t.Context(), "overlay-crash")
	wantFault(t, err, fault.Unavailable, "plugin:overlay-crash", "ended with status 3 while it started")
	err = r.Restart(t.Context(), "absent")
	if f, ok := fault.Of(err); !ok || f.Code != fault.NotFound || f.Hint != "The plugins are: overlay-x, overlay-crash." {
		t.Errorf("absent: %v", err)
	}
}

func TestUnusable(t *testing.T) {
	off := behaving("overlay-off", "good")
	off.Enabled = false
	m := behaving("the-mounter", "mounter")
	m.Kind = sdk.KindMounter
	r := newRig(t, nil, off, m)
	r.Start()
	_, err := r.Builder("overlay-off")
	wantFault(t, err, fault.Unavailable, "plugin:overlay-off", "is disabled")
	_, err = r.Builder("absent")
	wantFault(t, err, fault.Unavailable, "plugin:absent", `There is no plugin "absent"`)
	_, err = r.Builder("the-mounter")
	wantFault(t, err, fault.Unavailable, "plugin:the-mounter", "is a mounter and builds no overlays")
	if err := r.Restart(t.Context(), "overlay-off"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("restart of a disabled plugin: %v", err)
	}
	if s, err := r.Get("overlay-off"); err != nil || s.State != pluginhost.Disabled {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := r.Get("absent"); !fault.Is(err, fault.NotFound) {
		t.Errorf("get: %v", err)
	}
}

func TestNoMounter(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	_, err := r.Mounter()
	wantFault(t, err, fault.Unavailable, "", "No mounter plugin is enabled")
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Validate(t.Context(), json.RawMessage(`{}`))
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "is stopped") // Start was not called
}

func TestMounter(t *testing.T) {
	p := behaving("the-mounter", "mounter")
	p.Kind = sdk.KindMounter
	r := newRig(t, nil, p)
	r.Start()
	m, err := r.Mounter()
	if err != nil {
		t.Fatal(err)
	}
	probe, err := m.Probe(t.Context())
	want := mounter.Probe{Filesystem: "none", MaxLayers: 3, Features: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, probe); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if mounts, err := m.Mounts(t.Context()); err != nil || len(mounts) != 0 {
		t.Errorf("%v %v", mounts, err)
	}
	mount, existed, err := m.Mount(t.Context(), "alpha", []mounter.Layer{{Release: "r1"}})
	if err != nil || !existed || mount.Path != "/alpha" {
		t.Errorf("%+v %v %v", mount, existed, err)
	}
	enough := errors.New("enough")
	if err := m.List(t.Context(), func(mounter.Ref) error { return enough }); err != enough {
		t.Errorf("a callback's error came back as %v", err)
	}
	// A bug of the plugin (nil methods) is an error of the call.
	if _, err := m.Unmount(t.Context(), "alpha", false); !fault.Is(err, fault.Internal) {
		t.Errorf("panic: %v", err)
	}
}

// TestDirs: the plugin has directories of its own, and no others' files open.
func TestDirs(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	got := show(t, r, "overlay-x", "dirs")
	want := []string{filepath.Join(r.state, "plugins", "overlay-x"), filepath.Join(r.state, "cache", "overlay-x"), "writable"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(got[0]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory %v %v", info.Mode(), err)
	}
	for _, file := range show(t, r, "overlay-x", "fds") {
		if strings.Contains(file, os.Args[0]) {
			t.Errorf("the plugin holds its own program open: %s", file)
		}
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("AGENT_SECRET", "hunter2")
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	for _, variable := range show(t, r, "overlay-x", "environ") {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "PATH", "LANG", "HOME", "MARK":
		default:
			t.Errorf("variable %s", variable)
		}
	}
}

// show asks the friendly plugin about itself.
func show(t *testing.T, r *rig, name, what string) []string {
	t.Helper()
	b, err := r.Builder(name)
	if err != nil {
		t.Fatal(err)
	}
	found, err := b.Validate(t.Context(), json.RawMessage(`{"show":"`+what+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range found {
		out = append(out, d.Summary)
	}
	return out
}
