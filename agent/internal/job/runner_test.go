package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

func TestJobIsRecorded(t *testing.T) {
	type params struct{ Wipe bool }
	build := job.Handler{Kind: "overlay.build", Steps: []string{"stage", "build", "commit"}, Run: func(ctx context.Context, run *job.Run) error {
		var p params
		if err := run.Params(&p); err != nil {
			return err
		}
		run.Logf("info", "wipe is %v\nsecond line", p.Wipe)
		run.Progress(job.Progress{Phase: "build", Unit: "files", Done: 1, Total: 2})
		run.Summary("Built.")
		nothing := func(context.Context) error { return nil }
		return errors.Join(run.Step(ctx, "stage", nothing, nil), run.Step(ctx, "build", nothing, nil))
	}}
	h := newHost(t, build)
	queued := h.submit(job.Spec{Kind: "overlay.build", Subject: "overlay/1", Label: "overlay/maps", Params: params{Wipe: true}, Actor: "ada"})
	if queued.Status != job.Queued {
		t.Errorf("status after Submit: %s", queued.Status)
	}
	h.wait(queued.ID)
	got, err := h.DB.Job(h.ctx, queued.ID) // as stored, not as remembered
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != job.Succeeded || got.Summary != "Built." || got.Label != "overlay/maps" || got.Actor != "ada" {
		t.Errorf("stored job: %+v", got)
	}
	if got.CreatedAt.IsZero() || got.StartedAt.Before(got.CreatedAt) || got.FinishedAt.Before(got.StartedAt) {
		t.Errorf("times: %v %v %v", got.CreatedAt, got.StartedAt, got.FinishedAt)
	}
	if got.Progress == nil || got.Progress.Total != 2 {
		t.Errorf("progress: %+v", got.Progress)
	}
	steps := []string{"stage succeeded", "build succeeded", "commit skipped"}
	if diff := cmp.Diff(steps, stepsOf(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"info: wipe is true", "info: second line"}, h.log(queued.ID)); diff != "" {
		t.Error(diff)
	}
	events, err := h.DB.Events(h.ctx, event.Filter{Subject: "overlay/maps"})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind+" by "+e.Actor)
	}
	if diff := cmp.Diff([]string{"job.queued by ada", "job.succeeded by ada"}, kinds); diff != "" {
		t.Error(diff)
	}
}

func stepsOf(j job.Job) []string {
	var out []string
	for _, s := range j.Steps {
		out = append(out, s.Name+" "+string(s.Status))
	}
	return out
}

func TestFailuresAreToldInOneSentence(t *testing.T) {
	h := newHost(t,
		do("fault", func(context.Context, *job.Run) error {
			return fmt.Errorf("build: %w", fault.New(fault.Invalid, "The script has no shebang.").WithHint("Add one."))
		}),
		do("bug", func(context.Context, *job.Run) error { return errors.New("secret detail of the host") }),
		do("panic", func(context.Context, *job.Run) error { panic("secret detail of the host") }),
		do("slow", func(ctx context.Context, _ *job.Run) error {
			ctx, cancel := context.WithTimeout(ctx, 0)
			defer cancel()
			return ctx.Err()
		}))
	for kind, want := range map[string]struct {
		code    fault.Code
		message string
	}{
		"fault":   {fault.Invalid, "The script has no shebang."},
		"bug":     {fault.Internal, "The job failed for a reason that is no fault of yours."},
		"panic":   {fault.Internal, "The job failed for a reason that is no fault of yours."},
		"slow":    {fault.Unavailable, "The work took too long and was given up."},
		"unknown": {fault.Unavailable, "This agent cannot do jobs of the kind unknown."},
	} {
		got := h.run(spec(kind, "a"))
		if got.Status != job.Failed || got.Error == nil || got.Error.Code != want.code || got.Error.Message != want.message || got.Error.Hint == "" {
			t.Errorf("%s: %s %+v", kind, got.Status, got.Error)
		}
		if log := strings.Join(h.log(got.ID), "\n"); !strings.Contains(log, want.message) || strings.Contains(log, "secret detail") {
			t.Errorf("%s: log %q", kind, log)
		}
	}
}

func TestOneSubjectInOrderOthersSideBySide(t *testing.T) {
	const subjects, each = 5, 20
	var mu sync.Mutex
	order := map[string][]string{}
	inside := map[string]int{}
	h := openHost(t, t.TempDir()+"/agent.db", job.Options{Workers: subjects}, do("work", func(_ context.Context, run *job.Run) error {
		j := run.Job()
		mu.Lock()
		defer mu.Unlock()
		inside[j.Subject]++
		if inside[j.Subject] > 1 {
			t.Errorf("two jobs of %s at once", j.Subject)
		}
		order[j.Subject] = append(order[j.Subject], j.ID)
		mu.Unlock()
		run.Logf("info", "hello")
		mu.Lock()
		inside[j.Subject]--
		return nil
	}))
	want := map[string][]string{}
	for range each {
		for s := range subjects {
			subject := fmt.Sprint("server/", s)
			want[subject] = append(want[subject], h.submit(spec("work", subject)).ID)
		}
	}
	for _, ids := range want {
		for _, id := range ids {
			h.wait(id)
		}
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
}

func TestWorkersBoundWhatRunsButNotWhatWaits(t *testing.T) {
	started := make(chan string, 10)
	h := openHost(t, t.TempDir()+"/agent.db", job.Options{Workers: 2}, obedient("hold", started))
	a, b := h.submit(spec("hold", "a")), h.submit(spec("hold", "a")) // b waits for its subject, not for a slot
	c, d := h.submit(spec("hold", "c")), h.submit(spec("hold", "d"))
	if got := []string{<-started, <-started}; !slices.Equal(got, []string{a.ID, c.ID}) && !slices.Equal(got, []string{c.ID, a.ID}) {
		t.Fatalf("started %v, want a and c", got)
	}
	now := h.submit(job.Spec{Kind: "hold", Subject: "a", Urgent: true})
	if got := <-started; got != now.ID {
		t.Errorf("started %s, want the urgent job", got)
	}
	for _, next := range []struct{ end, starts job.Job }{{c, d}, {a, b}} {
		if _, err := h.Cancel(h.ctx, next.end.ID, "ada"); err != nil {
			t.Fatal(err)
		}
		if got := <-started; got != next.starts.ID {
			t.Errorf("after the end of %s started %s, want %s", next.end.ID, got, next.starts.ID)
		}
	}
}

// Shows S7.
func TestCoalescing(t *testing.T) {
	started := make(chan string, 10)
	h := newHost(t, obedient("build", started))
	want := job.Spec{Kind: "build", Subject: "overlay/1", Coalesce: true}
	first := h.submit(want)
	<-started
	second, existed, err := h.Submit(h.ctx, want)
	if err != nil || !existed || second.ID != first.ID {
		t.Errorf("with one running: existed %v, %v", existed, err)
	}
	other := want
	other.Subject = "overlay/2"
	if third, existed, _ := h.Submit(h.ctx, other); existed || third.ID == first.ID {
		t.Error("a job of another subject coalesced")
	}
	<-started
	if _, err := h.Cancel(h.ctx, first.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	fourth, existed, err := h.Submit(h.ctx, want)
	if err != nil || existed || fourth.ID == first.ID {
		t.Errorf("with one that is being canceled: existed %v, %v", existed, err)
	}
}

// A start that was asked for after a kill is not the start that the kill ended, although that one is still at it.
func TestCoalescingKeepsTheOrder(t *testing.T) {
	started := make(chan string, 10)
	h := newHost(t, obedient("start", started), do("kill", func(context.Context, *job.Run) error { return nil }))
	want := job.Spec{Kind: "start", Subject: "server/1", Coalesce: true}
	first := h.submit(want)
	<-started
	h.run(job.Spec{Kind: "kill", Subject: "server/1", Urgent: true})
	second, existed, err := h.Submit(h.ctx, want)
	if err != nil || existed || second.ID == first.ID {
		t.Errorf("after a kill: existed %v, %v", existed, err)
	}
	if third, existed, err := h.Submit(h.ctx, want); err != nil || !existed || third.ID != second.ID {
		t.Errorf("after the new one: existed %v, %v", existed, err)
	}
}

func TestAwaitGivesUpTheSlot(t *testing.T) {
	var h *host
	h = openHost(t, t.TempDir()+"/agent.db", job.Options{Workers: 1},
		do("build", func(_ context.Context, run *job.Run) error { run.Summary("Built."); return nil }),
		do("start", func(ctx context.Context, run *job.Run) error {
			built, _, err := h.Submit(ctx, spec("build", "overlay/1"))
			if err != nil {
				return err
			}
			if built, err = run.Await(ctx, built.ID); err != nil {
				return err
			}
			run.Summary("Awaited: " + built.Summary)
			return nil
		}),
		do("selfish", func(ctx context.Context, run *job.Run) error {
			other, _, err := h.Submit(ctx, spec("build", run.Job().Subject))
			if err == nil {
				_, err = run.Await(ctx, other.ID)
			}
			return err
		}))
	var jobs []job.Job
	for i := range 5 { // more parents than slots
		jobs = append(jobs, h.submit(spec("start", fmt.Sprint("server/", i))))
	}
	for _, j := range jobs {
		if got := h.wait(j.ID); got.Summary != "Awaited: Built." {
			t.Errorf("%s: %q %v", got.Status, got.Summary, got.Error)
		}
	}
	if got := h.run(spec("selfish", "server/1")); got.Status != job.Failed {
		t.Errorf("awaiting a job of the same subject: %s", got.Status)
	}
}
