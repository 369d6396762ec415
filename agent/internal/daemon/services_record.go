package daemon

import (
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/job"
)

// jobs serves httpapi.Jobs.
type jobs struct {
	runner *job.Runner
}

var _ httpapi.Jobs = jobs{}

func (j jobs) List(ctx context.Context, filter httpapi.JobFilter) ([]api.Job, error) {
	rows, err := j.runner.List(ctx, job.Filter{Label: filter.Subject, Status: job.Status(filter.Status), Before: filter.Before, Limit: filter.Limit})
	out := make([]api.Job, len(rows))
	for i, row := range rows {
		out[i] = showJob(row)
		out[i].Result = nil // it may be large
	}
	return out, err
}

func (j jobs) Get(ctx context.Context, id string) (api.Job, error) {
	return shown(j.runner.Get(ctx, id))
}

func (j jobs) Cancel(ctx context.Context, actor, id string) (api.Job, error) {
	return shown(j.runner.Cancel(ctx, id, actor))
}

func (j jobs) Retry(ctx context.Context, actor, id string) (api.Job, error) {
	return shown(j.runner.Retry(ctx, id, actor))
}

func (j jobs) Log(ctx context.Context, id string, after int64, follow bool, report func(httpapi.JobUpdate) error) error {
	line := func(line job.Line) error {
		out := api.JobLine(line)
		return report(httpapi.JobUpdate{Line: &out})
	}
	if !follow {
		return j.runner.Replay(ctx, id, after, line)
	}
	return j.runner.Follow(ctx, id, after, job.Watch{Line: line, Job: func(changed job.Job) error {
		out := showJob(changed)
		return report(httpapi.JobUpdate{Job: &out})
	}})
}

// events serves httpapi.Events.
type events struct {
	store  event.Store
	broker *event.Broker
}

var _ httpapi.Events = events{}

func (e events) List(ctx context.Context, filter httpapi.EventFilter) ([]api.Event, error) {
	rows, err := e.store.Events(ctx, event.Filter{Subject: filter.Subject, After: filter.After, Limit: filter.Limit})
	out := make([]api.Event, len(rows))
	for i, row := range rows {
		out[i] = showEvent(row)
	}
	return out, err
}

func (e events) Stream(ctx context.Context, after int64, report func(api.Event, int) error) error {
	if after < 0 {
		after = event.Now
	}
	return e.broker.Follow(ctx, after, event.Filter{}, func(recorded event.Event) error {
		return report(showEvent(recorded), 0)
	})
}
