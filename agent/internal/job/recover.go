package job

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Recover marks the jobs that a former agent left running as interrupted, and queues those again whose handler
// allows it. Start does it too; call it before when something must see the true statuses earlier. Not while jobs run.
func (r *Runner) Recover(ctx context.Context) error {
	for {
		jobs, err := r.Store.Jobs(ctx, Filter{Status: Running})
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return nil
		}
		for _, job := range jobs {
			if err := r.interrupt(ctx, job); err != nil {
				return err
			}
		}
	}
}

func (r *Runner) interrupt(ctx context.Context, job Job) error {
	again := r.repeats(job)
	job.Status, job.FinishedAt = Interrupted, time.Now()
	job.Steps = closeSteps(job.Steps, job.FinishedAt)
	job.Error = interrupted(again)
	retry, err := r.Store.Interrupt(ctx, job, again, Fact(job))
	if err != nil {
		return err
	}
	r.Logger.Warn("a job was interrupted by the end of the agent", "job", job.ID, "kind", job.Kind, "label", job.Label, "retry", retry.ID)
	return nil
}

func interrupted(again bool) *fault.Error {
	e := fault.New(fault.Unavailable, "The agent ended while this job ran.")
	if again {
		return e.WithHint("It is queued again by itself.")
	}
	return e.WithHint("Start it again.")
}
