package installation

import (
	"context"
	"fmt"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// Order asks for a release.
type Order struct {
	Verify  bool `json:"verify,omitempty"`  // have every file checked, also when nothing is new
	Rollout bool `json:"rollout,omitempty"` // take it to the servers when it is there
}

// Install queues the making of a new release from the source, or returns the job that stands.
func (m *Manager) Install(ctx context.Context, actor string, order Order) (job.Job, error) {
	return m.queue(ctx, job.Spec{Kind: KindInstall, Actor: actor, Coalesce: true, Params: order})
}

// install is one run of an install job.
type install struct {
	*Manager
	run     *job.Run
	order   Order
	id      string // of build, staging tree and release
	present Release
	dir     string
	fetched Fetched
}

func (m *Manager) runInstall(ctx context.Context, run *job.Run) error {
	i := &install{Manager: m, run: run, id: run.Job().ID}
	if err := run.Params(&i.order); err != nil {
		return err
	}
	present, err := m.Store.CurrentRelease(ctx)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if !m.Source.Fresh() {
		if present, err = m.newest(ctx, present); err != nil {
			return err
		}
		i.present = present
	}
	if err := run.Step(ctx, "stage", i.stage, i.discard); err != nil {
		return err
	}
	if err := run.Step(ctx, "fetch", i.fetch, nil); err != nil {
		return err
	}
	if err := run.Step(ctx, "commit", i.commit, nil); err != nil {
		return err
	}
	return m.prune(ctx, run)
}

// newest is the release to start from: while an older one is held, updates go on from the newest.
func (m *Manager) newest(ctx context.Context, present Release) (Release, error) {
	if !present.Held {
		return present, nil
	}
	all, err := m.Store.Releases(ctx)
	if err != nil || len(all) == 0 {
		return present, err
	}
	return all[0], nil
}

func (i *install) stage(ctx context.Context) error {
	var base content.Layer
	if i.present.ID != "" {
		base = i.present.Layer()
	}
	staging, err := i.Disk.Stage(ctx, i.id, base)
	i.dir = staging.Path
	return err
}

func (i *install) discard(ctx context.Context) error { return i.Disk.Discard(ctx, i.id) }

func (i *install) fetch(ctx context.Context) (err error) {
	i.fetched, err = i.Source.Fetch(ctx, Request{Build: i.id, Dir: i.dir, Present: i.present, Verify: i.order.Verify}, i.run)
	return err
}

// commit makes the staging tree a release and, in one transaction, the one that new starts use. A crash between the
// two leaves a release on disk that no row names; it bears the id of an interrupted job, so the next start of the agent
// removes it.
func (i *install) commit(ctx context.Context) error {
	if i.fetched.Unchanged && i.present.ID != "" {
		return i.unchanged(ctx)
	}
	release := Release{ID: i.id, Version: i.fetched.Version, Build: i.fetched.Build, Annotations: i.fetched.Annotations, Current: true}
	made, err := i.Disk.Commit(ctx, i.id, release.Layer())
	if err != nil {
		return err
	}
	for _, note := range made.Notes {
		i.run.Logf("warn", "%s", note)
	}
	release.Usage, release.CreatedAt = made.Usage, i.Now()
	message := fmt.Sprintf("Installed %s: %d files, %d of them new or changed.", release.Name(), made.Usage.Files, made.Added+made.Changed)
	if i.present.ID != "" && made.Added+made.Removed+made.Changed == 0 {
		i.run.Summary("Every file is as it was.")
		return i.Disk.Remove(ctx, content.Ref{Layer: release.Layer()})
	}
	return i.record(ctx, release, message)
}

// unchanged ends an update that found nothing new.
func (i *install) unchanged(ctx context.Context) error {
	i.run.Summary("Nothing is new: " + i.present.Name() + " is installed already.")
	if err := i.discard(ctx); err != nil {
		return err
	}
	err := i.Store.Update(ctx, func(tx Tx) error {
		if err := i.learn(ctx, tx, i.fetched.Build); err != nil {
			return err
		}
		return i.rollOut(ctx, tx)
	})
	i.Jobs.Wake()
	return err
}

func (i *install) record(ctx context.Context, release Release, message string) error {
	err := i.Store.Update(ctx, func(tx Tx) error {
		present, err := tx.CurrentRelease(ctx)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if present.Held {
			release.Current = false
			message += " New starts stay at " + present.Name() + ", which is held."
		}
		if err := tx.PutRelease(ctx, release); err != nil {
			return err
		}
		if err := i.learn(ctx, tx, release.Build); err != nil {
			return err
		}
		if err := i.rollOut(ctx, tx); err != nil {
			return err
		}
		return tx.AddEvent(ctx, i.event("installation.installed", i.run.Job().Actor, message))
	})
	i.run.Summary(message)
	i.Jobs.Wake()
	return err
}

// learn notes that the source has what was just fetched.
func (i *install) learn(ctx context.Context, tx Tx, build string) error {
	known, err := tx.Knowledge(ctx)
	if err != nil || build == "" {
		return err
	}
	known.CheckedAt, known.Newest, known.Notes, known.Problem = i.Now(), build, nil, ""
	return tx.PutKnowledge(ctx, known)
}

func (i *install) rollOut(ctx context.Context, tx Tx) error {
	if !i.order.Rollout || i.Rollout == nil {
		return nil
	}
	queued, _, err := tx.AddJob(ctx, i.Rollout(i.run.Job().Actor))
	if err == nil {
		i.run.Logf("info", "Servers take it up one after another (job %s).", queued.ID)
	}
	return err
}
