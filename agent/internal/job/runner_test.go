package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestCancelQueuedAndRunning(t *testing.T) {
	started := make(chan string, 10)
	h := newHost(t, obedient("hold", started))
	running, queued, last := h.submit(spec("hold", "a")), h.submit(spec("hold", "a")), h.submit(spec("hold", "a"))
	<-started
	if got, err := h.Cancel(h.ctx, queued.ID, "bob"); err != nil || got.Status != job.Canceled {
		t.Errorf("queued: %s, %v", got.Status, err)
	}
	if _, err := h.Cancel(h.ctx, running.ID, "bob"); err != nil {
		t.Fatal(err)
	}
	got := h.wait(running.ID)
	if got.Status != job.Canceled || !got.Canceling || got.Error.Code != fault.Canceled {
		t.Errorf("running: %+v", got)
	}
	if id := <-started; id != last.ID {
		t.Errorf("next in line: %s, want %s", id, last.ID)
	}
	if again, err := h.Cancel(h.ctx, running.ID, "bob"); err != nil || again.Status != job.Canceled {
		t.Errorf("a final job: %s, %v", again.Status, err)
	}
	if _, err := h.Cancel(h.ctx, "unknown", "bob"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown job: %v", err)
	}
	if skipped, _ := h.DB.Job(h.ctx, queued.ID); skipped.Status != job.Canceled || !skipped.StartedAt.IsZero() {
		t.Errorf("stored: %+v", skipped)
	}
}

func TestRetry(t *testing.T) {
	broken := true
	h := newHost(t, do("work", func(context.Context, *job.Run) error {
		if broken {
			return fault.New(fault.Unavailable, "Steam does not answer.")
		}
		return nil
	}))
	failed := h.run(job.Spec{Kind: "work", Subject: "a", Params: map[string]int{"n": 7}})
	broken = false
	again, err := h.Retry(h.ctx, failed.ID, "bob")
	if err != nil {
		t.Fatal(err)
	}
	done := h.wait(again.ID)
	if done.Status != job.Succeeded || done.RetryOf != failed.ID || string(done.Params) != `{"n":7}` || done.Actor != "bob" {
		t.Errorf("%+v", done)
	}
	if _, err := h.Retry(h.ctx, done.ID, "bob"); !fault.Is(err, fault.Precondition) {
		t.Errorf("retry of a job that succeeded: %v", err)
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

func TestUnknownAndForeign(t *testing.T) {
	h := newHost(t)
	if _, err := h.Get(h.ctx, "../etc"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := h.Follow(h.ctx, "nope\x00", 0, job.Watch{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("Follow: %v", err)
	}
	if _, _, err := h.Submit(h.ctx, job.Spec{Kind: "x"}); err == nil {
		t.Error("a job without subject was queued")
	}
	if err := h.Register(do("x", func(context.Context, *job.Run) error { return nil }), do("x", nil)); err == nil {
		t.Error("a kind was registered twice")
	}
}

func TestList(t *testing.T) {
	h := newHost(t, do("work", func(context.Context, *job.Run) error { return nil }))
	var ids []string
	for i := range 5 {
		ids = append(ids, h.run(job.Spec{Kind: "work", Subject: fmt.Sprint("s/", i%2), Label: fmt.Sprint("l/", i%2)}).ID)
	}
	for name, c := range map[string]struct {
		filter job.Filter
		want   []string
	}{
		"all":     {job.Filter{}, []string{ids[4], ids[3], ids[2], ids[1], ids[0]}},
		"subject": {job.Filter{Subject: "s/1"}, []string{ids[3], ids[1]}},
		"label":   {job.Filter{Label: "l/0", Limit: 2}, []string{ids[4], ids[2]}},
		"before":  {job.Filter{Before: ids[2]}, []string{ids[1], ids[0]}},
		"status":  {job.Filter{Status: job.Failed}, nil},
		"running": {job.Filter{Status: job.Running}, nil},
	} {
		jobs, err := h.List(h.ctx, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, j := range jobs {
			got = append(got, j.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCloseWaitsThenInterrupts(t *testing.T) {
	path := t.TempDir() + "/agent.db"
	started, finish := make(chan string, 10), make(chan struct{})
	h := openHost(t, path, job.Options{}, do("short", func(context.Context, *job.Run) error {
		started <- "short"
		<-finish
		return nil
	}), obedient("long", started))
	short, long, queued := h.submit(spec("short", "a")), h.submit(spec("long", "b")), h.submit(spec("long", "b"))
	<-started
	<-started
	close(finish)
	h.wait(short.ID)
	h.end()

	h = openHost(t, path, job.Options{}, obedient("other", started))
	want := map[string]job.Status{short.ID: job.Succeeded, long.ID: job.Interrupted}
	got := map[string]job.Status{}
	for id := range want {
		j, err := h.Get(h.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		got[id] = j.Status
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if j := h.wait(queued.ID); j.Status != job.Failed { // it stayed queued; this agent has no handler for it
		t.Errorf("the queued job: %s", j.Status)
	}
}

func TestCloseDoesNotWaitForTheDisobedient(t *testing.T) {
	started, let := make(chan string, 1), make(chan struct{})
	h := openHost(t, t.TempDir()+"/agent.db", job.Options{Grace: time.Millisecond}, do("deaf", func(context.Context, *job.Run) error {
		started <- ""
		<-let
		return nil
	}))
	deaf := h.submit(spec("deaf", "a"))
	<-started
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	if err := h.Close(ctx); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "deaf of a") {
		t.Errorf("Close: %v", err)
	}
	if got, err := h.DB.Job(h.ctx, deaf.ID); err != nil || got.Status != job.Interrupted {
		t.Errorf("stored: %s, %v", got.Status, err)
	}
	close(let)
	if err := h.Follow(h.ctx, deaf.ID, 0, job.Watch{}); err != nil {
		t.Errorf("Follow of a final job after Close: %v", err)
	}
}
