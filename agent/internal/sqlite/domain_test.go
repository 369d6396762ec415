package sqlite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// at is a time as the store keeps it.
var at = time.Date(2026, 11, 24, 20, 0, 0, 123456000, time.UTC)

func update(t *testing.T, db *sqlite.DB, change func(*sqlite.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func newOverlay(name string) overlay.Overlay {
	return overlay.Overlay{ID: id.New(), Name: name, Type: "overlay-script", Settings: json.RawMessage(`{"script":"#!/bin/bash\n"}`),
		System: true, Owner: "ada", Revision: "r1", LastJob: "j1", CreatedAt: at, UpdatedAt: at.Add(time.Second)}
}

// same compares what was written with what is read back.
func same[T any](t *testing.T, want T) func(T, error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func absent[T any](t *testing.T) func(T, error) {
	t.Helper()
	return func(_ T, err error) {
		t.Helper()
		if f, ok := fault.Of(err); !ok || f.Code != fault.NotFound {
			t.Errorf("got %v, want not found", err)
		}
	}
}

func TestOverlays(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	store := db.OverlayStore()
	maps, addons := newOverlay("maps"), newOverlay("addons")
	put := func(all ...overlay.Overlay) error {
		return store.Update(ctx, func(tx overlay.Tx) error {
			for _, o := range all {
				if err := tx.PutOverlay(ctx, o); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := put(maps, addons); err != nil {
		t.Fatal(err)
	}
	same(t, []overlay.Overlay{addons, maps})(store.Overlays(ctx))
	same(t, maps)(store.OverlayByName(ctx, "maps"))
	maps.Revision, maps.Owner, maps.System, maps.UpdatedAt = "", "", false, at.Add(time.Minute)
	if err := put(maps); err != nil {
		t.Fatal(err)
	}
	same(t, maps)(store.OverlayByID(ctx, maps.ID))
	absent[overlay.Overlay](t)(store.OverlayByName(ctx, "nope"))
	absent[overlay.Overlay](t)(store.OverlayByID(ctx, "maps' OR 1=1 --\x00"))

	err := put(newOverlay("fresh"), newOverlay("maps"))
	refused(t, err, fault.Conflict, `There is an overlay named "maps" already.`)
	absent[overlay.Overlay](t)(store.OverlayByName(ctx, "fresh")) // rolled back
	renamed := addons
	renamed.Name = "maps"
	refused(t, put(renamed), fault.Conflict, `"maps"`)
}

func TestRevisions(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	o := newOverlay("maps")
	first := overlay.Revision{Overlay: o.ID, ID: "r1", Usage: content.Usage{Files: 1, Bytes: 1 << 40, SharedBytes: 3}, Added: 4, Removed: 5, Changed: 6,
		Notes: []string{"a link was removed"}, Annotations: map[string]string{"etag": "x\x00y"}, CacheKey: "key", CreatedAt: at}
	second := overlay.Revision{Overlay: o.ID, ID: "r2", CreatedAt: at.Add(time.Hour)}
	update(t, db, func(tx *sqlite.Tx) error {
		return errors.Join(tx.PutOverlay(ctx, o), tx.AddRevision(ctx, first), tx.AddRevision(ctx, second))
	})
	same(t, []overlay.Revision{second, first})(db.Revisions(ctx, o.ID))
	err := db.Update(ctx, func(tx *sqlite.Tx) error { return tx.AddRevision(ctx, first) })
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("the same revision twice: %v", err)
	}
	err = db.Update(ctx, func(tx *sqlite.Tx) error { return tx.AddRevision(ctx, overlay.Revision{Overlay: "none", ID: "r"}) })
	if !fault.Is(err, fault.Precondition) {
		t.Errorf("a revision of no overlay: %v", err)
	}
	update(t, db, func(tx *sqlite.Tx) error { return tx.DeleteRevision(ctx, o.ID, "r1") })
	same(t, []overlay.Revision{second})(db.Revisions(ctx, o.ID))
	update(t, db, func(tx *sqlite.Tx) error { return tx.DeleteOverlay(ctx, o.ID) })
	same(t, []overlay.Revision{})(db.Revisions(ctx, o.ID))
}

func TestBlueprints(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	store := db.BlueprintStore()
	a, b := newOverlay("a"), newOverlay("b")
	region := 3
	coop := blueprint.Blueprint{ID: id.New(), Name: "coop", Owner: "ada", Overlays: []string{b.ID, a.ID}, Arguments: []string{"-tickrate", "60"},
		Config: []string{`hostname "x"`, "", "ä"}, Settings: blueprint.Settings{Map: "c1m1_hotel", Region: &region}, CreatedAt: at, UpdatedAt: at}
	bare := blueprint.Blueprint{ID: id.New(), Name: "bare", Overlays: []string{}, CreatedAt: at, UpdatedAt: at}
	update(t, db, func(tx *sqlite.Tx) error {
		return errors.Join(tx.PutOverlay(ctx, a), tx.PutOverlay(ctx, b), tx.PutBlueprint(ctx, coop), tx.PutBlueprint(ctx, bare))
	})
	same(t, []blueprint.Blueprint{bare, coop})(store.Blueprints(ctx))
	coop.Overlays = []string{a.ID}
	if err := store.Update(ctx, func(tx blueprint.Tx) error { return tx.PutBlueprint(ctx, coop) }); err != nil {
		t.Fatal(err)
	}
	same(t, coop)(store.BlueprintByID(ctx, coop.ID))
	same(t, coop)(store.BlueprintByName(ctx, "coop"))
	absent[blueprint.Blueprint](t)(store.BlueprintByName(ctx, "nope"))
	same(t, []string{"coop"})(db.OverlayUsers(ctx, a.ID))

	unlisted := coop
	unlisted.Overlays = []string{a.ID, "gone"}
	err := store.Update(ctx, func(tx blueprint.Tx) error { return tx.PutBlueprint(ctx, unlisted) })
	if f, _ := fault.Of(err); f == nil || f.Code != fault.NotFound || f.Field != "overlays" {
		t.Errorf("an overlay that does not exist: %v", err)
	}
	same(t, coop)(store.BlueprintByID(ctx, coop.ID))
	twin := bare
	twin.ID = id.New()
	refused(t, store.Update(ctx, func(tx blueprint.Tx) error { return tx.PutBlueprint(ctx, twin) }), fault.Conflict, `"bare"`)
	refused(t, db.Update(ctx, func(tx *sqlite.Tx) error { return tx.DeleteOverlay(ctx, a.ID) }), fault.Precondition, "A blueprint lists")
	update(t, db, func(tx *sqlite.Tx) error {
		return errors.Join(tx.DeleteBlueprint(ctx, coop.ID), tx.DeleteOverlay(ctx, a.ID))
	})
}

func TestReleases(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	store := db.ReleaseStore()
	absent[installation.Release](t)(store.CurrentRelease(ctx))
	old := installation.Release{ID: "1", Version: "2.2.4.2", Current: true, Usage: content.Usage{Files: 9, Bytes: 8, SharedBytes: 7}, CreatedAt: at}
	next := installation.Release{ID: "2", Current: true, CreatedAt: at.Add(time.Hour)}
	for _, r := range []installation.Release{old, next} {
		if err := store.Update(ctx, func(tx installation.Tx) error { return tx.PutRelease(ctx, r) }); err != nil {
			t.Fatal(err)
		}
		same(t, r)(store.CurrentRelease(ctx))
	}
	old.Current = false
	same(t, []installation.Release{next, old})(store.Releases(ctx))
	old.Current, next.Current = true, false // rolled back to the former release
	update(t, db, func(tx *sqlite.Tx) error { return tx.PutRelease(ctx, old) })
	same(t, []installation.Release{next, old})(store.Releases(ctx))
	update(t, db, func(tx *sqlite.Tx) error { return tx.DeleteRelease(ctx, "1") })
	absent[installation.Release](t)(store.CurrentRelease(ctx))
}

func TestServers(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	store := db.ServerStore()
	print := blueprint.Blueprint{ID: id.New(), Name: "coop", CreatedAt: at, UpdatedAt: at}
	made := func(name string, port int) server.Server {
		return server.Server{ID: id.New(), Name: name, Owner: "ada", Blueprint: print.ID, Port: port, Intent: server.IntentRunning, RCONPassword: "s3cr3t",
			Layers: []content.Layer{{Overlay: "o", Revision: "r"}, {Release: "1"}}, LastJob: "j", StartedAt: at, CreatedAt: at, UpdatedAt: at}
	}
	put := func(s server.Server) error {
		return store.Update(ctx, func(tx server.Tx) error { return tx.PutServer(ctx, s) })
	}
	alpha, beta := made("alpha", 27015), server.Server{ID: id.New(), Name: "beta", Blueprint: print.ID, Port: 27016, Intent: server.IntentStopped, CreatedAt: at, UpdatedAt: at}
	update(t, db, func(tx *sqlite.Tx) error { return tx.PutBlueprint(ctx, print) })
	if err := errors.Join(put(beta), put(alpha)); err != nil {
		t.Fatal(err)
	}
	same(t, []server.Server{alpha, beta})(store.Servers(ctx))
	alpha.Intent, alpha.Port, alpha.Layers, alpha.StartedAt = server.IntentStopped, 27099, nil, time.Time{}
	if err := put(alpha); err != nil {
		t.Fatal(err)
	}
	same(t, alpha)(store.ServerByName(ctx, "alpha"))
	same(t, alpha)(store.ServerByID(ctx, alpha.ID))
	absent[server.Server](t)(store.ServerByName(ctx, "ALPHA"))
	same(t, []string{"alpha", "beta"})(store.BlueprintUsers(ctx, print.ID))

	for field, s := range map[string]server.Server{"name": made("beta", 1), "port": made("gamma", 27016)} {
		err := put(s)
		refused(t, err, fault.Conflict, fmt.Sprint(map[string]any{"name": `"beta"`, "port": 27016}[field]))
		if f, _ := fault.Of(err); f == nil || f.Field != field {
			t.Errorf("field of %v, want %s", f, field)
		}
	}
	orphan := made("orphan", 2)
	orphan.Blueprint = "gone"
	if err := put(orphan); !fault.Is(err, fault.NotFound) {
		t.Errorf("a blueprint that does not exist: %v", err)
	}
	refused(t, db.Update(ctx, func(tx *sqlite.Tx) error { return tx.DeleteBlueprint(ctx, print.ID) }), fault.Precondition, "A server is made")
	update(t, db, func(tx *sqlite.Tx) error { return tx.DeleteServer(ctx, alpha.ID) })
	same(t, []server.Server{beta})(store.Servers(ctx))
}

// A domain change, its job and its event are one: all of it is there, or nothing.
func TestOneTransactionForChangeJobAndEvent(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	var published []event.Event
	db.OnEvents(func(events []event.Event) { published = append(published, events...) })
	create := func(o overlay.Overlay) error {
		return db.OverlayStore().Update(ctx, func(tx overlay.Tx) error {
			_, _, err := tx.AddJob(ctx, job.Spec{Kind: "overlay.build", Subject: "overlay/" + o.ID, Label: "overlay/" + o.Name})
			return errors.Join(err, tx.AddEvent(ctx, event.Event{Kind: "overlay.created", Subject: "overlay/" + o.Name}), tx.PutOverlay(ctx, o))
		})
	}
	if err := create(newOverlay("maps")); err != nil {
		t.Fatal(err)
	}
	refused(t, create(newOverlay("maps")), fault.Conflict, "already")
	jobs, err := db.Jobs(ctx, job.Filter{})
	if err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	same(t, published)(db.Events(ctx, event.Filter{}))
	if len(published) != 2 || published[0].ID != 1 || published[1].Kind != "overlay.created" {
		t.Errorf("published %+v", published)
	}
}

func TestPruneKeepsWhatIsNotFinal(t *testing.T) {
	db, ctx := newDB(t), t.Context()
	var ids []string
	for range 2 {
		j, _, err := db.Queue(ctx, job.Spec{Kind: "k", Subject: "s"})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.AddLines(ctx, j.ID, []job.Line{{Seq: 1, Time: at, Level: "info", Text: "x"}}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	done, err := db.Job(ctx, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	done.Status, done.FinishedAt = job.Succeeded, at
	if err := db.SaveJob(ctx, done); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveJob(ctx, done); !fault.Is(err, fault.Precondition) {
		t.Errorf("a final job was changed: %v", err)
	}
	jobs, events, err := db.Prune(ctx, time.Now().Add(time.Hour))
	if err != nil || jobs != 1 || events != 2 {
		t.Errorf("%d jobs, %d events, %v", jobs, events, err)
	}
	absent[job.Job](t)(db.Job(ctx, ids[0]))
	for i, want := range []int{0, 1} {
		if lines, err := db.Lines(ctx, ids[i], 0, 9); err != nil || len(lines) != want {
			t.Errorf("job %d: %d lines, %v", i, len(lines), err)
		}
	}
}
