package daemon

import (
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

func showJob(j job.Job) api.Job {
	out := api.Job{ID: j.ID, Kind: j.Kind, Title: job.Title(j.Kind, j.Label), Subject: j.Label, Status: string(j.Status), Actor: j.Actor, Canceling: j.Canceling,
		Steps: make([]api.Step, len(j.Steps)), Progress: (*api.Progress)(j.Progress), Error: showFault(j.Error), Summary: j.Summary, Result: j.Result,
		RetryOf: j.RetryOf, CreatedAt: j.CreatedAt, StartedAt: optional(j.StartedAt), FinishedAt: optional(j.FinishedAt)}
	for i, step := range j.Steps {
		out.Steps[i] = api.Step{Name: step.Name, Status: string(step.Status), StartedAt: optional(step.StartedAt),
			FinishedAt: optional(step.FinishedAt)}
	}
	return out
}

func showFault(e *fault.Error) *api.Error {
	if e == nil {
		return nil
	}
	return &api.Error{Code: string(e.Code), Message: e.Message, Hint: e.Hint, Field: e.Field, Source: e.Source}
}

func showEvent(e event.Event) api.Event {
	return api.Event{ID: e.ID, Time: e.Time, Kind: e.Kind, Subject: e.Subject, Actor: e.Actor, Message: e.Message, Data: e.Data}
}
