package overlay_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestRefreshBuildsEveryOverlayOnce(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	same := r.Overlay("same", map[string]string{"a": "1"})
	r.Overlay("news", map[string]string{"a": "1"})
	r.Overlay("down", map[string]string{"a": "1"})
	if _, err := r.Overlays.Create(ctx, "ann", overlay.Draft{Name: "never-built", Type: rig.BuilderType}); err != nil {
		t.Fatal(err)
	}
	set(r, t, "news", sdktest.Script{Files: map[string]string{"a": "2"}, Changes: []builder.Change{
		{Kind: builder.Updated, ID: "7", Title: "Seven", From: "v1", To: "v2"}, {Kind: builder.Failed, ID: "8", Reason: "is private"}}})
	set(r, t, "down", sdktest.Script{Fail: "The site is down.", Code: "unavailable"})
	before := len(r.Builder.Builds())
	done := r.Done(r.Overlays.Refresh(ctx, ""))
	if done.Actor != "" || done.Status != job.Failed || done.Error.Message != "Overlays that could not be refreshed: down." {
		t.Errorf("refresh by %q is %s: %v", done.Actor, done.Status, done.Error)
	}
	if want := "1 overlays updated, 1 unchanged, 1 failed. Items: 1 updated, 1 failed."; done.Summary != want {
		t.Errorf("summary %q, want %q", done.Summary, want)
	}
	if n := len(r.Builder.Builds()) - before; n != 3 {
		t.Errorf("%d builds", n)
	}
	if got := current(r, t, "same").Revision; got != same.Revision {
		t.Errorf("an overlay without change got revision %s", got)
	}
	var result overlay.RefreshResult
	if err := json.Unmarshal(done.Result, &result); err != nil {
		t.Fatal(err)
	}
	for i := range result.Overlays {
		result.Overlays[i].Job, result.Overlays[i].Revision = "", ""
	}
	want := overlay.RefreshResult{Overlays: []overlay.Refreshed{
		{Overlay: "down", Status: "failed", Error: "The site is down."},
		{Overlay: "news", Status: "updated", Changes: []overlay.ItemChange{
			{Kind: "updated", ID: "7", Title: "Seven", From: "v1", To: "v2"}, {Kind: "failed", ID: "8", Reason: "is private"}}},
		{Overlay: "same", Status: "unchanged"},
	}}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
	lines, err := r.DB.Lines(ctx, done.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var log []string
	for _, line := range lines {
		log = append(log, line.Text)
	}
	if text := strings.Join(log, "\n"); !strings.Contains(text, "news: updated 7 (Seven): version v1 -> v2") {
		t.Errorf("the log does not name versions:\n%s", text)
	}
}

// S7: two refreshes at once are one.
func TestRefreshesCoalesce(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a": "1"})
	set(r, t, "maps", sdktest.Script{Hang: true})
	first, err := r.Overlays.Refresh(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Builder.WaitBuilds(ctx, 2); err != nil {
		t.Fatal(err)
	}
	second, err := r.Overlays.Refresh(ctx, "ann")
	if err != nil || second.ID != first.ID {
		t.Errorf("the second refresh is job %s (%v), want %s", second.ID, err, first.ID)
	}
	running, err := r.Jobs.List(ctx, job.Filter{Kind: overlay.KindBuild, Status: job.Running})
	if err != nil || len(running) != 1 {
		t.Fatalf("%d builds run, %v", len(running), err)
	}
	if _, err := r.Jobs.Cancel(ctx, running[0].ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if done := r.Done(first, nil); done.Status != job.Failed {
		t.Errorf("the refresh is %s", done.Status)
	}
}

// counter stands for the job engine: it notes when a refresh is asked for.
type days struct {
	overlay.Store
	jobs []job.Job
}

func (d *days) Update(ctx context.Context, change func(overlay.Tx) error) error {
	return change(&daysTx{days: d})
}

func (d *days) Wake() {}

func (d *days) List(context.Context, job.Filter) ([]job.Job, error) {
	if len(d.jobs) == 0 {
		return nil, nil
	}
	return d.jobs[len(d.jobs)-1:], nil
}

type daysTx struct {
	overlay.Tx
	*days
}

func (d *daysTx) AddJob(_ context.Context, spec job.Spec) (job.Job, bool, error) {
	made := job.Job{Kind: spec.Kind, Actor: spec.Actor, CreatedAt: time.Now()}
	d.jobs = append(d.jobs, made)
	return made, false, nil
}

func TestDailyRefresh(t *testing.T) {
	const at = 4*time.Hour + 30*time.Minute
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC, 2000-01-01
		world := &days{}
		run := func(span time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), span)
			defer cancel()
			m := overlay.New(overlay.Options{Store: world, Jobs: world, Now: func() time.Time { return time.Now().UTC() }})
			if err := m.RunDaily(ctx, at); err != nil {
				t.Error(err)
			}
		}
		expect := func(when string, want int) {
			t.Helper()
			if len(world.jobs) != want {
				t.Errorf("%s: %d refreshes, want %d", when, len(world.jobs), want)
			}
		}
		run(4 * time.Hour)
		expect("04:00", 0)
		run(time.Hour)
		expect("05:00", 1)
		run(time.Hour) // restarted: the record of jobs says that today's is done
		expect("06:00, after a restart", 1)
		run(72 * time.Hour)
		expect("06:00, three days later", 4)
		time.Sleep(30 * time.Hour) // the agent is down over two times
		run(time.Hour)
		expect("made up for once", 5)
		for _, made := range world.jobs {
			if made.Actor != "" || made.Kind != overlay.KindRefresh {
				t.Errorf("job %+v", made)
			}
		}
	})
}

// A builder that promises an add-on and does not make it has failed; the earlier revision stays.
func TestBuildWithoutPromisedAddon(t *testing.T) {
	r := rig.New(t)
	before := r.Overlay("maps", map[string]string{"left4dead2/addons/1.vpk": "x"})
	set(r, t, "maps", sdktest.Script{Files: map[string]string{"left4dead2/addons/1.vpk": "y"}, Note: map[string]string{"any.files.00": "1,2", "any.files.01": "3"}})
	done := r.Done(r.Overlays.Build(context.Background(), "ann", "maps", false))
	if done.Status != job.Failed || !strings.Contains(done.Error.Message, "2.vpk, 3.vpk") {
		t.Errorf("the build is %s: %v", done.Status, done.Error)
	}
	if current(r, t, "maps").Revision != before.Revision || len(listed(r, t)) != 1 {
		t.Errorf("revision %s, %d on disk", current(r, t, "maps").Revision, len(listed(r, t)))
	}
	if left, err := os.ReadDir(filepath.Join(r.Root, "content", "builds")); err == nil && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
