package kernel

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Diff implements mounter.Content.
func (m *Mounter) Diff(ctx context.Context, overlay, from, to string, report func(mounter.Change) error) error {
	e, err := m.engine()
	if err != nil {
		return err
	}
	new, err := e.revision(overlay, to)
	if err != nil {
		return err
	}
	defer new.Close()
	if from == "" {
		return tree.Diff(ctx, nil, new, report)
	}
	old, err := e.revision(overlay, from)
	if err != nil {
		return err
	}
	defer old.Close()
	return tree.Diff(ctx, old, new, report)
}

func (e *engine) revision(overlay, id string) (*beneath.Dir, error) {
	l := mounter.Layer{Overlay: overlay, Revision: id}
	if err := disk.CheckLayer(l); err != nil {
		return nil, err
	}
	return e.root.Content(l)
}

// Usage implements mounter.Content. Of a server and of a build it measures the upper.
func (m *Mounter) Usage(ctx context.Context, ref mounter.Ref) (mounter.Usage, error) {
	e, err := m.engine()
	if err != nil {
		return mounter.Usage{}, err
	}
	if l := ref.Layer; l.Overlay != "" && l.Revision == "" && l.Release == "" {
		if err := disk.CheckID("overlay", l.Overlay); err != nil {
			return mounter.Usage{}, err
		}
		return e.overlayUsage(ctx, l.Overlay)
	}
	if err := checkRef(ref); err != nil {
		return mounter.Usage{}, err
	}
	dir, err := e.open(ref)
	if err != nil {
		return mounter.Usage{}, err
	}
	defer dir.Close()
	t, err := tree.Measure(ctx, dir)
	if err != nil {
		return mounter.Usage{}, err
	}
	return mounter.Usage{Files: t.Files, Bytes: t.Bytes, SharedBytes: t.Shared}, nil
}

// overlayUsage measures all revisions of an overlay together, so that what they share counts once.
func (e *engine) overlayUsage(ctx context.Context, overlay string) (mounter.Usage, error) {
	revisions, err := e.root.Revisions(overlay)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(revisions) == 0 {
		return mounter.Usage{}, sdk.Errorf(sdk.CodeNotFound, "Overlay %q has nothing on disk.", overlay)
	}
	var dirs []*beneath.Dir
	defer func() {
		for _, dir := range dirs {
			dir.Close()
		}
	}()
	for _, id := range revisions {
		dir, openErr := e.root.Content(mounter.Layer{Overlay: overlay, Revision: id})
		if sdk.CodeOf(openErr) == sdk.CodeNotFound {
			continue // removed in between
		}
		if err = errors.Join(err, openErr); err != nil {
			return mounter.Usage{}, err
		}
		dirs = append(dirs, dir)
	}
	if err != nil {
		return mounter.Usage{}, err
	}
	t, err := tree.Measure(ctx, dirs...)
	return mounter.Usage{Files: t.Files, Bytes: t.Bytes - t.Repeated, SharedBytes: t.Shared}, err
}

func checkRef(ref mounter.Ref) error {
	set := 0
	for _, is := range []bool{!ref.Layer.IsZero(), ref.Server != "", ref.Build != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return sdk.Errorf(sdk.CodeInvalid, "The request must name one piece of content, it names %d.", set)
	case ref.Server != "":
		return disk.CheckID("server", ref.Server)
	case ref.Build != "":
		return disk.CheckID("build", ref.Build)
	}
	return disk.CheckLayer(ref.Layer)
}

// open opens what a reference measures.
func (e *engine) open(ref mounter.Ref) (*beneath.Dir, error) {
	if !ref.Layer.IsZero() {
		return e.root.Content(ref.Layer)
	}
	parent, id, path, what := e.root.Servers, ref.Server, []string{upperName}, "Server"
	if ref.Build != "" {
		parent, id, path, what = e.root.Builds, ref.Build, []string{privateName, upperName}, "Build"
	}
	dir, err := parent.Open(id)
	for _, name := range path {
		if err != nil {
			break
		}
		outer := dir
		dir, err = outer.Open(name)
		outer.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Errorf(sdk.CodeNotFound, "%s %q has nothing on disk.", what, id)
	}
	return dir, err
}

// Remove implements mounter.Content.
func (m *Mounter) Remove(ctx context.Context, ref mounter.Ref, reset bool) (bool, error) {
	e, err := m.engine()
	if err != nil {
		return false, err
	}
	if err := checkRef(ref); err != nil {
		return false, err
	}
	if reset && ref.Server == "" {
		return false, sdk.Errorf(sdk.CodeInvalid, "Only a server can be reset.")
	}
	switch {
	case ref.Build != "":
		return m.Discard(ctx, ref.Build)
	case ref.Server != "":
		return e.removeServer(ctx, ref.Server, reset)
	}
	return e.removeLayer(ctx, ref.Layer)
}

func (e *engine) removeServer(ctx context.Context, server string, reset bool) (bool, error) {
	dir, err := lockSubject(ctx, e.root.Servers, server, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	_, mounted, err := overlayfs.At(dir, treeName)
	if err != nil {
		return false, err
	}
	if mounted {
		return false, sdk.Errorf(sdk.CodePrecondition, "Server %q is mounted.", server).WithHint("Stop it first.")
	}
	if !reset {
		return disk.Remove(e.root.Servers, server)
	}
	return true, e.reset(ctx, serverSubject(dir, server))
}

// reset empties a server. A half-done one is completed by the next Mount, which makes what is missing.
func (e *engine) reset(ctx context.Context, s subject) error {
	state, err := disk.ReadState(s.dir)
	if err != nil {
		return err
	}
	for _, name := range []string{upperName, workName} {
		if _, err := disk.Remove(s.dir, name); err != nil {
			return err
		}
	}
	state.Detached = "" // the old file system keeps the directories that were removed
	return e.makeEmpty(ctx, s, state)
}

func (e *engine) makeEmpty(ctx context.Context, s subject, state disk.State) error {
	if err := e.makeServer(ctx, s, &state); err != nil {
		return err
	}
	return disk.WriteState(s.dir, state)
}

func (e *engine) removeLayer(ctx context.Context, l mounter.Layer) (bool, error) {
	parent, err := e.root.Parent(l, false)
	if sdk.CodeOf(err) == sdk.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer parent.Close()
	thrown, err := e.throwLayer(ctx, parent, l)
	if err != nil {
		return false, err
	}
	if err := disk.Burn(parent, thrown); err != nil {
		return false, err
	}
	if l.Release == "" && parent.TryLock() { // the last revision takes the overlay's directory with it
		if err := e.root.Overlays.Rmdir(l.Overlay); err != nil {
			e.logger.Debug("an overlay keeps its directory", "overlay", l.Overlay, "reason", err)
		}
	}
	return thrown != "", nil
}

// throwLayer renames a layer away while nothing can begin to use it.
func (e *engine) throwLayer(ctx context.Context, parent *beneath.Dir, l mounter.Layer) (string, error) {
	release, err := e.root.Guard(ctx, true)
	if err != nil {
		return "", err
	}
	defer release()
	if err := e.unused(ctx, l); err != nil {
		return "", err
	}
	thrown, err := disk.Throw(parent, disk.Name(l))
	if err != nil || thrown == "" {
		return thrown, err
	}
	return thrown, disk.RemoveRecord(parent, disk.Name(l))
}

// unused refuses when a mount or a build needs the layer.
func (e *engine) unused(ctx context.Context, l mounter.Layer) error {
	mounts, err := e.mounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if mount.Foreign {
			continue
		}
		if len(mount.Lowers) == 0 {
			return sdk.Errorf(sdk.CodePrecondition, "Cannot remove %s: which layers server %q is mounted with is not known.", l, mount.Server).
				WithHint("Stop that server first.")
		}
		if slices.Contains(mount.Lowers, l) {
			return inUse(l, "server", mount.Server, "Stop the server first.")
		}
	}
	return errors.Join(e.undetached(ctx, l), e.unstaged(l))
}

func inUse(l mounter.Layer, kind, id, hint string) error {
	return sdk.Errorf(sdk.CodePrecondition, "Cannot remove %s: %s %q uses it.", l, kind, id).WithHint(hint)
}

// undetached refuses when a mount that was ended by force still lives with the layer.
func (e *engine) undetached(ctx context.Context, l mounter.Layer) error {
	return e.each(e.root.Servers, func(server string, dir *beneath.Dir) error {
		state, err := disk.ReadState(dir)
		if err != nil || state.Detached == "" || !slices.Contains(state.Lowers, l) {
			return err
		}
		s := serverSubject(dir, server)
		free, err := e.free(ctx, s) // without waiting: everybody who mounts waits for this
		if err != nil || free {
			return err
		}
		return s.busy("let go of", state.Detached, 0)
	})
}

func (e *engine) unstaged(l mounter.Layer) error {
	return e.each(e.root.Builds, func(build string, dir *beneath.Dir) error {
		stage, _, err := disk.ReadStage(dir)
		if err == nil && stage.Base == l {
			return inUse(l, "build", build, "Commit or discard the build first.")
		}
		return err
	})
}

func (e *engine) each(parent *beneath.Dir, visit func(id string, dir *beneath.Dir) error) error {
	ids, err := disk.IDs(parent)
	if err != nil {
		return err
	}
	for _, id := range ids {
		dir, err := parent.Open(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = visit(id, dir)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
