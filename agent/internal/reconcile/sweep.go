package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// Kinds of job.
const (
	KindSweep  = "content.sweep"
	KindRemove = "content.remove"
)

// sweepSubject is the lock that these jobs run under.
const sweepSubject = "content"

// Queue is what a Sweeper needs of the job engine.
type Queue interface {
	// Submit queues a job, or returns the equal one that stands.
	Submit(ctx context.Context, spec job.Spec) (queued job.Job, existed bool, err error)
}

// Overlays removes revisions that nobody needs and measures the others.
type Overlays interface {
	Collect(ctx context.Context, log overlay.Log, actor string) error
}

// Sweeper removes what is no longer needed, as jobs that people can ask for and follow. Its Handlers must be
// registered with the job engine. It is safe for concurrent use.
type Sweeper struct {
	Queue      Queue
	Overlays   Overlays
	Reconciler *Reconciler
}

type removeParams struct {
	Content string `json:"content"`
}

// Handlers returns the handlers of the content jobs.
func (s *Sweeper) Handlers() []job.Handler {
	return []job.Handler{
		{Kind: KindSweep, Steps: []string{"revisions", "leftovers"}, Retry: true, Run: s.runSweep},
		{Kind: KindRemove, Steps: []string{"remove"}, Retry: true, Run: s.runRemove},
	}
}

// Sweep queues the removal of all that nobody needs, or returns the one under way.
func (s *Sweeper) Sweep(ctx context.Context, actor string) (job.Job, error) {
	return s.queue(ctx, job.Spec{Kind: KindSweep, Subject: sweepSubject, Actor: actor, Coalesce: true})
}

// Remove queues the removal of an orphan, named as [content.Ref.String] does.
func (s *Sweeper) Remove(ctx context.Context, actor, name string) (job.Job, error) {
	if _, ok := content.ParseRef(name); !ok {
		return job.Job{}, fault.New(fault.Invalid, "%.100q does not name content.", name).WithField("content").
			WithHint("Copy a name from: left4me content orphans")
	}
	return s.queue(ctx, job.Spec{Kind: KindRemove, Subject: sweepSubject, Actor: actor, Coalesce: true, Params: removeParams{name}})
}

func (s *Sweeper) queue(ctx context.Context, spec job.Spec) (job.Job, error) {
	queued, _, err := s.Queue.Submit(ctx, spec)
	return queued, err
}

func (s *Sweeper) runSweep(ctx context.Context, run *job.Run) error {
	err := run.Step(ctx, "revisions", func(ctx context.Context) error {
		return s.Overlays.Collect(ctx, run, run.Job().Actor)
	}, nil)
	if err != nil {
		return err
	}
	return run.Step(ctx, "leftovers", func(ctx context.Context) error {
		orphans, err := s.Reconciler.Survey(ctx)
		if err = errors.Join(err, s.Reconciler.releaseTrees(ctx)); err != nil {
			return err
		}
		for _, orphan := range orphans {
			run.Logf("warn", "%s belongs to nothing.", orphan)
		}
		run.Summary("Nothing that is needed was touched.")
		if len(orphans) > 0 {
			run.Summary(fmt.Sprintf("%d pieces of content belong to nothing; look at them and remove them: left4me content orphans", len(orphans)))
		}
		return nil
	}, nil)
}

func (s *Sweeper) runRemove(ctx context.Context, run *job.Run) error {
	var params removeParams
	if err := run.Params(&params); err != nil {
		return err
	}
	ref, ok := content.ParseRef(params.Content)
	if !ok {
		return fault.New(fault.Invalid, "%.100q does not name content.", params.Content)
	}
	return run.Step(ctx, "remove", func(ctx context.Context) error {
		err := s.Reconciler.RemoveOrphan(ctx, run.Job().Actor, ref)
		if fault.Is(err, fault.NotFound) && run.Job().Attempt > 0 {
			run.Summary("It was gone already.")
			return nil
		}
		return err
	}, nil)
}
