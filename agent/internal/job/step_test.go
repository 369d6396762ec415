package job_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// chain runs steps "a", "b", "c"; last is what "c" does. undone gets the names of what was taken back.
func chain(undone *[]string, last func(context.Context) error) job.Handler {
	return job.Handler{Kind: "chain", Steps: []string{"a", "b", "c", "d"}, Run: func(ctx context.Context, run *job.Run) error {
		for _, name := range []string{"a", "b"} {
			undo := func(ctx context.Context) error {
				if ctx.Err() != nil {
					return errors.New("the context of the undo is canceled")
				}
				*undone = append(*undone, name)
				return nil
			}
			if err := run.Step(ctx, name, func(context.Context) error { return nil }, undo); err != nil {
				return err
			}
		}
		return run.Step(ctx, "c", last, func(context.Context) error { *undone = append(*undone, "c"); return nil })
	}}
}

func TestFailureUndoesInReverse(t *testing.T) {
	var undone []string
	h := newHost(t, chain(&undone, func(context.Context) error { return fault.New(fault.Unavailable, "No.") }))
	got := h.run(spec("chain", "a"))
	if diff := cmp.Diff([]string{"b", "a"}, undone); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a undone", "b undone", "c failed", "d skipped"}, stepsOf(got)); diff != "" {
		t.Error(diff)
	}
}

func TestCancelUndoes(t *testing.T) {
	var undone []string
	reached := make(chan struct{})
	h := newHost(t, chain(&undone, func(ctx context.Context) error {
		close(reached)
		<-ctx.Done()
		return ctx.Err()
	}))
	j := h.submit(spec("chain", "a"))
	<-reached
	if _, err := h.Cancel(h.ctx, j.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	got := h.wait(j.ID)
	if diff := cmp.Diff([]string{"b", "a"}, undone); diff != "" || got.Status != job.Canceled {
		t.Error(got.Status, diff)
	}
}

func TestPanicUndoes(t *testing.T) {
	var undone []string
	h := newHost(t, chain(&undone, func(context.Context) error { panic("no") }))
	got := h.run(spec("chain", "a"))
	if diff := cmp.Diff([]string{"b", "a"}, undone); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a undone", "b undone", "c failed", "d skipped"}, stepsOf(got)); diff != "" {
		t.Error(diff)
	}
}

func TestSuccessUndoesNothing(t *testing.T) {
	var undone []string
	h := newHost(t, chain(&undone, func(context.Context) error { return nil }))
	if got := h.run(spec("chain", "a")); got.Status != job.Succeeded || len(undone) > 0 {
		t.Error(got.Status, undone)
	}
}

func TestUndoGoesOnAfterAFailedUndo(t *testing.T) {
	var undone []string
	no := func(context.Context) error { return nil }
	h := newHost(t, do("chain", func(ctx context.Context, run *job.Run) error {
		return errors.Join(
			run.Step(ctx, "first", no, func(context.Context) error { undone = append(undone, "first"); return nil }),
			run.Step(ctx, "second", no, func(context.Context) error { return fault.New(fault.Unavailable, "It is still mounted.") }),
			run.Step(ctx, "third", no, func(context.Context) error { panic("undo") }),
			fault.New(fault.Invalid, "No."))
	}))
	got := h.run(spec("chain", "a"))
	if diff := cmp.Diff([]string{"first"}, undone); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"first undone", "second succeeded", "third succeeded"}, stepsOf(got)); diff != "" {
		t.Error(diff)
	}
	want := []string{
		`error: Could not undo step "third": see the log of the agent`,
		`error: Could not undo step "second": It is still mounted.`,
		`info: Undid step "first".`,
		`error: No.`,
	}
	if diff := cmp.Diff(want, h.log(got.ID)); diff != "" {
		t.Error(diff)
	}
}
