package overlay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// Kinds of job.
const (
	KindBuild  = "overlay.build"
	KindDelete = "overlay.delete"
)

// discardWithin bounds the removal of a tree whose staging failed; what stays is found by the next sweep.
const discardWithin = 20 * time.Second

type buildParams struct {
	Overlay string `json:"overlay"`
	Wipe    bool   `json:"wipe,omitempty"` // start from an empty tree
	// Settings is a hash of those at the time of the request. It tells requests apart and nothing else: the
	// build takes the settings that are there when it runs.
	Settings string `json:"settings,omitempty"`
}

// Handlers returns the handlers of the overlay jobs.
func (m *Manager) Handlers() []job.Handler {
	return []job.Handler{
		{Kind: KindBuild, Steps: []string{"stage", "build", "commit", "clean up"}, Retry: true, Run: m.runBuild},
		{Kind: KindRefresh, Steps: []string{"queue", "build"}, Retry: true, Run: m.runRefresh},
		{Kind: KindDelete, Steps: []string{"check", "remove"}, Retry: true, Run: m.runDelete},
	}
}

// Build queues a build, or returns the one that is queued or running already.
func (m *Manager) Build(ctx context.Context, actor, name string, wipe bool) (job.Job, error) {
	var queued job.Job
	err := m.store.Update(ctx, func(tx Tx) error {
		current, err := tx.OverlayByName(ctx, name)
		if err != nil {
			return err
		}
		if _, err := m.builders.Builder(current.Type); err != nil {
			return err
		}
		queued, err = QueueBuild(ctx, tx, current, actor, wipe)
		return err
	})
	m.jobs.Wake()
	return queued, err
}

// QueueBuild queues a build of o inside a transaction; the caller wakes the job engine after its commit.
func QueueBuild(ctx context.Context, tx interface {
	Writer
	job.Tx
}, o Overlay, actor string, wipe bool) (job.Job, error) {
	queued, _, err := tx.AddJob(ctx, BuildSpec(o, actor, wipe))
	if err != nil {
		return job.Job{}, err
	}
	o.LastJob = queued.ID
	return queued, tx.PutOverlay(ctx, o)
}

// build is one run of a build job.
type build struct {
	*Manager
	run      *job.Run
	id       string // of build, staging tree and revision
	overlay  Overlay
	base     Revision // zero for a first or wiped build
	dir      string
	outcome  Outcome
	revision Revision
}

func (m *Manager) runBuild(ctx context.Context, run *job.Run) error {
	var params buildParams
	if err := run.Params(&params); err != nil {
		return err
	}
	current, err := m.store.OverlayByID(ctx, params.Overlay)
	if err != nil {
		return err
	}
	b := &build{Manager: m, run: run, id: run.Job().ID, overlay: current}
	if current.Revision != "" && !params.Wipe {
		if b.base, err = findRevision(ctx, m.store, current, current.Revision); err != nil {
			return err
		}
	}
	if err := run.Step(ctx, "stage", b.stage, b.discard); err != nil {
		return err
	}
	if err := run.Step(ctx, "build", b.build, nil); err != nil {
		return err
	}
	if err := run.Step(ctx, "commit", b.commit, nil); err != nil {
		return err
	}
	// The revision stands, whatever comes of this.
	return run.Step(ctx, "clean up", func(ctx context.Context) error { return b.cleanUp(ctx) }, nil)
}

func (b *build) cleanUp(ctx context.Context) error {
	err := b.collect(ctx, b.run, b.overlay.ID, b.run.Job().Actor)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	b.run.Logf("warn", "Old revisions could not be removed or measured, which is tried again every day: %v", err)
	return nil
}

func (b *build) stage(ctx context.Context) error {
	var base content.Layer
	if b.base.ID != "" {
		base = b.base.Layer()
	}
	staging, err := b.disk.Stage(ctx, b.id, base)
	b.dir = staging.Path
	if err != nil { // the mounter may have made the tree nevertheless, before it heard of a cancel
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardWithin)
		defer cancel()
		if discardErr := b.discard(ctx); discardErr != nil {
			b.run.Logf("debug", "What was staged is removed later: %v", discardErr)
		}
	}
	return err
}

func (b *build) discard(ctx context.Context) error { return b.disk.Discard(ctx, b.id) }

func (b *build) build(ctx context.Context) error {
	builder, err := b.builders.Builder(b.overlay.Type)
	if err != nil {
		return err
	}
	return b.withinQuota(ctx, func(ctx context.Context) error {
		b.outcome, err = builder.Build(ctx, Request{Build: b.id, Overlay: b.overlay.ID, Settings: b.overlay.Settings,
			OutputDir: b.dir, Annotations: b.base.Annotations}, b.run)
		return err
	})
}

// commit makes the staging tree a revision and, in one transaction, the one that new starts use. A crash
// between the two leaves a revision on disk that no row names; it bears the id of an interrupted job, so
// the next start of the agent removes it.
func (b *build) commit(ctx context.Context) error {
	if b.outcome.Unchanged && b.base.ID != "" {
		return errors.Join(b.report("Nothing changed.", ""), b.discard(ctx))
	}
	layer := content.Layer{Overlay: b.overlay.ID, Revision: b.id}
	made, err := b.disk.Commit(ctx, b.id, layer)
	if err != nil {
		return err
	}
	for _, note := range made.Notes {
		b.run.Logf("warn", "%s", note)
	}
	if b.base.ID != "" && made.Added+made.Removed+made.Changed == 0 {
		return errors.Join(b.report("Nothing changed.", ""), b.disk.Remove(ctx, content.Ref{Layer: layer}))
	}
	b.revision = Revision{Overlay: b.overlay.ID, ID: b.id, Usage: made.Usage, Added: made.Added, Removed: made.Removed,
		Changed: made.Changed, Notes: made.Notes, Annotations: b.outcome.Annotations, CacheKey: b.outcome.CacheKey,
		CreatedAt: b.now()}
	if err := b.takeStock(ctx, layer); err != nil {
		return errors.Join(err, b.disk.Remove(ctx, content.Ref{Layer: layer}))
	}
	message := fmt.Sprintf("Built: %d files added, %d changed, %d removed.", made.Added, made.Changed, made.Removed)
	if err := b.report(message, b.id); err != nil {
		return err
	}
	return b.takeBack(ctx, b.record(ctx, message))
}

// takeBack removes the content of a revision that could not be recorded, for example because the job was canceled
// in between, and returns cause.
func (b *build) takeBack(ctx context.Context, cause error) error {
	if cause == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardWithin)
	defer cancel()
	_, err := findRevision(ctx, b.store, b.overlay, b.id)
	if fault.Is(err, fault.NotFound) {
		err = b.disk.Remove(ctx, content.Ref{Layer: content.Layer{Overlay: b.overlay.ID, Revision: b.id}})
	}
	if err != nil {
		b.run.Logf("debug", "What was committed is removed later: %v", err)
	}
	return cause
}

func (b *build) record(ctx context.Context, message string) error {
	return b.store.Update(ctx, func(tx Tx) error {
		current, err := tx.OverlayByID(ctx, b.overlay.ID)
		if err != nil {
			return err
		}
		if err := tx.AddRevision(ctx, b.revision); err != nil {
			return err
		}
		current.Revision, current.UpdatedAt = b.id, b.now()
		if err := tx.PutOverlay(ctx, current); err != nil {
			return err
		}
		return tx.AddEvent(ctx, b.event("overlay.built", current, b.run.Job().Actor, message))
	})
}
