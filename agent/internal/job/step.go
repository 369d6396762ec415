package job

import (
	"context"
	"errors"
	"slices"
	"time"
)

// undo is how to take back one succeeded step.
type undo struct {
	step int // index in Job.Steps
	name string
	do   func(ctx context.Context) error
}

// Step does one part of the job and records how it went. name is one of the handler's Steps, or a new one.
//
// undo takes back what do has achieved; nil means there is nothing to take back. When the job fails or is
// canceled after this step, it is called after the undo of all later steps, with a context that is not
// canceled and bounded. A step that fails cleans up for itself. A job that is interrupted is not
// undone, as after a crash.
func (r *Run) Step(ctx context.Context, name string, do, undo func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	step := r.begin(ctx, name)
	err := do(ctx)
	status := StepSucceeded
	if err != nil {
		status = StepFailed
	}
	r.mark(ctx, step, status)
	if err == nil && undo != nil {
		r.remember(step, name, undo)
	}
	return err
}

func (r *Run) remember(step int, name string, do func(ctx context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undo = append(r.undo, undo{step: step, name: name, do: do})
}

// begin marks the step with name as running and returns its index.
func (r *Run) begin(ctx context.Context, name string) int {
	var index int
	r.change(ctx, func(job *Job) {
		index = slices.IndexFunc(job.Steps, func(s Step) bool { return s.Name == name && s.Status == StepPending })
		if index < 0 {
			index = len(job.Steps)
			job.Steps = append(slices.Clone(job.Steps), Step{Name: name})
		}
		job.Steps = editStep(job.Steps, index, func(s *Step) { s.Status, s.StartedAt = StepRunning, time.Now() })
	})
	return index
}

func (r *Run) mark(ctx context.Context, index int, status StepStatus) {
	r.change(ctx, func(job *Job) {
		job.Steps = editStep(job.Steps, index, func(s *Step) { s.Status, s.FinishedAt = status, time.Now() })
	})
}

// change shows a change of the job even when it cannot be stored: the next change stores it too.
func (r *Run) change(ctx context.Context, edit func(*Job)) {
	if err := r.runner.change(context.WithoutCancel(ctx), r.live, edit, true); err != nil {
		r.runner.Logger.Error("cannot store a step of a job", "job", r.live.snapshot().ID, "error", err)
	}
}

// undoAll takes back the succeeded steps, the last one first.
func (r *Run) undoAll(ctx context.Context) {
	r.mu.Lock()
	steps := r.undo
	r.undo = nil
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.runner.Undo)
	defer cancel()
	for _, step := range slices.Backward(steps) {
		if err := r.guard(func() error { return step.do(ctx) }); err != nil {
			r.Logf("error", "Could not undo step %q: %v", step.name, publicText(err))
			r.runner.Logger.Error("cannot undo a step", "job", r.live.snapshot().ID, "step", step.name, "error", err)
			continue
		}
		r.Logf("info", "Undid step %q.", step.name)
		r.mark(ctx, step.step, StepUndone)
	}
}

var errPanic = errors.New("panic")
