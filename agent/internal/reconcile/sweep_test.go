package reconcile_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/rig"
)

// S13: orphans are found while the agent runs, and only what is one can be removed.
func TestOrphansAreFoundAndRemoved(t *testing.T) {
	r, s := running(t)
	ctx := context.Background()
	leftovers := []string{"overlays/01leftover/rev1", "servers/01nobody", "installations/01old"}
	for _, dir := range leftovers {
		if err := os.MkdirAll(filepath.Join(r.Root, "content", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	found, err := r.Reconciler.Survey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, ref := range found {
		names = append(names, ref.String())
	}
	want := []string{"overlay/01leftover/rev1", "release/01old", "server/01nobody"}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Fatalf("orphans = %v, want %v", names, want)
	}
	for _, name := range names {
		r.Succeed(r.Sweeper.Remove(ctx, "ann", name))
	}
	if left := r.Reconciler.Orphans(); len(left) != 0 {
		t.Errorf("orphans left: %v", left)
	}
	for _, dir := range leftovers {
		if _, err := os.Stat(filepath.Join(r.Root, "content", dir)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	if events := r.Events("content"); !slices.Contains(events, "content.removed") {
		t.Errorf("events = %v", events)
	}
	view, err := r.Servers.View(ctx, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	owned := content.Ref{Layer: view.Layers[0].Layer}
	for _, name := range []string{owned.String(), content.Ref{Server: s.ID}.String(), "server/01nobody"} {
		done := r.Done(r.Sweeper.Remove(ctx, "ann", name))
		if done.Status != job.Failed || done.Error == nil || done.Error.Code != fault.NotFound {
			t.Errorf("removal of %s, which is no orphan, is %s: %v", name, done.Status, done.Error)
		}
	}
	for _, name := range []string{"", "server", "server/", "overlay/x", "overlay/x/y/z", "/etc", "server/a/b", "../x"} {
		if _, err := r.Sweeper.Remove(ctx, "ann", name); !fault.Is(err, fault.Invalid) {
			t.Errorf("removal of %q: %v", name, err)
		}
	}
}

// A crash after the commit on disk and before the row; the daily sweep finds it too.
func TestSweepRemovesWhatEndedJobsLeft(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	o := r.Overlay("maps", map[string]string{"a": "1"})
	ended := r.Succeed(r.Sweeper.Sweep(ctx, ""))
	left := filepath.Join(r.Root, "content", "overlays", o.ID, ended.ID)
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Sweeper.Sweep(ctx, ""))
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what an ended job left is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.Root, "content", "overlays", o.ID, o.Revision)); err != nil {
		t.Errorf("the present revision: %v", err)
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("overlay/a/b")
	f.Add("build/01x")
	f.Add("overlay//")
	f.Fuzz(func(t *testing.T, text string) {
		if ref, ok := content.ParseRef(text); ok && ref.String() != text {
			t.Errorf("%q became %+v, which is %q", text, ref, ref.String())
		}
	})
}
