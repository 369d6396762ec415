package agenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/id"
	work "github.com/left4me/left4me/agent/internal/job"
)

// job is a job with its log.
type job struct {
	api.Job
	lines   []api.JobLine
	params  string
	rollout bool
	cancel  context.CancelFunc
	done    chan struct{}
}

// show returns a copy. The lock is held.
func (j *job) show() api.Job {
	out := j.Job
	out.Steps = slices.Clone(j.Steps)
	if j.Progress != nil {
		progress := *j.Progress
		out.Progress = &progress
	}
	return out
}

type jobView struct{ *world }

// job returns a job, or nil. The lock is held.
func (w *world) job(wanted string) *job {
	at := slices.IndexFunc(w.jobs, func(j *job) bool { return j.ID == wanted })
	if at < 0 {
		return nil
	}
	return w.jobs[at]
}

func final(status string) bool { return status != "queued" && status != "running" }

// queue adds a job, or returns the one of the same kind and subject that is not final. It runs when the
// jobs of its subject before it have ended, or at once when urgent. The lock is held.
func (w *world) queue(kind, subject, actor string, urgent bool) *job {
	return w.queueLike(kind, subject, actor, urgent, "")
}

// queueLike is queue for jobs that are the same only with the same parameters.
func (w *world) queueLike(kind, subject, actor string, urgent bool, params string) *job {
	var before []chan struct{}
	for _, other := range w.jobs {
		if other.Subject == subject && !final(other.Status) {
			if other.Kind == kind && other.params == params {
				return other
			}
			before = append(before, other.done)
		}
	}
	ctx, cancel := context.WithCancel(w.ctx)
	j := &job{Job: api.Job{ID: id.New(), Kind: kind, Title: work.Title(kind, subject), Subject: subject, Status: "queued", Actor: actor, CreatedAt: time.Now().UTC()},
		params: params, cancel: cancel, done: make(chan struct{})}
	for _, name := range stepsOf(kind) {
		j.Steps = append(j.Steps, api.Step{Name: name, Status: "pending"})
	}
	w.jobs = append(w.jobs, j)
	w.record("job.queued", subject, actor, "%s was queued.", j.Title)
	if urgent {
		before = nil
	}
	script := w.scripts[kind]
	if script == nil {
		script = defaultScript(kind)
	}
	w.running.Go(func() { w.run(ctx, j, before, script) })
	return j
}

func (w *world) run(ctx context.Context, j *job, before []chan struct{}, script Script) {
	defer close(j.done)
	defer j.cancel()
	for _, other := range before {
		select {
		case <-other:
		case <-ctx.Done():
		}
	}
	run := &Run{w: w, job: j}
	var err error
	if ctx.Err() == nil {
		run.begin()
		err = script(ctx, run)
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = fault.New(fault.Canceled, "The job was canceled.")
	}
	run.finish(err)
}

func (v jobView) List(_ context.Context, filter httpapi.JobFilter) ([]api.Job, error) {
	defer v.lock()()
	var out []api.Job
	for _, j := range slices.Backward(v.jobs) {
		fits := (filter.Subject == "" || filter.Subject == j.Subject) && (filter.Status == "" || filter.Status == j.Status) &&
			(filter.Before == "" || j.ID < filter.Before)
		if fits && len(out) < filter.Limit {
			shown := j.show()
			shown.Result = nil
			out = append(out, shown)
		}
	}
	return out, nil
}

func (v jobView) Get(_ context.Context, wanted string) (api.Job, error) {
	defer v.lock()()
	j := v.job(wanted)
	if j == nil {
		return api.Job{}, notFound("job", wanted)
	}
	return j.show(), nil
}

func (v jobView) Cancel(_ context.Context, actor, wanted string) (api.Job, error) {
	defer v.lock()()
	j := v.job(wanted)
	if j == nil {
		return api.Job{}, notFound("job", wanted)
	}
	if final(j.Status) {
		return api.Job{}, fault.New(fault.Precondition, "Job %s is %s already.", wanted, j.Status)
	}
	j.Canceling = true
	j.cancel()
	v.record("job.cancel", j.Subject, actor, "%s is to be canceled.", j.Title)
	return j.show(), nil
}

func (v jobView) Retry(_ context.Context, actor, wanted string) (api.Job, error) {
	defer v.lock()()
	j := v.job(wanted)
	if j == nil {
		return api.Job{}, notFound("job", wanted)
	}
	if !final(j.Status) {
		return api.Job{}, fault.New(fault.Precondition, "Job %s is still %s.", wanted, j.Status).WithHint("Wait for its end, or cancel it first.")
	}
	if j.Status == "succeeded" {
		return api.Job{}, fault.New(fault.Precondition, "Job %s succeeded, so there is nothing to repeat.", wanted)
	}
	again := v.queueLike(j.Kind, j.Subject, actor, false, j.params)
	again.RetryOf = j.ID
	return again.show(), nil
}

func (v jobView) Log(ctx context.Context, wanted string, after int64, follow bool, report func(httpapi.JobUpdate) error) error {
	v.mu.Lock()
	j := v.job(wanted)
	v.mu.Unlock()
	if j == nil {
		return notFound("job", wanted)
	}
	shown := ""
	return v.watch(ctx, func() (func() error, bool) {
		fresh := slices.Clone(j.lines[min(after, int64(len(j.lines))):])
		after = int64(len(j.lines))
		now := j.show()
		return func() error {
			for _, line := range fresh {
				if err := report(httpapi.JobUpdate{Line: &line}); err != nil {
					return err
				}
			}
			state := fmt.Sprintf("%v %v %+v", now.Status, now.Steps, now.Progress)
			if now.Progress != nil {
				state = fmt.Sprintf("%v %v %+v", now.Status, now.Steps, *now.Progress)
			}
			if !follow || state == shown {
				return nil
			}
			shown = state
			return report(httpapi.JobUpdate{Job: &now})
		}, !follow || final(now.Status)
	})
}
