package sdktest

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Mounts implements mounter.Stacker.
func (d dirMounter) Mounts(context.Context) ([]mounter.Mount, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mounts()
}

func (d *DirMounter) mounts() ([]mounter.Mount, error) {
	servers, err := d.names("servers")
	if err != nil {
		return nil, err
	}
	var out []mounter.Mount
	for _, server := range servers {
		mount, mounted, err := d.mounted(server)
		if err != nil {
			return nil, err
		}
		if mounted {
			out = append(out, mount)
		}
	}
	return out, nil
}

// names returns the valid ids in a directory beneath the root, sorted.
func (d *DirMounter) names(elements ...string) ([]string, error) {
	entries, err := os.ReadDir(d.path(elements...))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, entry := range entries {
		if entry.IsDir() && mounter.ValidID(entry.Name()) {
			out = append(out, entry.Name())
		}
	}
	return out, err
}

// watcher is one Watch call. Its queue is unbounded, so that telling it never blocks a mount.
type watcher struct {
	mu    sync.Mutex
	queue []seen
	wake  chan struct{}
}

type seen struct {
	event mounter.Event
	mount mounter.Mount
}

func (w *watcher) add(s seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, s)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.queue
	w.queue = nil
	return out
}

// tell tells every watcher. d.mu is held.
func (d *DirMounter) tell(event mounter.Event, mount mounter.Mount) {
	for w := range d.watchers {
		w.add(seen{event, mount})
	}
}

// Watch implements mounter.Stacker.
func (d dirMounter) Watch(ctx context.Context, report func(mounter.Event, mounter.Mount) error) error {
	w := &watcher{wake: make(chan struct{}, 1)}
	if err := d.watch(w); err != nil {
		return err
	}
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, w)
	}()
	for {
		for _, s := range w.take() {
			if err := report(s.event, s.mount); err != nil {
				return err
			}
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch queues the present mounts and adds the watcher, in one step.
func (d *DirMounter) watch(w *watcher) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	present, err := d.mounts()
	if err != nil {
		return err
	}
	for _, mount := range present {
		w.add(seen{mounter.EventCurrent, mount})
	}
	d.watchers[w] = struct{}{}
	return nil
}

// Diff implements mounter.Content.
func (d dirMounter) Diff(
	_ context.Context, overlay, from, to string, report func(mounter.Change) error,
) error {
	found, err := d.diff(overlay, from, to)
	if err != nil {
		return err
	}
	for _, change := range found {
		if err := report(change); err != nil {
			return err
		}
	}
	return nil
}

func (d *DirMounter) diff(overlay, from, to string) ([]mounter.Change, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	trees := [2]Tree{{}, {}}
	for i, revision := range []string{from, to} {
		if i == 0 && from == "" {
			continue
		}
		dir, err := d.needLayer(mounter.Layer{Overlay: overlay, Revision: revision})
		if err != nil {
			return nil, err
		}
		if trees[i], err = ReadTree(dir); err != nil {
			return nil, err
		}
	}
	return changes(trees[0], trees[1]), nil
}

// List implements mounter.Content.
func (d dirMounter) List(_ context.Context, report func(mounter.Ref) error) error {
	d.mu.Lock()
	refs, err := d.refs()
	d.mu.Unlock()
	for _, ref := range refs {
		if err := report(ref); err != nil {
			return err
		}
	}
	return err
}

func (d *DirMounter) refs() ([]mounter.Ref, error) {
	var refs []mounter.Ref
	overlays, failed := d.names("overlays")
	for _, overlay := range overlays {
		revisions, err := d.names("overlays", overlay)
		failed = errors.Join(failed, err)
		for _, revision := range revisions {
			refs = append(refs, mounter.Ref{Layer: mounter.Layer{Overlay: overlay, Revision: revision}})
		}
	}
	for dir, ref := range map[string]func(id string) mounter.Ref{
		"installations": func(id string) mounter.Ref { return mounter.Ref{Layer: mounter.Layer{Release: id}} },
		"servers":       func(id string) mounter.Ref { return mounter.Ref{Server: id} },
		"builds":        func(id string) mounter.Ref { return mounter.Ref{Build: id} },
	} {
		ids, err := d.names(dir)
		failed = errors.Join(failed, err)
		for _, id := range ids {
			refs = append(refs, ref(id))
		}
	}
	return refs, failed
}

// refDir returns the directory of content, and of a server what it holds of its own.
func (d *DirMounter) refDir(ref mounter.Ref) string {
	switch {
	case ref.Server != "":
		return d.path("servers", ref.Server)
	case ref.Build != "":
		return d.path("builds", ref.Build)
	}
	return d.layerDir(ref.Layer)
}

// Usage implements mounter.Content.
func (d dirMounter) Usage(_ context.Context, ref mounter.Ref) (mounter.Usage, error) {
	if err := mounter.CheckUsageRef(ref); err != nil {
		return mounter.Usage{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := d.refDir(ref)
	if ref.Layer.Overlay != "" && ref.Layer.Revision == "" {
		dir = d.path("overlays", ref.Layer.Overlay) // nothing is shared here
	}
	if !exists(dir) {
		return mounter.Usage{}, sdk.Errorf(sdk.CodeNotFound, "There is no such content.")
	}
	tree, err := d.ownTree(ref, dir)
	if err != nil {
		return mounter.Usage{}, err
	}
	files, bytes := tree.Usage()
	return mounter.Usage{Files: files, Bytes: bytes}, nil
}

// ownTree returns what content holds of its own: of a mounted server only what differs from below.
func (d *DirMounter) ownTree(ref mounter.Ref, dir string) (Tree, error) {
	switch {
	case ref.Build != "":
		return ReadTree(dir + "/tree")
	case ref.Server == "":
		return ReadTree(dir)
	}
	mount, mounted, err := d.mounted(ref.Server)
	if err != nil || !mounted {
		tree, readErr := ReadTree(dir + "/upper")
		return tree, errors.Join(err, readErr)
	}
	now, err := ReadTree(mount.Path)
	below := d.compose(mount.Lowers, "", nil)
	upper, _ := delta(below.tree, now)
	return upper, errors.Join(err, below.err)
}

// Remove implements mounter.Content.
func (d dirMounter) Remove(_ context.Context, ref mounter.Ref, reset bool) (bool, error) {
	if err := mounter.CheckRef(ref); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mounts, err := d.mounts()
	if err != nil {
		return false, err
	}
	for _, mount := range mounts {
		inStack := !ref.Layer.IsZero() && slices.Contains(mount.Lowers, ref.Layer)
		if inStack || ref.Server == mount.Server {
			return false, sdk.Errorf(sdk.CodePrecondition, "The mount of server %s uses it.", mount.Server).
				WithHint("Stop the server first.")
		}
	}
	dir := d.refDir(ref)
	if !exists(dir) {
		return false, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, err
	}
	if reset && ref.Server != "" {
		return true, os.MkdirAll(d.path("servers", ref.Server, "upper"), 0o755)
	}
	return true, nil
}
