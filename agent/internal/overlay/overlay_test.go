package overlay_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/sdk/sdktest"
)

func set(r *rig.Rig, t *testing.T, name string, script sdktest.Script) {
	t.Helper()
	if _, err := r.Overlays.Edit(context.Background(), "ann", name, overlay.Change{Settings: rig.Script(script)}); err != nil {
		t.Fatal(err)
	}
}

func current(r *rig.Rig, t *testing.T, name string) overlay.Overlay {
	t.Helper()
	o, err := r.DB.OverlayByName(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestBuildMakesRevisions(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	first := r.Overlay("maps", map[string]string{"a.txt": "1", "b.txt": "1"})
	if first.Revision == "" {
		t.Fatal("no revision after the first build")
	}
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "2", "c.txt": "1"}})
	done := r.Succeed(r.Overlays.Build(ctx, "ann", "maps", false))
	if want := "Built: 1 files added, 1 changed, 1 removed."; done.Summary != want {
		t.Errorf("summary = %q, want %q", done.Summary, want)
	}
	second := current(r, t, "maps")
	if second.Revision == first.Revision || second.Revision != done.ID {
		t.Errorf("revision = %q; want the id of the job %q", second.Revision, done.ID)
	}
	var changes []content.Change
	err := r.Overlays.Diff(ctx, "maps", first.Revision, second.Revision, func(c content.Change) error {
		changes = append(changes, c)
		return nil
	})
	want := []content.Change{{Kind: "changed", Path: "a.txt", Size: 1}, {Kind: "removed", Path: "b.txt", Size: 1}, {Kind: "added", Path: "c.txt", Size: 1}}
	if diff := cmp.Diff(want, changes); err != nil || diff != "" {
		t.Errorf("diff: %v\n%s", err, diff)
	}
}

// S9: a failed or canceled build changes nothing.
func TestFailedBuildChangesNothing(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	before := r.Overlay("maps", map[string]string{"a.txt": "1"})
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "2"}, Fail: "The site is down.", Code: "unavailable"})
	done := r.Done(r.Overlays.Build(ctx, "ann", "maps", false))
	if done.Status != job.Failed || done.Error == nil || done.Error.Message != "The site is down." {
		t.Errorf("job = %s, %v", done.Status, done.Error)
	}
	if got := current(r, t, "maps").Revision; got != before.Revision {
		t.Errorf("revision changed to %q", got)
	}
	if refs := listed(r, t); len(refs) != 1 {
		t.Errorf("content on disk = %v; want the one revision", refs)
	}
}

func TestCanceledBuildChangesNothing(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	before := r.Overlay("maps", map[string]string{"a.txt": "1"})
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "2"}, Hang: true})
	queued, err := r.Overlays.Build(ctx, "ann", "maps", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Builder.WaitBuilds(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Jobs.Cancel(ctx, queued.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if done := r.Done(queued, nil); done.Status != job.Canceled {
		t.Errorf("job is %s: %v", done.Status, done.Error)
	}
	if got := current(r, t, "maps").Revision; got != before.Revision {
		t.Errorf("revision changed to %q", got)
	}
	if refs := listed(r, t); len(refs) != 1 {
		t.Errorf("content on disk = %v; want the one revision", refs)
	}
}

// S7: two builds at once are one.
func TestBuildsCoalesce(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a.txt": "1"})
	set(r, t, "maps", sdktest.Script{Hang: true})
	first, err := r.Overlays.Build(ctx, "ann", "maps", false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Overlays.Build(ctx, "bob", "maps", false)
	if err != nil || first.ID != second.ID {
		t.Errorf("second build is job %s (%v); want %s", second.ID, err, first.ID)
	}
	_, _ = r.Jobs.Cancel(ctx, first.ID, "ann")
	r.Done(first, nil)
}

func TestUnchangedBuildKeepsTheRevision(t *testing.T) {
	r := rig.New(t)
	before := r.Overlay("maps", map[string]string{"a.txt": "1"})
	done := r.Succeed(r.Overlays.Build(context.Background(), "ann", "maps", false))
	if done.Summary != "Nothing changed." || current(r, t, "maps").Revision != before.Revision {
		t.Errorf("summary = %q, revision %q", done.Summary, current(r, t, "maps").Revision)
	}
}

func TestRollback(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	first := r.Overlay("maps", map[string]string{"a.txt": "1"})
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": "2"}})
	r.Succeed(r.Overlays.Build(ctx, "ann", "maps", false))
	if _, err := r.Overlays.Rollback(ctx, "ann", "maps", first.Revision); err != nil {
		t.Fatal(err)
	}
	if got := current(r, t, "maps").Revision; got != first.Revision {
		t.Errorf("revision = %q, want %q", got, first.Revision)
	}
	if _, err := r.Overlays.Rollback(ctx, "ann", "maps", "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("rollback to nothing: %v", err)
	}
}

func TestOldRevisionsArePruned(t *testing.T) {
	r := rig.New(t) // keeps two besides the present one
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a.txt": "0"})
	for _, text := range []string{"1", "2", "3", "4"} {
		set(r, t, "maps", sdktest.Script{Files: map[string]string{"a.txt": text}})
		r.Succeed(r.Overlays.Build(ctx, "ann", "maps", false))
	}
	revisions, err := r.DB.Revisions(ctx, current(r, t, "maps").ID)
	if err != nil || len(revisions) != 3 || len(listed(r, t)) != 3 {
		t.Errorf("%d revisions in the store, %d on disk, %v; want 3", len(revisions), len(listed(r, t)), err)
	}
}

// S17: a type that is gone leaves its overlays visible and deletable, with a clear error for a build.
func TestMissingType(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a.txt": "1"})
	r.BuilderGone = true
	if _, err := r.Overlays.Build(ctx, "ann", "maps", false); !fault.Is(err, fault.Precondition) {
		t.Errorf("build: %v", err)
	}
	r.Succeed(r.Overlays.Delete(ctx, "ann", "maps"))
	if refs := listed(r, t); len(refs) != 0 {
		t.Errorf("content on disk after delete: %v", refs)
	}
}

func TestDeleteRefusesWhileListed(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a.txt": "1"})
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop", Overlays: []string{"maps"}}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Overlays.Delete(ctx, "ann", "maps")
	if e, ok := fault.Of(err); !ok || e.Code != fault.Precondition || !strings.Contains(e.Message, "blueprint coop lists it") {
		t.Errorf("delete: %v", err)
	}
}

// S13: a directory that a deleted row left never breaks a new overlay, and is never mistaken for it.
func TestLeftoverDirectoryIsNoTrouble(t *testing.T) {
	r := rig.New(t)
	leftover := filepath.Join(r.Root, "content", "overlays", "01leftover", "rev1")
	if err := os.MkdirAll(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	r = r.Restart()
	if orphans := r.Reconciler.Orphans(); len(orphans) != 1 || orphans[0].Layer.Overlay != "01leftover" {
		t.Errorf("orphans = %v", orphans)
	}
	r.Overlay("maps", map[string]string{"a.txt": "1"})
	if _, err := os.Stat(leftover); err != nil {
		t.Errorf("the orphan was touched: %v", err)
	}
}

func TestBadInput(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("taken", map[string]string{"a": "1"})
	tests := map[string]struct {
		draft overlay.Draft
		code  fault.Code
		field string
	}{
		"traversal in the name": {overlay.Draft{Name: "../x", Type: rig.BuilderType}, fault.Invalid, "name"},
		"300 characters":        {overlay.Draft{Name: strings.Repeat("a", 300), Type: rig.BuilderType}, fault.Invalid, "name"},
		"empty name":            {overlay.Draft{Type: rig.BuilderType}, fault.Invalid, "name"},
		"unknown type":          {overlay.Draft{Name: "a", Type: "nope"}, fault.Precondition, "type"},
		"unknown setting":       {overlay.Draft{Name: "a", Type: rig.BuilderType, Settings: json.RawMessage(`{"x":1}`)}, fault.Invalid, "settings/x"},
		"wrong type of setting": {overlay.Draft{Name: "a", Type: rig.BuilderType, Settings: json.RawMessage(`{"hang":"yes"}`)}, fault.Invalid, "settings/hang"},
		"broken JSON":           {overlay.Draft{Name: "a", Type: rig.BuilderType, Settings: json.RawMessage(`{`)}, fault.Invalid, "settings"},
		"name taken":            {overlay.Draft{Name: "taken", Type: rig.BuilderType}, fault.Conflict, "name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := r.Overlays.Create(ctx, "ann", test.draft)
			e, ok := fault.Of(err)
			if !ok || e.Code != test.code || e.Field != test.field {
				t.Errorf("error = %v, code %s, field %q; want %s, %q", err, fault.CodeOf(err), e.Field, test.code, test.field)
			}
			if e != nil && e.Code != fault.Conflict && e.Hint == "" {
				t.Errorf("no next step in %q", e.Message)
			}
		})
	}
	if all, err := r.DB.Overlays(ctx); err != nil || len(all) != 1 {
		t.Errorf("%d overlays, %v; bad input changed something", len(all), err)
	}
}

func listed(r *rig.Rig, t *testing.T) []content.Ref {
	t.Helper()
	refs, err := r.Disk.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return refs
}
