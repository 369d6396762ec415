package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/rollout"
	"github.com/left4me/left4me/agent/internal/server"
)

// shop brings out a new build at each Fetch.
type shop struct{ build atomic.Int64 }

func (*shop) Fresh() bool { return false }

func (s *shop) Newest(context.Context, installation.Release) (installation.Newest, error) {
	return installation.Newest{Build: fmt.Sprint(s.build.Load())}, nil
}

func (s *shop) Fetch(_ context.Context, r installation.Request, _ installation.Report) (installation.Fetched, error) {
	build := fmt.Sprint(s.build.Add(1))
	for name, text := range map[string]string{"srcds_run": "#!/bin/sh\n", "build.txt": build} {
		if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(text), 0o755); err != nil {
			return installation.Fetched{}, err
		}
	}
	return installation.Fetched{Build: build}, nil
}

// farm returns a rig with running servers of these names and a release that none of them has yet.
func farm(t *testing.T, names ...string) (*rig.Rig, map[string]server.Server) {
	t.Helper()
	r := rig.NewWithSource(t, &shop{}, false)
	ctx := t.Context()
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop"}); err != nil {
		t.Fatal(err)
	}
	servers := map[string]server.Server{}
	for _, name := range names {
		s, err := r.Servers.Create(ctx, "ann", server.Draft{Name: name, Blueprint: "coop"})
		if err != nil {
			t.Fatal(err)
		}
		servers[name] = s
		r.Succeed(r.Servers.Start(ctx, "ann", name))
	}
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	return r, servers
}

// releaseOf is the build that a server's tree shows; "" in the middle of a restart.
func releaseOf(t *testing.T, r *rig.Rig, s server.Server) string {
	t.Helper()
	plan, _ := r.World.Plan(s.ID)
	data, err := os.ReadFile(filepath.Join(plan.Tree, "build.txt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return string(data)
}

// progress is what the job says while it waits.
func progress(t *testing.T, r *rig.Rig, id string) string {
	t.Helper()
	j, err := r.Jobs.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if j.Progress == nil {
		return ""
	}
	return j.Progress.Message
}

func start(t *testing.T, r *rig.Rig, order rollout.Order) job.Job {
	t.Helper()
	queued, err := r.Rollouts.Start(t.Context(), "ann", order)
	if err != nil {
		t.Fatal(err)
	}
	return queued
}

func TestEmptyServersGoFirstTheOthersWait(t *testing.T) {
	r, servers := farm(t, "alpha", "beta", "gamma")
	r.World.Play(servers["alpha"].ID, server.Player{Name: "x"}, server.Player{Name: "y"})
	queued := start(t, r, rollout.Order{})
	r.Await("the empty servers are restarted", func() bool {
		return releaseOf(t, r, servers["beta"]) == "2" && releaseOf(t, r, servers["gamma"]) == "2"
	})
	r.Await("it says whom it waits for", func() bool { return strings.Contains(progress(t, r, queued.ID), "alpha has 2 players") })
	if got := releaseOf(t, r, servers["alpha"]); got != "1" {
		t.Errorf("alpha was restarted with its players: it has build %s", got)
	}
	if _, said := r.World.Asked(servers["alpha"].ID); count(said, "An update of the game waits") != 1 {
		t.Errorf("alpha's players were told: %q", said)
	}
	r.World.Play(servers["alpha"].ID)
	ended := r.Succeed(queued, nil)
	if got := releaseOf(t, r, servers["alpha"]); got != "2" || !strings.Contains(ended.Summary, "alpha") {
		t.Errorf("alpha has build %s, summary %q", got, ended.Summary)
	}
	var steps []string
	for _, step := range ended.Steps {
		steps = append(steps, step.Name)
	}
	if want := []string{"server/beta", "server/gamma", "server/alpha"}; !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
}

func TestDeadline(t *testing.T) {
	r, servers := farm(t, "alpha")
	r.World.Play(servers["alpha"].ID, server.Player{Name: "x"})
	queued := start(t, r, rollout.Order{Within: 2 * time.Second})
	r.Await("the players are told", func() bool {
		_, said := r.World.Asked(servers["alpha"].ID)
		return count(said, "at the latest in") == 1
	})
	r.Succeed(queued, nil)
	if got := releaseOf(t, r, servers["alpha"]); got != "2" {
		t.Errorf("alpha has build %s", got)
	}
}

func TestTheFirstBrokenServerEndsIt(t *testing.T) {
	r, servers := farm(t, "alpha", "beta")
	r.World.EndAtStart = &server.Exit{Code: 1}
	ended := r.Done(start(t, r, rollout.Order{}), nil)
	if ended.Status != job.Failed || !strings.Contains(ended.Error.Message, `"alpha" did not come up`) || !strings.Contains(ended.Error.Hint, "rollback") {
		t.Errorf("%s: %+v", ended.Status, ended.Error)
	}
	if view, err := r.Servers.View(t.Context(), "beta"); err != nil || view.State != server.Running || releaseOf(t, r, servers["beta"]) != "1" {
		t.Errorf("beta is %s with build %s, %v", view.State, releaseOf(t, r, servers["beta"]), err)
	}
	r.World.EndAtStart = nil
	if _, err := r.Installations.Choose(t.Context(), "ann", installation.Choice{Previous: true, Hold: true}); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Start(t.Context(), "ann", "alpha"))
	if got := releaseOf(t, r, servers["alpha"]); got != "1" {
		t.Errorf("after the rollback alpha has build %s", got)
	}
	if ended := r.Succeed(start(t, r, rollout.Order{}), nil); ended.Summary != "Every running server has the present release." {
		t.Errorf("summary %q", ended.Summary)
	}
}

func TestPinsStoppedAndNamedServers(t *testing.T) {
	r, servers := farm(t, "alpha", "beta", "gamma", "delta")
	ctx := t.Context()
	all, err := r.DB.Releases(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Servers.PinRelease(ctx, "ann", "alpha", all[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Servers.PinRelease(ctx, "ann", "alpha", "nope"); !fault.Is(err, fault.NotFound) {
		t.Errorf("pin to nothing: %v", err)
	}
	r.Succeed(r.Servers.Stop(ctx, "ann", "beta"))
	r.Succeed(start(t, r, rollout.Order{Servers: []string{"alpha", "beta", "gamma"}}), nil)
	for name, want := range map[string]string{"alpha": "1", "gamma": "2", "delta": "1"} {
		if got := releaseOf(t, r, servers[name]); got != want {
			t.Errorf("%s has build %s, want %s", name, got, want)
		}
	}
	if view, err := r.Servers.View(ctx, "beta"); err != nil || view.State != server.Offline {
		t.Errorf("beta is %s, %v: a rollout must not start what somebody stopped", view.State, err)
	}
	if _, err := r.Installations.Remove(ctx, "ann", all[1].ID); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "alpha") {
		t.Errorf("remove a pinned release: %v", err)
	}
	if err := r.Servers.PinRelease(ctx, "ann", "alpha", ""); err != nil {
		t.Fatal(err)
	}
	r.Succeed(start(t, r, rollout.Order{}), nil)
	if got := releaseOf(t, r, servers["alpha"]); got != "2" {
		t.Errorf("unpinned, alpha has build %s", got)
	}
}

func TestAnInterruptedRolloutGoesOnAndKeepsItsDeadline(t *testing.T) {
	r, servers := farm(t, "alpha", "beta")
	for _, s := range servers {
		r.World.Play(s.ID, server.Player{Name: "x"})
	}
	queued := start(t, r, rollout.Order{Within: time.Hour})
	r.Await("it waits", func() bool { return strings.Contains(progress(t, r, queued.ID), "Waiting") })
	before, err := r.Jobs.Get(t.Context(), queued.ID)
	if err != nil {
		t.Fatal(err)
	}
	next := r.Restart()
	jobs, err := next.DB.Jobs(t.Context(), job.Filter{Kind: rollout.Kind, Limit: 1})
	if err != nil || len(jobs) != 1 || jobs[0].RetryOf != queued.ID || string(jobs[0].Params) != string(before.Params) {
		t.Fatalf("jobs %+v, %v; before %s", jobs, err, before.Params)
	}
	for _, s := range servers {
		next.World.Play(s.ID)
	}
	next.Succeed(jobs[0], nil)
	for name, s := range servers {
		if got := releaseOf(t, next, s); got != "2" {
			t.Errorf("%s has build %s", name, got)
		}
	}
}

func TestCancel(t *testing.T) {
	r, servers := farm(t, "alpha")
	r.World.Play(servers["alpha"].ID, server.Player{Name: "x"})
	queued := start(t, r, rollout.Order{})
	r.Await("it waits", func() bool { return progress(t, r, queued.ID) != "" })
	if _, err := r.Jobs.Cancel(t.Context(), queued.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if ended := r.Done(queued, nil); ended.Status != job.Canceled || releaseOf(t, r, servers["alpha"]) != "1" {
		t.Errorf("%s, build %s", ended.Status, releaseOf(t, r, servers["alpha"]))
	}
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	r, _ := farm(t)
	if _, err := r.Rollouts.Start(t.Context(), "ann", rollout.Order{Servers: []string{"nope"}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown server: %v", err)
	}
	if _, err := r.Rollouts.Start(t.Context(), "ann", rollout.Order{Within: 999 * time.Hour}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a deadline that is far away: %v", err)
	}
}

func count(lines []string, part string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}
