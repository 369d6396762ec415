package job_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// flaky is a store whose disk can be full.
type flaky struct {
	*sqlite.DB
	full atomic.Bool
}

var errFull = fault.New(fault.Unavailable, "The disk is full.")

func (f *flaky) SaveJob(ctx context.Context, j job.Job, events ...event.Event) error {
	if f.full.Load() {
		return errFull
	}
	return f.DB.SaveJob(ctx, j, events...)
}

func (f *flaky) AddLines(ctx context.Context, id string, lines []job.Line) error {
	if f.full.Load() {
		return errFull
	}
	return f.DB.AddLines(ctx, id, lines)
}

// newFlaky makes a host over a flaky store. It must be called in a synctest bubble.
func newFlaky(t *testing.T, handlers ...job.Handler) (*host, *flaky) {
	t.Helper()
	path := t.TempDir() + "/agent.db"
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	store := &flaky{DB: db}
	h := &host{DB: db, t: t, ctx: context.WithoutCancel(t.Context()), Runner: job.New(job.Options{Store: store})}
	if err := h.Register(handlers...); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(h.ctx); err != nil {
		t.Fatal(err)
	}
	return h, store
}

func TestJobWaitsForAFullDiskToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Bool
		h, store := newFlaky(t, do("work", func(context.Context, *job.Run) error { ran.Store(true); return nil }))
		store.full.Store(true)
		j := h.submit(spec("work", "a"))
		time.Sleep(time.Minute)
		if got, _ := h.Get(h.ctx, j.ID); ran.Load() || got.Status != job.Queued {
			t.Errorf("ran %v, %s", ran.Load(), got.Status)
		}
		store.full.Store(false)
		if got := h.wait(j.ID); got.Status != job.Succeeded || !ran.Load() {
			t.Errorf("ran %v, %s", ran.Load(), got.Status)
		}
		h.end()
	})
}

func TestJobCanBeCanceledOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := newFlaky(t, do("work", func(context.Context, *job.Run) error { t.Error("it ran"); return nil }))
		store.full.Store(true)
		j := h.submit(spec("work", "a"))
		time.Sleep(time.Second)
		if _, err := h.Cancel(h.ctx, j.ID, "ada"); err != nil {
			t.Error(err)
		}
		if got := h.wait(j.ID); got.Status != job.Canceled {
			t.Errorf("it is %s", got.Status)
		}
		store.full.Store(false)
		time.Sleep(time.Minute)
		if got, err := h.DB.Job(h.ctx, j.ID); err != nil || got.Status != job.Canceled {
			t.Errorf("stored when there was room again: %s, %v", got.Status, err)
		}
		h.end()
	})
}

func TestJobEndsOnAFullDiskAndIsStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines = 10_000 // more than memory holds
		var store *flaky
		h, store := newFlaky(t, do("work", func(_ context.Context, run *job.Run) error {
			run.Logf("stdout", "before")
			time.Sleep(time.Second)
			store.full.Store(true)
			for i := range lines {
				run.Logf("stdout", "%d", i)
				if i%1000 == 0 {
					time.Sleep(time.Second)
				}
			}
			return run.Step(t.Context(), "step", func(context.Context) error { return nil }, nil)
		}))
		j := h.submit(spec("work", "a"))
		if got := h.wait(j.ID); got.Status != job.Succeeded || len(got.Steps) != 1 || got.Steps[0].Status != job.StepSucceeded {
			t.Errorf("in memory: %+v", got)
		}
		if got, err := h.DB.Job(h.ctx, j.ID); err != nil || got.Status != job.Running {
			t.Errorf("stored while the disk is full: %s, %v", got.Status, err)
		}
		store.full.Store(false)
		time.Sleep(time.Minute)
		if got, err := h.DB.Job(h.ctx, j.ID); err != nil || got.Status != job.Succeeded {
			t.Errorf("stored when there was room again: %s, %v", got.Status, err)
		}
		log := h.log(j.ID)
		if log[0] != "stdout: before" || log[1] != "stdout: 0" || len(log) < 4_000 || len(log) > lines {
			t.Errorf("%d lines, first %q", len(log), log[:2])
		}
		if last := log[len(log)-1]; !strings.HasPrefix(last, "warn: ") || !strings.Contains(last, "lines are missing") {
			t.Errorf("last line: %q", last)
		}
		h.end()
	})
}

func TestSlowDiskSlowsTheJobButLosesNothing(t *testing.T) {
	const lines = 30_000
	h := newHost(t, do("work", func(_ context.Context, run *job.Run) error {
		for i := range lines {
			run.Logf("stdout", "%d", i)
		}
		return nil
	}))
	j := h.submit(spec("work", "a"))
	for range 20 { // other writers in between
		if err := h.DB.AddEvent(h.ctx, event.Event{Kind: "test", Subject: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	h.wait(j.ID)
	log := h.log(j.ID)
	if len(log) != lines || log[lines-1] != fmt.Sprint("stdout: ", lines-1) {
		t.Errorf("%d lines, last %q", len(log), log[len(log)-1])
	}
}
