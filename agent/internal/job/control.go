package job

import (
	"context"
	"slices"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Submit queues spec and wakes the runner. existed says that spec coalesced with a job that stands.
func (r *Runner) Submit(ctx context.Context, spec Spec) (job Job, existed bool, err error) {
	job, existed, err = r.Store.Queue(ctx, spec)
	if err == nil {
		r.Wake()
	}
	return job, existed, err
}

// Get returns the job with id as it is now, or a NotFound fault.
func (r *Runner) Get(ctx context.Context, id string) (Job, error) {
	if l := r.held(id); l != nil {
		return l.snapshot(), nil
	}
	return r.Store.Job(ctx, id)
}

// List returns what filter selects, newest first.
func (r *Runner) List(ctx context.Context, filter Filter) ([]Job, error) {
	jobs, err := r.Store.Jobs(ctx, filter)
	for i, job := range jobs {
		if l := r.held(job.ID); l != nil {
			jobs[i] = l.snapshot()
		}
	}
	return slices.DeleteFunc(jobs, func(job Job) bool { return filter.Status != "" && filter.Status != job.Status }), err
}

func (r *Runner) held(id string) *live {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jobs[id]
}

// find returns the job with id if the runner holds it, else its final state.
func (r *Runner) find(ctx context.Context, id string) (*live, Job, error) {
	for range 2 {
		if l := r.held(id); l != nil {
			return l, l.snapshot(), nil
		}
		job, err := r.Store.Job(ctx, id)
		if err != nil || job.Status.Final() {
			return nil, job, err
		}
		if err := r.load(ctx); err != nil { // it was queued a moment ago
			return nil, job, err
		}
	}
	if l := r.held(id); l != nil {
		return l, l.snapshot(), nil
	}
	job, err := r.Store.Job(ctx, id)
	if err == nil && !job.Status.Final() {
		err = errClosed()
	}
	return nil, job, err
}

// Wait returns the job with id when it is final.
func (r *Runner) Wait(ctx context.Context, id string) (Job, error) {
	l, job, err := r.find(ctx, id)
	if l == nil || err != nil {
		return job, err
	}
	select {
	case <-l.done:
		return l.snapshot(), nil
	case <-r.closed:
		return l.snapshot(), errClosed()
	case <-ctx.Done():
		return l.snapshot(), ctx.Err()
	}
}

// Cancel asks a job to end: a queued one is canceled at once, a running one when its handler obeys. A
// final one is returned as it is. It works also when it cannot be recorded: a job that fills the disk must
// be stoppable.
func (r *Runner) Cancel(ctx context.Context, id, actor string) (Job, error) {
	l, job, err := r.find(ctx, id)
	if l == nil || err != nil {
		return job, err
	}
	asked := func(kind string) event.Event {
		fact := Fact(l.snapshot())
		fact.Time, fact.Kind, fact.Actor = time.Now(), kind, actor
		fact.Message = Title(job.Kind, job.Label) + " is to be canceled."
		return fact
	}
	mark := func(job *Job) { job.Canceling = true }
	if err := r.change(ctx, l, mark, true, asked("job.cancel")); err != nil && !fault.Is(err, fault.Precondition) {
		r.Logger.Error("cannot record that a job is to be canceled", "job", id, "error", err)
	}
	l.cancel(errAsked)
	if r.withdraw(l) {
		r.finish(l, outcome{status: Canceled, err: errCanceled()})
	}
	return l.snapshot(), nil
}

// Retry queues the work of a final job that did not succeed once more. Precondition: it is not final, or
// it succeeded.
func (r *Runner) Retry(ctx context.Context, id, actor string) (Job, error) {
	old, err := r.Get(ctx, id)
	if err != nil {
		return old, err
	}
	switch {
	case !old.Status.Final():
		return old, fault.New(fault.Precondition, "Job %s is still %s.", id, old.Status).WithHint("Wait for its end, or cancel it first.")
	case old.Status == Succeeded:
		return old, fault.New(fault.Precondition, "Job %s succeeded, so there is nothing to repeat.", id)
	}
	spec := Spec{Kind: old.Kind, Subject: old.Subject, Label: old.Label, Actor: actor, Coalesce: true, Urgent: old.Urgent, RetryOf: old.ID}
	if len(old.Params) > 0 {
		spec.Params = old.Params
	}
	job, _, err := r.Submit(ctx, spec)
	return job, err
}
