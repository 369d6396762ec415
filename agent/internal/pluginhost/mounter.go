package pluginhost

import (
	"context"

	"github.com/left4me/left4me/sdk/mounter"
)

// hostedMounter is a mounter plugin that stays valid while the plugin is restarted. After a restart the
// kernel still has the mounts; whoever relies on them asks Mounts.
type hostedMounter struct{ s *supervisor }

// Probe implements mounter.Mounter.
func (m hostedMounter) Probe(ctx context.Context) (mounter.Probe, error) {
	probe, err := call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (mounter.Probe, error) {
		return i.mounter.Probe(ctx)
	})
	probe.Filesystem, probe.Features = clean(probe.Filesystem, maxWord), cleanMap(probe.Features)
	return probe, err
}

// Stage implements mounter.Stager.
func (m hostedMounter) Stage(ctx context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (mounter.Staging, error) {
		return i.mounter.Stage(ctx, build, base)
	})
}

// Commit implements mounter.Stager.
func (m hostedMounter) Commit(ctx context.Context, request mounter.CommitRequest) (mounter.Commit, error) {
	commit, err := call(ctx, m.s, 0, func(ctx context.Context, i *instance) (mounter.Commit, error) {
		return i.mounter.Commit(ctx, request)
	})
	for n, note := range commit.Notes {
		commit.Notes[n] = clean(note, maxSentence)
	}
	return commit, err
}

// Discard implements mounter.Stager.
func (m hostedMounter) Discard(ctx context.Context, build string) (bool, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (bool, error) {
		return i.mounter.Discard(ctx, build)
	})
}

// Mount implements mounter.Stacker.
func (m hostedMounter) Mount(ctx context.Context, server string, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	existed := false
	mount, err := call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (mount mounter.Mount, err error) {
		mount, existed, err = i.mounter.Mount(ctx, server, lowers)
		return mount, err
	})
	return mount, existed, err
}

// Unmount implements mounter.Stacker.
func (m hostedMounter) Unmount(ctx context.Context, server string, lazy bool) (bool, error) {
	return call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (bool, error) {
		return i.mounter.Unmount(ctx, server, lazy)
	})
}

// WriteFiles implements mounter.Stacker.
func (m hostedMounter) WriteFiles(ctx context.Context, server string, files []mounter.File) error {
	_, err := call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.mounter.WriteFiles(ctx, server, files)
	})
	return err
}

// Mounts implements mounter.Stacker.
func (m hostedMounter) Mounts(ctx context.Context) ([]mounter.Mount, error) {
	return call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) ([]mounter.Mount, error) {
		return i.mounter.Mounts(ctx)
	})
}

// Watch implements mounter.Stacker. It ends when the plugin does.
func (m hostedMounter) Watch(ctx context.Context, report func(mounter.Event, mounter.Mount) error) error {
	_, err := call(ctx, m.s, 0, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.mounter.Watch(ctx, report)
	})
	return err
}

// Diff implements mounter.Content.
func (m hostedMounter) Diff(ctx context.Context, overlay, from, to string, report func(mounter.Change) error) error {
	_, err := call(ctx, m.s, 0, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.mounter.Diff(ctx, overlay, from, to, report)
	})
	return err
}

// List implements mounter.Content.
func (m hostedMounter) List(ctx context.Context, report func(mounter.Ref) error) error {
	_, err := call(ctx, m.s, 0, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.mounter.List(ctx, report)
	})
	return err
}

// Usage implements mounter.Content.
func (m hostedMounter) Usage(ctx context.Context, ref mounter.Ref) (mounter.Usage, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (mounter.Usage, error) {
		return i.mounter.Usage(ctx, ref)
	})
}

// Remove implements mounter.Content.
func (m hostedMounter) Remove(ctx context.Context, ref mounter.Ref, reset bool) (bool, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (bool, error) {
		return i.mounter.Remove(ctx, ref, reset)
	})
}

// ReadFile implements mounter.Browser.
func (m hostedMounter) ReadFile(ctx context.Context, layer mounter.Layer, path string, offset, length int64) (data []byte, size int64, err error) {
	data, err = call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (data []byte, err error) {
		data, size, err = i.mounter.ReadFile(ctx, layer, path, offset, length)
		return data, err
	})
	return data, size, err
}

// ReadDir implements mounter.Browser.
func (m hostedMounter) ReadDir(ctx context.Context, layer mounter.Layer, path string, report func(mounter.Entry) error) error {
	_, err := call(ctx, m.s, 0, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.mounter.ReadDir(ctx, layer, path, report)
	})
	return err
}

// ReadUpperFile implements mounter.Upper.
func (m hostedMounter) ReadUpperFile(ctx context.Context, server, path string, offset, length int64) (data []byte, size int64, err error) {
	data, err = call(ctx, m.s, mediumCall, func(ctx context.Context, i *instance) (data []byte, err error) {
		data, size, err = i.mounter.ReadUpperFile(ctx, server, path, offset, length)
		return data, err
	})
	return data, size, err
}

// ReadUpperDir implements mounter.Upper.
func (m hostedMounter) ReadUpperDir(ctx context.Context, server, path string, report func(mounter.Entry) error) (bool, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (bool, error) {
		return i.mounter.ReadUpperDir(ctx, server, path, report)
	})
}

// RemovePath implements mounter.Upper.
func (m hostedMounter) RemovePath(ctx context.Context, server, path string) (bool, error) {
	return call(ctx, m.s, 0, func(ctx context.Context, i *instance) (bool, error) {
		return i.mounter.RemovePath(ctx, server, path)
	})
}
