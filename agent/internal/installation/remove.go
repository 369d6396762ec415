package installation

import (
	"context"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

type removal struct {
	Release string `json:"release"`
}

// Remove queues the deletion of a release. Precondition: it is the present one, a server stays at it, or one runs on it.
func (m *Manager) Remove(ctx context.Context, actor, id string) (job.Job, error) {
	if _, err := m.removable(ctx, m.Store, id); err != nil {
		return job.Job{}, err
	}
	return m.queue(ctx, job.Spec{Kind: KindRemove, Label: "release/" + id, Actor: actor, Params: removal{Release: id}})
}

func (m *Manager) removable(ctx context.Context, reader Reader, id string) (Release, error) {
	all, err := reader.Releases(ctx)
	if err != nil {
		return Release{}, err
	}
	at := slices.IndexFunc(all, func(r Release) bool { return r.ID == id })
	if at < 0 {
		return Release{}, noRelease(id)
	}
	if all[at].Current {
		return Release{}, fault.New(fault.Precondition, "New starts use this release.").WithHint("Choose another one first, with: left4me release rollback")
	}
	pins, err := reader.ReleasePins(ctx, id)
	if err == nil && len(pins) > 0 {
		err = fault.New(fault.Precondition, "Servers stay at this release: %s.", strings.Join(pins, ", ")).
			WithHint("Let them go with: left4me release unpin --server %s", pins[0])
	}
	return all[at], err
}

func (m *Manager) runRemove(ctx context.Context, run *job.Run) error {
	var params removal
	if err := run.Params(&params); err != nil {
		return err
	}
	var release Release
	check := func(ctx context.Context) (err error) {
		release, err = m.removable(ctx, m.Store, params.Release)
		return err
	}
	err := run.Step(ctx, "check", check, nil)
	if fault.Is(err, fault.NotFound) { // removed by an attempt that was interrupted
		run.Summary("It was gone already.")
		return m.Disk.Remove(ctx, content.Ref{Layer: content.Layer{Release: params.Release}})
	}
	if err != nil {
		return err
	}
	return run.Step(ctx, "remove", func(ctx context.Context) error { return m.remove(ctx, run.Job().Actor, release) }, nil)
}

// remove deletes the content first: a row without content would be a promise that fails at the next start, while
// content without a row is found and removed.
func (m *Manager) remove(ctx context.Context, actor string, release Release) error {
	if err := m.Disk.Remove(ctx, content.Ref{Layer: release.Layer()}); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteRelease(ctx, release.ID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("installation.removed", actor, "Removed "+release.Name()+"."))
	})
}

// prune removes releases beyond what is kept. One that is in use is left for a later time.
func (m *Manager) prune(ctx context.Context, run *job.Run) error {
	all, err := m.Store.Releases(ctx)
	if err != nil {
		return err
	}
	kept := 0
	for _, release := range all {
		if release.Current {
			continue
		}
		if kept++; kept <= m.Keep {
			continue
		}
		if _, err := m.removable(ctx, m.Store, release.ID); fault.Is(err, fault.Precondition) {
			continue
		} else if err != nil {
			return err
		}
		err := m.remove(ctx, "", release)
		if fault.Is(err, fault.Precondition) { // a server runs on it
			continue
		}
		if err != nil {
			return err
		}
		run.Logf("info", "Removed the old release %s.", release.Name())
	}
	return nil
}
