package pluginhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// TestMounterLife takes content through its whole life over a mounter that works by copying.
func TestMounterLife(t *testing.T) {
	p := behaving("the-mounter", "dirmounter")
	p.Kind = sdk.KindMounter
	settings, err := json.Marshal(map[string]string{"root": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p.Settings = settings
	r := newRig(t, nil, p)
	r.Start()
	settle, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.Settle(settle); err != nil {
		t.Fatal(err)
	}
	m, err := r.Mounter()
	if err != nil {
		t.Fatal(err)
	}
	layer := mounter.Layer{Overlay: "maps", Revision: "r1"}
	commitFile(t, m, layer)
	checkContent(t, m, layer)
	mountAndWrite(t, m, layer)

	// The mounts outlive the plugin, and the same value goes on to work.
	kill(t, r.awaitState("the-mounter", pluginhost.Ready).PID, unix.SIGKILL)
	r.await("the-mounter", "started again", func(s pluginhost.Status) bool { return s.Restarts == 1 })
	mounts, err := m.Mounts(t.Context())
	if err != nil || len(mounts) != 1 || mounts[0].Server != "alpha" {
		t.Fatalf("mounts after a crash: %+v, %v", mounts, err)
	}
	watchOne(t, m)
	if _, err := m.Remove(t.Context(), mounter.Ref{Layer: layer}, false); !fault.Is(err, fault.Precondition) {
		t.Errorf("removing a mounted layer: %v", err)
	}
	if was, err := m.Unmount(t.Context(), "alpha", false); err != nil || !was {
		t.Errorf("unmount: %v %v", was, err)
	}
	if existed, err := m.Remove(t.Context(), mounter.Ref{Server: "alpha"}, false); err != nil || !existed {
		t.Errorf("remove: %v %v", existed, err)
	}
}

func commitFile(t *testing.T, m mounter.Mounter, layer mounter.Layer) {
	t.Helper()
	staging, err := m.Stage(t.Context(), "b1", mounter.Layer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(staging.Path, "motd.txt"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	commit, err := m.Commit(t.Context(), mounter.CommitRequest{Build: "b1", Target: layer})
	if err != nil || commit.Added != 1 || commit.Usage.Bytes != 5 {
		t.Fatalf("commit %+v %v", commit, err)
	}
	if _, err := m.Stage(t.Context(), "b2", layer); err != nil {
		t.Fatal(err)
	}
	if existed, err := m.Discard(t.Context(), "b2"); err != nil || !existed {
		t.Errorf("discard: %v %v", existed, err)
	}
	_, err = m.Stage(t.Context(), "../etc", mounter.Layer{})
	wantFault(t, err, fault.Invalid, "plugin:the-mounter", "valid id")
}

func checkContent(t *testing.T, m mounter.Mounter, layer mounter.Layer) {
	t.Helper()
	var changes []mounter.Change
	err := m.Diff(t.Context(), layer.Overlay, "", layer.Revision, func(c mounter.Change) error {
		changes = append(changes, c)
		return nil
	})
	want := []mounter.Change{{Kind: mounter.Added, Path: "motd.txt", Size: 5}}
	if diff := cmp.Diff(want, changes); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	usage, err := m.Usage(t.Context(), mounter.Ref{Layer: layer})
	if err != nil || usage.Files != 1 {
		t.Errorf("usage %+v %v", usage, err)
	}
	var refs []mounter.Ref
	err = m.List(t.Context(), func(ref mounter.Ref) error {
		refs = append(refs, ref)
		return nil
	})
	if diff := cmp.Diff([]mounter.Ref{{Layer: layer}}, refs); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func mountAndWrite(t *testing.T, m mounter.Mounter, layer mounter.Layer) {
	t.Helper()
	mount, existed, err := m.Mount(t.Context(), "alpha", []mounter.Layer{layer})
	if err != nil || existed {
		t.Fatalf("%+v %v %v", mount, existed, err)
	}
	if err := m.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "cfg/server.cfg", Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(mount.Path, "cfg", "server.cfg")); err != nil || string(data) != "x" {
		t.Errorf("%q %v", data, err)
	}
}

// watchOne watches until the present mount was reported.
func watchOne(t *testing.T, m mounter.Mounter) {
	t.Helper()
	enough := errors.New("enough")
	err := m.Watch(t.Context(), func(event mounter.Event, mount mounter.Mount) error {
		if event != mounter.EventCurrent || mount.Server != "alpha" {
			t.Errorf("%s %+v", event, mount)
		}
		return enough
	})
	if err != enough {
		t.Errorf("watch ended with %v", err)
	}
}

// TestDeadline: a plugin that does not answer in the caller's time is an error in time.
func TestDeadline(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = b.Build(ctx, doing("wait"), &recorder{})
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "did not answer in time")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not a deadline", err)
	}
}
