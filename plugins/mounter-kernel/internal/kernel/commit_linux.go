package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/admit"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Commit implements mounter.Stager. While it runs the tree is not mounted; a refused one is again.
func (m *Mounter) Commit(ctx context.Context, r mounter.CommitRequest) (mounter.Commit, error) {
	e, err := m.engine()
	if err != nil {
		return mounter.Commit{}, err
	}
	if err := errors.Join(disk.CheckID("build", r.Build), disk.CheckLayer(r.Target)); err != nil {
		return mounter.Commit{}, err
	}
	dir, err := lockSubject(ctx, e.root.Builds, r.Build, false)
	if errors.Is(err, fs.ErrNotExist) {
		return e.commitWithoutStage(r)
	}
	if err != nil {
		return mounter.Commit{}, err
	}
	defer dir.Close()
	out, err := e.commit(ctx, buildSubject(dir, r.Build), r)
	return out, diskFull(err)
}

// commitWithoutStage answers for a build that is gone: the same as the first time, if it was committed.
func (e *engine) commitWithoutStage(r mounter.CommitRequest) (mounter.Commit, error) {
	out, done, err := e.committed(r.Build, r.Target)
	if err != nil || done {
		return out, err
	}
	return mounter.Commit{}, sdk.Errorf(sdk.CodeNotFound, "Build %q is not staged.", r.Build).
		WithHint("Stage it, build, then commit.")
}

// committed looks for target. It is a conflict when it is there from another build.
func (e *engine) committed(build string, target mounter.Layer) (out mounter.Commit, done bool, err error) {
	parent, err := e.root.Parent(target, false)
	if sdk.CodeOf(err) == sdk.CodeNotFound {
		return mounter.Commit{}, false, nil
	}
	if err != nil {
		return mounter.Commit{}, false, err
	}
	defer parent.Close()
	there, err := parent.Exists(disk.Name(target))
	if err != nil || !there {
		return mounter.Commit{}, false, err
	}
	record, _, err := disk.ReadRecord(parent, disk.Name(target))
	if err != nil {
		return mounter.Commit{}, false, err
	}
	if record.Build != build {
		return mounter.Commit{}, false, sdk.Errorf(sdk.CodeConflict, "%s exists already and was not made by build %q.", target, build).
			WithHint("Commit under a new id.")
	}
	record.Commit.Existed = true
	return record.Commit, true, nil
}

func (e *engine) commit(ctx context.Context, s subject, r mounter.CommitRequest) (mounter.Commit, error) {
	out, done, err := e.committed(s.id, r.Target)
	if err != nil {
		return mounter.Commit{}, err
	}
	if done {
		return out, e.discard(ctx, s)
	}
	stage, found, err := disk.ReadStage(s.dir)
	if err != nil {
		return mounter.Commit{}, err
	}
	if !found {
		return e.commitWithoutStage(r)
	}
	if err := e.quiesce(ctx, s); err != nil {
		return mounter.Commit{}, err
	}
	out, err = e.admit(ctx, s, stage, r)
	if err != nil {
		return mounter.Commit{}, e.restage(ctx, s, err)
	}
	if err := e.discard(ctx, s); err != nil {
		e.logger.Warn("a committed build could not be removed", "build", s.id, "error", err)
	}
	return out, nil
}

// quiesce ends the build's mount and makes sure that nothing can write to its upper any more.
func (e *engine) quiesce(ctx context.Context, s subject) error {
	device, err := s.unmount(ctx)
	if err != nil {
		return err
	}
	if err := e.endMapped(s.dir); err != nil {
		return err
	}
	// If not, the tree stays unmounted: one upper must not be in two live file systems.
	return e.released(ctx, s, "commit", device)
}

// restage mounts a build again that was not committed, so that it is as it was, and returns cause.
func (e *engine) restage(ctx context.Context, s subject, cause error) error {
	ctx = context.WithoutCancel(ctx) // a canceled commit must not leave the tree unmounted
	stage, found, err := disk.ReadStage(s.dir)
	if err == nil && found {
		err = e.ensureStage(ctx, s, stage, true)
	}
	if err != nil {
		e.logger.Warn("a build that was not committed could not be mounted again", "build", s.id, "error", err)
	}
	return cause
}

func (e *engine) admit(ctx context.Context, s subject, stage disk.Stage, r mounter.CommitRequest) (mounter.Commit, error) {
	parent, err := e.lockParent(ctx, r.Target)
	if err != nil {
		return mounter.Commit{}, err
	}
	defer parent.Close()
	if _, _, err := e.committed(s.id, r.Target); err != nil { // by another build, while we waited
		return mounter.Commit{}, err
	}
	fresh := disk.NewName(s.id)
	if _, err := disk.Remove(parent, fresh); err != nil { // of a commit that did not end
		return mounter.Commit{}, err
	}
	var out mounter.Commit
	err = e.inUpper(s.dir, func(upper *beneath.Dir) error {
		out, err = e.compose(ctx, s, stage, r, parent, upper)
		return err
	})
	if err != nil {
		if _, cleanErr := disk.Remove(parent, fresh); cleanErr != nil {
			e.logger.Warn("half-made content could not be removed", "build", s.id, "error", cleanErr)
		}
	}
	return out, err
}

// lockParent opens the directory that target goes to and takes its lock: one commit at a time, and
// Remove takes an overlay's directory away only when nobody holds it.
func (e *engine) lockParent(ctx context.Context, target mounter.Layer) (*beneath.Dir, error) {
	for {
		parent, err := e.root.Parent(target, true)
		if errors.Is(err, fs.ErrNotExist) || sdk.CodeOf(err) == sdk.CodeNotFound {
			continue // removed in between
		}
		if err != nil {
			return nil, err
		}
		if err := parent.Lock(ctx, true); err != nil {
			parent.Close()
			return nil, err
		}
		if target.Release != "" || parent.StillAt(e.root.Overlays, target.Overlay) {
			return parent, nil
		}
		parent.Close()
	}
}

func (e *engine) compose(ctx context.Context, s subject, stage disk.Stage, r mounter.CommitRequest, parent, upper *beneath.Dir) (mounter.Commit, error) {
	input := admit.Input{Upper: upper, UserXattr: e.can.UserXattr}
	if !stage.Base.IsZero() {
		base, err := e.root.Content(stage.Base)
		if err != nil {
			return mounter.Commit{}, err
		}
		defer base.Close()
		input.Base = base
		if input.BaseTotals, err = e.totals(ctx, stage.Base, base); err != nil {
			return mounter.Commit{}, err
		}
	}
	plan, err := admit.Inspect(ctx, input, e.admitLimits(r))
	if err != nil {
		return mounter.Commit{}, err
	}
	stage.Target = r.Target
	if err := disk.WriteStage(s.dir, stage); err != nil {
		return mounter.Commit{}, err
	}
	fresh, err := parent.Ensure(disk.NewName(s.id), 0o700)
	if err != nil {
		return mounter.Commit{}, err
	}
	defer fresh.Close()
	o := e.root.Owners()
	shared, err := plan.Compose(ctx, fresh, admit.Owner{UID: o.GameUID, GID: o.StagingGID})
	if err != nil {
		return mounter.Commit{}, err
	}
	return e.publish(ctx, s.id, r.Target, parent, plan, shared)
}

func (e *engine) admitLimits(r mounter.CommitRequest) admit.Limits {
	l := admit.Limits{
		Bytes: e.limits.MaxBytes, Weight: e.limits.MaxBytes, Entries: e.limits.MaxFiles,
		Depth: e.limits.MaxDepth, Path: e.limits.MaxPath,
	}
	if r.MaxBytes > 0 {
		l.Bytes = min(l.Bytes, r.MaxBytes)
	}
	if r.MaxFiles > 0 {
		l.Entries = min(l.Entries, r.MaxFiles)
	}
	return l
}

// totals of a base come from its record; content without one is measured.
func (e *engine) totals(ctx context.Context, base mounter.Layer, dir *beneath.Dir) (tree.Totals, error) {
	parent, err := e.root.Parent(base, false)
	if err != nil {
		return tree.Totals{}, err
	}
	defer parent.Close()
	record, found, err := disk.ReadRecord(parent, disk.Name(base))
	if err != nil {
		return tree.Totals{}, err
	}
	if !found {
		return tree.Measure(ctx, dir)
	}
	u := record.Commit.Usage
	return tree.Totals{Files: u.Files, Dirs: record.Dirs, Bytes: u.Bytes, Weight: record.Weight}, nil
}

// publish gives the finished tree its name, after all of it and its record are on the disk.
func (e *engine) publish(ctx context.Context, build string, target mounter.Layer, parent *beneath.Dir, plan *admit.Plan, shared uint64) (mounter.Commit, error) {
	out := mounter.Commit{
		Usage: mounter.Usage{Files: plan.Totals.Files, Bytes: plan.Totals.Bytes, SharedBytes: shared},
		Added: plan.Added, Removed: plan.Removed, Changed: plan.Changed, Notes: plan.Notes(),
	}
	record := disk.Record{Build: build, Dirs: plan.Totals.Dirs, Weight: plan.Totals.Weight, Commit: out}
	if err := disk.WriteRecord(parent, disk.Name(target), record); err != nil {
		return mounter.Commit{}, err
	}
	if err := parent.SyncFS(); err != nil {
		return mounter.Commit{}, fmt.Errorf("write to disk: %w", err)
	}
	if err := ctx.Err(); err != nil { // the last moment to give up
		return mounter.Commit{}, errors.Join(err, disk.RemoveRecord(parent, disk.Name(target)))
	}
	if err := parent.Rename(disk.NewName(build), parent, disk.Name(target)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return mounter.Commit{}, sdk.Errorf(sdk.CodeConflict, "%s exists already.", target).WithHint("Commit under a new id.")
		}
		return mounter.Commit{}, err
	}
	return out, parent.Sync()
}
