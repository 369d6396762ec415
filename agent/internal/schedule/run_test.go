package schedule_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/schedule"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// office is a manager over the real store and the real job engine.
func office(t *testing.T, d *doer) (*schedule.Manager, *job.Runner) {
	t.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, t.TempDir()+"/agent.db")
	if err != nil {
		t.Fatal(err)
	}
	runner := job.New(job.Options{Store: db})
	m := schedule.New(schedule.Options{Store: db.ScheduleStore(), Jobs: runner, Actor: d})
	if err := runner.Register(m.Handlers()...); err != nil {
		t.Fatal(err)
	}
	if err := runner.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := runner.Close(closing); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, runner
}

// run creates a schedule, runs it and returns its job.
func run(t *testing.T, m *schedule.Manager, runner *job.Runner, s schedule.Schedule) job.Job {
	t.Helper()
	s.Name, s.Trigger = "s", schedule.Trigger{On: schedule.OnCrashed}
	if _, err := m.Create(t.Context(), "ann", s); err != nil {
		t.Fatal(err)
	}
	queued, err := m.Run(t.Context(), "ann", "s", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	done, err := runner.Wait(t.Context(), queued.ID)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestActionsInOrder(t *testing.T) {
	d := &doer{}
	m, runner := office(t, d)
	done := run(t, m, runner, schedule.Schedule{Actions: []schedule.Action{
		{Kind: "say", Text: "bye"}, {Kind: "restart"}, {Kind: "say", Server: "beta", Text: "alpha restarted"}}})
	if done.Status != job.Succeeded || len(done.Steps) != 3 {
		t.Errorf("job = %+v", done)
	}
	if want := []string{"say alpha bye", "restart alpha", "say beta alpha restarted"}; !slices.Equal(d.did, want) {
		t.Errorf("did %q, want %q", d.did, want)
	}
}

func TestFailureStopsTheRest(t *testing.T) {
	for _, goOn := range []bool{false, true} {
		d := &doer{fails: "say"}
		m, runner := office(t, d)
		done := run(t, m, runner, schedule.Schedule{Actions: []schedule.Action{{Kind: "say", Text: "x", Continue: goOn}, {Kind: "restart"}}})
		if (done.Status == job.Succeeded) != goOn || (len(d.did) == 1) != goOn {
			t.Errorf("continue %v: %s, did %q", goOn, done.Status, d.did)
		}
	}
}

func TestConditions(t *testing.T) {
	zero, two := 0, 2
	for name, c := range map[string]struct {
		conditions schedule.Conditions
		holds      bool
	}{
		"empty":       {schedule.Conditions{MaxPlayers: &zero}, false},
		"enough":      {schedule.Conditions{MinPlayers: &two}, true},
		"running":     {schedule.Conditions{States: []string{"offline", "running"}}, true},
		"not crashed": {schedule.Conditions{States: []string{"crashed"}}, false},
	} {
		d := &doer{facts: schedule.Facts{State: "running", Players: 3}}
		m, runner := office(t, d)
		done := run(t, m, runner, schedule.Schedule{Conditions: c.conditions, Actions: []schedule.Action{{Kind: "restart"}}})
		if done.Status != job.Succeeded || (len(d.did) == 1) != c.holds {
			t.Errorf("%s: %s, did %q", name, done.Status, d.did)
		}
		if !c.holds && !strings.HasPrefix(done.Summary, "Nothing was done: ") {
			t.Errorf("%s: summary = %q", name, done.Summary)
		}
	}
}

// Waiting for players to leave can be canceled, and ends when they are gone.
func TestWaitingForConditions(t *testing.T) {
	zero := 0
	d := &doer{facts: schedule.Facts{State: "running", Players: 1}}
	m, runner := office(t, d)
	s := schedule.Schedule{Name: "s", Trigger: schedule.Trigger{On: schedule.OnCrashed}, Actions: []schedule.Action{{Kind: "restart"}},
		Conditions: schedule.Conditions{MaxPlayers: &zero, Wait: time.Hour}}
	if _, err := m.Create(t.Context(), "ann", s); err != nil {
		t.Fatal(err)
	}
	canceled, err := m.Run(t.Context(), "ann", "s", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Cancel(t.Context(), canceled.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	if done, _ := runner.Wait(t.Context(), canceled.ID); done.Status != job.Canceled {
		t.Errorf("canceled: %s", done.Status)
	}
	again, err := m.Run(t.Context(), "ann", "s", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.facts.Players = 0
	d.mu.Unlock()
	if done, _ := runner.Wait(t.Context(), again.ID); done.Status != job.Succeeded || len(d.did) != 1 {
		t.Errorf("gone: %s, did %q", done.Status, d.did)
	}
}

func TestRunByHandNeedsTheServer(t *testing.T) {
	m, _ := office(t, &doer{})
	s := schedule.Schedule{Name: "s", Trigger: schedule.Trigger{On: schedule.OnCrashed}, Actions: []schedule.Action{{Kind: "restart"}}}
	if _, err := m.Create(t.Context(), "ann", s); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(t.Context(), "ann", "s", ""); err == nil || !strings.Contains(err.Error(), "name one") {
		t.Errorf("err = %v", err)
	}
}
