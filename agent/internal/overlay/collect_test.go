package overlay_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/sdk/sdktest"
)

// rebuild makes a new revision of maps for each text.
func rebuild(r *rig.Rig, t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": text}})
		r.Succeed(r.Overlays.Build(context.Background(), "ann", "maps", false))
	}
}

func ids(r *rig.Rig, t *testing.T) []string {
	t.Helper()
	revisions, err := r.DB.Revisions(context.Background(), current(r, t, "maps").ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, revision := range revisions {
		out = append(out, revision.ID)
	}
	if onDisk := len(listed(r, t)); onDisk != len(out) {
		t.Errorf("%d revisions in the store, %d pieces of content on disk", len(out), onDisk)
	}
	return out
}

func TestPinnedRevisionsAreKept(t *testing.T) {
	r := rig.New(t) // keeps two besides the present one
	ctx := context.Background()
	first := r.Overlay("maps", map[string]string{"a.txt": "0"}).Revision
	if _, err := r.Overlays.Pin(ctx, "ann", "maps", first, true); err != nil {
		t.Fatal(err)
	}
	rebuild(r, t, "1", "2", "3", "4")
	if got := ids(r, t); len(got) != 4 || !slices.Contains(got, first) {
		t.Errorf("revisions = %v, want the present, two more and the pinned %s", got, first)
	}
	if _, err := r.Overlays.Pin(ctx, "ann", "maps", first, false); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Sweeper.Sweep(ctx, "bob"))
	if got := ids(r, t); len(got) != 3 || slices.Contains(got, first) {
		t.Errorf("revisions = %v, want the unpinned %s to be gone", got, first)
	}
	events, err := r.DB.Events(ctx, event.Filter{Subject: "overlay/maps"})
	if err != nil {
		t.Fatal(err)
	}
	said := false
	for _, e := range events {
		said = said || e.Kind == "overlay.collected" && e.Actor == "bob" && strings.Contains(e.Message, first)
	}
	if kinds := r.Events("overlay/maps"); !said || !slices.Contains(kinds, "overlay.pinned") || !slices.Contains(kinds, "overlay.unpinned") {
		t.Errorf("events = %v; want that bob removed %s", events, first)
	}
	if _, err := r.Overlays.Pin(ctx, "ann", "maps", first, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("pin of a removed revision: %v", err)
	}
}

// What a server runs with stays until it stops, and going back to it stays possible.
func TestMountedRevisionsAreKept(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	first := r.Overlay("maps", map[string]string{"a.txt": "0"}).Revision
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop", Overlays: []string{"maps"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"}); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	rebuild(r, t, "1", "2", "3", "4")
	view, err := r.Servers.View(ctx, "alpha")
	if err != nil || view.Layers[0].Revision != first || view.Layers[0].Newer != current(r, t, "maps").Revision || len(view.Pending) != 1 {
		t.Errorf("server = %+v, %v; want it on %s and a newer one waiting", view, err, first)
	}
	if _, err := r.Overlays.Rollback(ctx, "ann", "maps", first); err != nil {
		t.Errorf("go back to what runs: %v", err)
	}
	if view, _ = r.Servers.View(ctx, "alpha"); len(view.Pending) != 0 {
		t.Errorf("pending = %v after going back to what runs", view.Pending)
	}
	rebuild(r, t, "5")
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	r.Succeed(r.Sweeper.Sweep(ctx, ""))
	revisions, err := r.DB.Revisions(ctx, current(r, t, "maps").ID)
	if err != nil || len(revisions) != 3 {
		t.Errorf("%d revisions after the stop, %v; want 3", len(revisions), err)
	}
}

// A revision's own bytes are what its removal frees; an overlay's are all of them.
func TestUsageIsMeasured(t *testing.T) {
	r := rig.New(t)
	r.Overlay("maps", map[string]string{"a.txt": "12345"})
	rebuild(r, t, "123")
	if got := current(r, t, "maps").DiskBytes; got != 8 {
		t.Errorf("the overlay takes %d bytes, want 8", got)
	}
}

// A build from empty is another one than the build under way: it waits and then runs.
func TestWipeIsQueuedAfterABuild(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a.txt": "1"})
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "2"}, Hang: true})
	plain, err := r.Overlays.Build(ctx, "ann", "maps", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Builder.WaitBuilds(ctx, 2); err != nil {
		t.Fatal(err)
	}
	wipe, err := r.Overlays.Build(ctx, "ann", "maps", true)
	if err != nil || wipe.ID == plain.ID {
		t.Fatalf("the wipe is job %s, %v; the plain build is %s", wipe.ID, err, plain.ID)
	}
	again, err := r.Overlays.Build(ctx, "bob", "maps", true)
	if err != nil || again.ID != wipe.ID {
		t.Errorf("a second wipe is job %s, %v; want %s", again.ID, err, wipe.ID)
	}
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"b.txt": "1"}})
	edited, err := r.Overlays.Build(ctx, "ann", "maps", false)
	if err != nil || edited.ID == plain.ID || edited.ID == wipe.ID {
		t.Errorf("a build with other settings is job %s, %v", edited.ID, err)
	}
	if now, err := r.Jobs.Get(ctx, wipe.ID); err != nil || now.Status != job.Queued {
		t.Errorf("the wipe is %s, %v, while the plain build runs", now.Status, err)
	}
	if _, err := r.Jobs.Cancel(ctx, plain.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	r.Succeed(wipe, nil)
	r.Succeed(edited, nil)
}

// small makes the mounter's limits those of a small disk.
type small struct {
	overlay.Disk
	limits content.Limits
}

func (s small) Limits(context.Context) (content.Limits, error) { return s.limits, nil }

// A builder that writes too much is stopped while it still runs.
func TestQuotaStopsABuild(t *testing.T) {
	for name, test := range map[string]struct {
		limits content.Limits
		words  string
	}{
		"bytes": {content.Limits{Bytes: 4}, "more than 4 bytes"},
		"files": {content.Limits{Files: 1}, "more than 1 files"},
	} {
		t.Run(name, func(t *testing.T) {
			r := rig.NewWith(t, func(d overlay.Disk) overlay.Disk { return small{d, test.limits} })
			ctx := context.Background()
			before := r.Overlay("maps", map[string]string{"a.txt": "1"})
			set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "12345", "b.txt": "1"}, Hang: true})
			done := r.Done(r.Overlays.Build(ctx, "ann", "maps", false))
			if done.Status != job.Failed || done.Error == nil || !strings.Contains(done.Error.Message, test.words) || done.Error.Hint == "" {
				t.Errorf("job is %s: %v", done.Status, done.Error)
			}
			if got := current(r, t, "maps").Revision; got != before.Revision {
				t.Errorf("revision changed to %q", got)
			}
			if refs := listed(r, t); len(refs) != 1 {
				t.Errorf("content on disk = %v; want the one revision", refs)
			}
		})
	}
}
