package installation_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/rig"
)

// shop is a source of the game that has one build at a time and writes in place, as steamcmd does.
type shop struct {
	mu      sync.Mutex
	build   string
	failure error
	asked   int
	during  func() // called in the middle of a Fetch
}

func (s *shop) put(build string, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.build, s.failure = build, failure
}

func (s *shop) Fresh() bool { return false }

func (s *shop) Newest(context.Context, installation.Release) (installation.Newest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return installation.Newest{Build: s.build, Notes: []string{"It has " + s.build + "."}}, s.failure
}

func (s *shop) Fetch(ctx context.Context, r installation.Request, _ installation.Report) (installation.Fetched, error) {
	s.mu.Lock()
	build, failure, during := s.build, s.failure, s.during
	s.mu.Unlock()
	out := installation.Fetched{Version: "1." + build, Build: build, Annotations: map[string]string{"build": build}}
	if !r.Verify && r.Present.Annotations["build"] == build {
		out.Unchanged = true
		return out, nil
	}
	for name, text := range map[string]string{"srcds_run": "#!/bin/sh\n", "left4dead2/same.txt": "same", "left4dead2/build.txt": build} {
		path := filepath.Join(r.Dir, name)
		if old, err := os.ReadFile(path); err == nil && string(old) == text {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return out, err
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return out, err
		}
	}
	if during != nil {
		during()
	}
	return out, errors.Join(failure, ctx.Err())
}

func updates(t *testing.T, automatic bool) (*rig.Rig, *shop) {
	source := &shop{build: "1"}
	r := rig.NewWithSource(t, source, automatic)
	r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{}))
	return r, source
}

func current(t *testing.T, r *rig.Rig) installation.Release {
	t.Helper()
	release, err := r.DB.CurrentRelease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// onDisk returns the ids of the releases that the mounter has.
func onDisk(t *testing.T, r *rig.Rig) []string {
	t.Helper()
	refs, err := r.Disk.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, ref := range refs {
		if ref.Layer.Release != "" {
			out = append(out, ref.Layer.Release)
		}
		if ref.Build != "" {
			t.Errorf("staging tree %s was left", ref.Build)
		}
	}
	return out
}

func text(t *testing.T, r *rig.Rig, release, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.Root, "content", "installations", release, name))
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func TestAnUpdateIsANewReleaseAndTheOldOneStays(t *testing.T) {
	r, source := updates(t, false)
	old := current(t, r)
	if done := r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{})); !strings.Contains(done.Summary, "Nothing is new") {
		t.Errorf("summary = %q", done.Summary)
	}
	source.put("2", nil)
	r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{}))
	fresh := current(t, r)
	if fresh.ID == old.ID || fresh.Build != "2" || fresh.Version != "1.2" || fresh.Annotations["build"] != "2" {
		t.Errorf("present release %+v", fresh)
	}
	if was, is := text(t, r, old.ID, "left4dead2/build.txt"), text(t, r, fresh.ID, "left4dead2/build.txt"); was != "1" || is != "2" {
		t.Errorf("the old release says %q, the new one %q", was, is)
	}
	if got := onDisk(t, r); len(got) != 2 {
		t.Errorf("releases on disk: %v", got)
	}
}

func TestAFailedOrCanceledUpdateChangesNothing(t *testing.T) {
	r, source := updates(t, false)
	old := current(t, r)
	source.put("2", fault.New(fault.Unavailable, "Steam is down."))
	if done := r.Done(r.Installations.Install(t.Context(), "ann", installation.Order{})); done.Status != job.Failed || done.Error.Message != "Steam is down." {
		t.Errorf("job %s, %v", done.Status, done.Error)
	}
	source.put("2", nil)
	queued := make(chan job.Job, 1)
	source.during = func() {
		if _, err := r.Jobs.Cancel(context.Background(), (<-queued).ID, "ann"); err != nil {
			t.Error(err)
		}
	}
	asked, err := r.Installations.Install(t.Context(), "ann", installation.Order{})
	queued <- asked
	if done := r.Done(asked, err); done.Status != job.Canceled {
		t.Errorf("job %s, %v", done.Status, done.Error)
	}
	if got := current(t, r); got.ID != old.ID || len(onDisk(t, r)) != 1 {
		t.Errorf("present %+v, on disk %v", got, onDisk(t, r))
	}
}

func TestHoldRollbackAndGoOn(t *testing.T) {
	r, source := updates(t, false)
	ctx := t.Context()
	first := current(t, r)
	if _, err := r.Installations.Choose(ctx, "ann", installation.Choice{Previous: true}); !fault.Is(err, fault.Precondition) {
		t.Errorf("rollback without a release before: %v", err)
	}
	source.put("2", nil)
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	back, err := r.Installations.Choose(ctx, "ann", installation.Choice{Previous: true, Hold: true})
	if err != nil || back.ID != first.ID || !current(t, r).Held {
		t.Errorf("rollback gave %+v, %v", back, err)
	}
	source.put("3", nil)
	if done := r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{})); !strings.Contains(done.Summary, "is held") {
		t.Errorf("summary = %q", done.Summary)
	}
	if got := current(t, r); got.ID != first.ID {
		t.Errorf("an update took the place of a held release: %+v", got)
	}
	all, err := r.DB.Releases(ctx)
	if err != nil || text(t, r, all[0].ID, "left4dead2/build.txt") != "3" {
		t.Errorf("newest %+v, %v", all[0], err)
	}
	if _, err := r.Installations.Choose(ctx, "ann", installation.Choice{Release: all[0].ID}); err != nil {
		t.Error(err)
	}
	if got := current(t, r); got.ID != all[0].ID || got.Held {
		t.Errorf("present %+v", got)
	}
	if _, err := r.Installations.Choose(ctx, "ann", installation.Choice{Release: "nope"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown release: %v", err)
	}
}

func TestOldReleasesGo(t *testing.T) {
	r, source := updates(t, false) // the rig keeps one besides the present
	for _, build := range []string{"2", "3", "4"} {
		source.put(build, nil)
		r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{}))
	}
	all, err := r.DB.Releases(t.Context())
	if err != nil || len(all) != 2 || all[0].Build != "4" || all[1].Build != "3" || len(onDisk(t, r)) != 2 {
		t.Errorf("releases %+v, %v; on disk %v", all, err, onDisk(t, r))
	}
	if _, err := r.Installations.Remove(t.Context(), "ann", all[0].ID); !fault.Is(err, fault.Precondition) {
		t.Errorf("remove the present one: %v", err)
	}
	r.Succeed(r.Installations.Remove(t.Context(), "ann", all[1].ID))
	if got := onDisk(t, r); len(got) != 1 || got[0] != all[0].ID {
		t.Errorf("on disk %v", got)
	}
	if _, err := r.Installations.Remove(t.Context(), "ann", all[1].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("remove it again: %v", err)
	}
}

// TestNothingNewIsRolledOutAllTheSame: servers may still have a release from before.
func TestNothingNewIsRolledOutAllTheSame(t *testing.T) {
	r, _ := updates(t, false)
	r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{Rollout: true}))
	r.Await("the rollout has run", func() bool { return done(t, r, "installation.rollout") })
}

func TestCheckTellsOnceAndInstallsWhenAsked(t *testing.T) {
	r, source := updates(t, true)
	if done := r.Succeed(r.Installations.Check(t.Context(), "ann")); done.Summary != "Nothing is new." {
		t.Errorf("summary = %q", done.Summary)
	}
	source.put("2", nil)
	r.Succeed(r.Installations.Check(t.Context(), "ann"))
	r.Await("the update is installed", func() bool { return current(t, r).Build == "2" })
	r.Await("it is rolled out", func() bool { return done(t, r, "installation.rollout") })
	r.Succeed(r.Installations.Check(t.Context(), "ann"))
	if kinds := r.Events("installation"); count(kinds, "installation.outdated") != 1 {
		t.Errorf("events %v", kinds)
	}
	known, err := r.DB.Knowledge(t.Context())
	if err != nil || known.Newest != "2" || known.Problem != "" || known.Outdated(current(t, r)) {
		t.Errorf("known %+v, %v", known, err)
	}
	source.put("3", fault.New(fault.Unavailable, "Steam is down."))
	r.Done(r.Installations.Check(t.Context(), "ann"))
	if known, err := r.DB.Knowledge(t.Context()); err != nil || known.Problem != "Steam is down." || known.Newest != "2" {
		t.Errorf("known %+v, %v", known, err)
	}
}

func TestHintsAreRateLimited(t *testing.T) {
	r, source := updates(t, false)
	source.put("2", nil)
	r.Installations.Hint("alpha", time.Now().Add(-time.Hour)) // a line from before a restart
	r.Installations.Hint("alpha", time.Now())
	r.Await("the source is asked", func() bool { return done(t, r, installation.KindCheck) || hintAgain(r) })
	for range 20 {
		r.Installations.Hint("beta", time.Now())
		r.Succeed(r.Installations.Install(t.Context(), "ann", installation.Order{})) // time in which a check would run
	}
	if source.asked != 1 {
		t.Errorf("the source was asked %d times", source.asked)
	}
	if kinds := r.Events("installation"); count(kinds, "installation.hinted") != 1 || count(kinds, "installation.outdated") != 1 {
		t.Errorf("events %v", kinds)
	}
}

// hintAgain repeats a hint, because one that comes while another waits is dropped.
func hintAgain(r *rig.Rig) bool {
	r.Installations.Hint("alpha", time.Now())
	return false
}

func TestACommitWithoutARowIsRemoved(t *testing.T) {
	r, _ := updates(t, false)
	old := current(t, r)
	gone, _, err := r.Jobs.Submit(t.Context(), job.Spec{Kind: "nothing", Subject: "x"})
	if err != nil {
		t.Fatal(err)
	}
	r.Done(gone, nil) // an ended job whose release has no row: the agent died before the transaction
	if _, err := r.Disk.Stage(t.Context(), gone.ID, old.Layer()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Disk.Commit(t.Context(), gone.ID, content.Layer{Release: gone.ID}); err != nil {
		t.Fatal(err)
	}
	next := r.Restart()
	if got := onDisk(t, next); !slices.Equal(got, []string{old.ID}) {
		t.Errorf("on disk %v, want %s", got, old.ID)
	}
}

func count(kinds []string, kind string) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// done reports whether a job of a kind has succeeded.
func done(t *testing.T, r *rig.Rig, kind string) bool {
	t.Helper()
	jobs, err := r.DB.Jobs(t.Context(), job.Filter{Kind: kind, Status: job.Succeeded})
	if err != nil {
		t.Fatal(err)
	}
	return len(jobs) > 0
}
