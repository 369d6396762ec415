package overlay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// KindRefresh is the job that looks for newer content of all overlays.
const KindRefresh = "overlay.refresh"

// refreshSubject is the lock of the refresh: there is one at a time for the whole host.
const refreshSubject = "overlays"

// RefreshResult is the result of a refresh job.
type RefreshResult struct {
	Overlays []Refreshed `json:"overlays"`
}

// Refreshed says what the refresh did to one overlay. Status is updated, unchanged, failed or skipped.
type Refreshed struct {
	Overlay  string       `json:"overlay"`
	Status   string       `json:"status"`
	Job      string       `json:"job,omitempty"`
	Revision string       `json:"revision,omitempty"` // made by it
	Error    string       `json:"error,omitempty"`
	Changes  []ItemChange `json:"changes,omitempty"`
}

// Refresh queues a build of every overlay whose builder can look for newer content, as one job, or returns the one that is
// queued or running. actor "" is the system.
func (m *Manager) Refresh(ctx context.Context, actor string) (job.Job, error) {
	var queued job.Job
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		queued, _, err = tx.AddJob(ctx, job.Spec{Kind: KindRefresh, Subject: refreshSubject, Actor: actor, Coalesce: true})
		return err
	})
	m.jobs.Wake()
	return queued, err
}

// refresh is one run of the refresh job.
type refresh struct {
	*Manager
	run    *job.Run
	queued []queuedBuild
	result RefreshResult
}

type queuedBuild struct {
	overlay string
	job     string
}

func (m *Manager) runRefresh(ctx context.Context, run *job.Run) error {
	r := &refresh{Manager: m, run: run}
	if err := run.Step(ctx, "queue", r.queue, nil); err != nil {
		return err
	}
	if err := run.Step(ctx, "build", r.await, nil); err != nil {
		return err
	}
	return r.conclude()
}

// queue asks for the builds in one go. Those that stand already are not doubled: builds coalesce.
func (r *refresh) queue(ctx context.Context) error {
	all, err := r.store.Overlays(ctx)
	if err != nil {
		return err
	}
	can := map[string]bool{}
	for _, known := range r.builders.Types(ctx) {
		can[known.Name] = known.Refresh
	}
	for _, o := range all {
		if !can[o.Type] || o.Revision == "" { // what was never built has nothing to refresh
			continue
		}
		var queued job.Job
		err := r.store.Update(ctx, func(tx Tx) (err error) {
			queued, err = QueueBuild(ctx, tx, o, r.run.Job().Actor, false)
			return err
		})
		if err != nil {
			return err
		}
		r.queued = append(r.queued, queuedBuild{o.Name, queued.ID})
	}
	r.run.Logf("info", "Overlays to look at: %d.", len(r.queued))
	r.jobs.Wake()
	return nil
}

func (r *refresh) await(ctx context.Context) error {
	for i, queued := range r.queued {
		r.run.Progress(job.Progress{Phase: "build", Unit: "steps", Done: uint64(i), Total: uint64(len(r.queued)), Message: queued.overlay})
		done, err := r.run.Await(ctx, queued.job)
		if err != nil {
			return err
		}
		if err := r.note(queued, done); err != nil {
			return err
		}
	}
	return nil
}

// note adds what became of one build.
func (r *refresh) note(queued queuedBuild, done job.Job) error {
	built, err := resultOf(done)
	if err != nil {
		return err
	}
	one := Refreshed{Overlay: queued.overlay, Job: done.ID, Status: "unchanged", Revision: built.Revision, Changes: built.Changes}
	switch {
	case done.Status != job.Succeeded:
		one.Status = "failed"
		if done.Error != nil {
			one.Error = done.Error.Message
		}
		r.run.Logf("warn", "%s: the build is %s. %s", queued.overlay, done.Status, one.Error)
	case built.Revision != "":
		one.Status = "updated"
		fallthrough
	default:
		r.run.Logf("info", "%s: %s", queued.overlay, done.Summary)
	}
	for _, change := range built.Changes {
		r.run.Logf(levelOf(change), "%s: %s", queued.overlay, change)
	}
	r.result.Overlays = append(r.result.Overlays, one)
	return nil
}

// conclude adds everything up. Overlays that failed make the job fail, after all others had their turn.
func (r *refresh) conclude() error {
	counts := map[string]int{}
	var changes []ItemChange
	var failed []string
	for _, one := range r.result.Overlays {
		counts[one.Status]++
		changes = append(changes, one.Changes...)
		if one.Status == "failed" {
			failed = append(failed, one.Overlay)
		}
	}
	summary := fmt.Sprintf("%d overlays updated, %d unchanged, %d failed.", counts["updated"], counts["unchanged"], counts["failed"])
	if text := Count(changes); text != "" {
		summary += " Items: " + text + "."
	}
	r.run.Summary(summary)
	err := r.run.Result(r.result)
	if len(failed) > 0 {
		err = errors.Join(err, fault.New(fault.Unavailable, "Overlays that could not be refreshed: %s.", strings.Join(failed, ", ")).
			WithHint("Read the logs of their builds; what they had stays in use."))
	}
	return err
}
