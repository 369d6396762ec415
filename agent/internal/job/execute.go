package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
)

// change edits a job that is not final, stores it and shows it. With always it is shown even when it
// cannot be stored.
func (r *Runner) change(ctx context.Context, l *live, edit func(*Job), always bool, events ...event.Event) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	job := l.snapshot()
	if job.Status.Final() {
		return fault.New(fault.Precondition, "Job %s is %s already.", job.ID, job.Status)
	}
	edit(&job)
	ctx, cancel := context.WithTimeout(ctx, storeTry)
	defer cancel()
	err := r.Store.SaveJob(ctx, job, events...)
	if err == nil || always {
		l.set(job)
		r.feed.put(l)
	}
	return err
}

// show wakes who follows l after a change that is not stored.
func (r *Runner) show(l *live) {
	l.touch()
	r.feed.put(l)
}

// execute runs one job from start to end.
func (r *Runner) execute(l *live) {
	if !r.begin(l) {
		return
	}
	logs := newLogger(l, r.Store, func(err error) {
		r.Logger.Error("cannot store the log of a job", "job", l.snapshot().ID, "error", err)
	})
	run := &Run{runner: r, live: l, log: logs}
	err := run.handle(l.ctx)
	result := run.judge(err)
	if result.status == Failed || result.status == Canceled {
		run.undoAll(l.ctx)
	}
	result.summary, result.data = run.end()
	if result.err != nil {
		run.add(cmp.Or(result.level, "error"), result.err.Message)
	}
	result.logs = logs
	logs.close()
	r.finish(l, result)
}

// begin records that a job runs. While that fails it tries again, until the job is canceled.
func (r *Runner) begin(l *live) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		if l.ctx.Err() == nil {
			err := r.change(l.ctx, l, func(job *Job) { job.Status, job.StartedAt = Running, time.Now() }, false)
			if err == nil || fault.Is(err, fault.Precondition) {
				return err == nil
			}
			r.Logger.Error("cannot start a job", "job", l.snapshot().ID, "error", err)
		}
		select {
		case <-l.ctx.Done():
			if errors.Is(context.Cause(l.ctx), errAsked) {
				r.finish(l, outcome{status: Canceled, err: errCanceled()})
			}
			return false // when the agent ends it stays queued
		case <-time.After(wait):
		}
	}
}

// outcome is how a job ends.
type outcome struct {
	status  Status
	err     *fault.Error
	level   string // of err in the log
	summary string
	data    json.RawMessage
	logs    *logger
}

// handle calls the handler.
func (r *Run) handle(ctx context.Context) error {
	kind := r.live.snapshot().Kind
	h, found := r.runner.handlers[kind]
	if !found {
		return fault.New(fault.Unavailable, "This agent cannot do jobs of the kind %s.", kind).
			WithHint("Update left4me, or ask for the work in another way.")
	}
	return r.guard(func() error { return h.Run(ctx, r) })
}

// guard turns a panic into an error.
func (r *Run) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.runner.Logger.Error("a job handler panicked", "job", r.live.snapshot().ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return do()
}

// judge says how a job ends whose handler returned err.
func (r *Run) judge(err error) outcome {
	cause := context.Cause(r.live.ctx)
	switch {
	case err == nil:
		return outcome{status: Succeeded}
	case errors.Is(cause, errEnding):
		return outcome{status: Interrupted, level: "warn", err: interrupted(r.runner.repeats(r.live.snapshot()))}
	case errors.Is(cause, errAsked):
		return outcome{status: Canceled, err: errCanceled(), level: "warn"}
	}
	failure, known := fault.Of(err)
	switch {
	case known:
	case errors.Is(err, context.DeadlineExceeded):
		failure = fault.Wrap(err, fault.Unavailable, "The work took too long and was given up.").WithHint("Try again.")
	default:
		id := r.live.snapshot().ID
		r.runner.Logger.Error("a job failed", "job", id, "error", err)
		failure = fault.Wrap(err, fault.Internal, "The job failed for a reason that is no fault of yours.").
			WithHint("Look for job %s in the log of the agent.", id)
	}
	public := *failure
	public.Message, public.Hint = r.clean(public.Message), r.clean(public.Hint)
	return outcome{status: Failed, err: &public}
}

func errCanceled() *fault.Error { return fault.New(fault.Canceled, "The job was canceled.") }

// publicText is what a person may read of err.
func publicText(err error) string {
	if f, ok := fault.Of(err); ok {
		return f.Message
	}
	return "see the log of the agent"
}

// finish makes a job final and forgets it. When that cannot be stored it is shown as final at once and
// stored as soon as that works.
func (r *Runner) finish(l *live, result outcome) {
	l.saving.Lock()
	defer l.saving.Unlock()
	job := l.snapshot()
	if job.Status.Final() {
		return
	}
	job.Status, job.FinishedAt = result.status, time.Now()
	job.Error, job.Summary, job.Result = result.err, result.summary, result.data
	job.Steps = closeSteps(job.Steps, job.FinishedAt)
	err := r.storeFinal(job, result.logs)
	l.set(job)
	r.feed.put(l)
	if err == nil {
		r.forget(job.ID)
		return
	}
	r.Logger.Error("cannot store the end of a job", "job", job.ID, "error", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == started { // else the next start finds it running, and marks it as interrupted
		r.work.Go(func() { r.storeLater(job, result.logs) })
	}
}

func closeSteps(steps []Step, now time.Time) []Step {
	out := slices.Clone(steps)
	for i := range out {
		switch out[i].Status {
		case StepPending:
			out[i].Status = StepSkipped
		case StepRunning:
			out[i].Status, out[i].FinishedAt = StepFailed, now
		}
	}
	return out
}

// storeFinal stores the rest of the log and the final state.
func (r *Runner) storeFinal(job Job, logs *logger) error {
	if logs != nil {
		if err := logs.drain(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTry)
	defer cancel()
	var err error
	if job.Status == Interrupted {
		_, err = r.Store.Interrupt(ctx, job, r.repeats(job), Fact(job))
	} else {
		err = r.Store.SaveJob(ctx, job, Fact(job))
	}
	if fault.Is(err, fault.Precondition) { // an earlier try got through after all
		return nil
	}
	return err
}

// storeLater tries storeFinal until it works or the runner closes: the next start then finds the job
// running and marks it as interrupted.
func (r *Runner) storeLater(job Job, logs *logger) {
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		select {
		case <-time.After(wait):
		case <-r.ending:
			wait = 0
		}
		err := r.storeFinal(job, logs)
		if err == nil {
			r.forget(job.ID)
			return
		}
		r.Logger.Error("cannot store the end of a job", "job", job.ID, "error", err)
		if wait == 0 {
			return
		}
	}
}

func (r *Runner) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, id)
}

// repeats reports whether interrupted work is queued again by itself.
func (r *Runner) repeats(job Job) bool {
	return r.handlers[job.Kind].Retry && job.Attempt < maxAttempts && !job.Canceling
}

// Fact is the event that tells of the present state of a job: that it was queued, or how it ended.
func Fact(job Job) event.Event {
	what := Title(job.Kind, job.Label)
	message := what + " was queued."
	switch {
	case job.Status == Failed && job.Error != nil:
		message = what + " failed: " + job.Error.Message
	case job.Status == Succeeded, job.Status == Failed:
		message = fmt.Sprintf("%s %s.", what, job.Status)
	case job.Status.Final():
		message = fmt.Sprintf("%s was %s.", what, job.Status)
	}
	data, _ := json.Marshal(map[string]string{"job": job.ID, "kind": job.Kind}) // strings always marshal
	at := cmp.Or(job.FinishedAt, job.CreatedAt)
	return event.Event{Time: at, Kind: "job." + string(job.Status), Subject: job.Label, Actor: job.Actor, Message: message, Data: data}
}
