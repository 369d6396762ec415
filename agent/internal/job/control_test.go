package job_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

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
	if err := h.Close(ctx); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "Deaf of a") {
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
