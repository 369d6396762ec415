package daemon

import (
	"context"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/sdk/mounter"
)

// disk makes the mounter plugin look like the domain's ports. mounter is asked anew for each call, so it may
// restart or be swapped in between.
type disk struct {
	mounter func() (mounter.Mounter, error)
}

func (d disk) Stage(ctx context.Context, build string, base content.Layer) (content.Staging, error) {
	m, err := d.mounter()
	if err != nil {
		return content.Staging{}, err
	}
	staging, err := m.Stage(ctx, build, mounter.Layer(base))
	return content.Staging(staging), err
}

func (d disk) Commit(ctx context.Context, build string, target content.Layer) (content.Commit, error) {
	m, err := d.mounter()
	if err != nil {
		return content.Commit{}, err
	}
	made, err := m.Commit(ctx, mounter.CommitRequest{Build: build, Target: mounter.Layer(target)})
	return content.Commit{Usage: content.Usage(made.Usage), Added: made.Added, Removed: made.Removed,
		Changed: made.Changed, Notes: made.Notes}, err
}

func (d disk) Discard(ctx context.Context, build string) error {
	m, err := d.mounter()
	if err == nil {
		_, err = m.Discard(ctx, build)
	}
	return err
}

func (d disk) Remove(ctx context.Context, ref content.Ref) error { return d.remove(ctx, ref, false) }

func (d disk) Reset(ctx context.Context, server string) error {
	return d.remove(ctx, content.Ref{Server: server}, true)
}

func (d disk) remove(ctx context.Context, ref content.Ref, reset bool) error {
	m, err := d.mounter()
	if err == nil {
		_, err = m.Remove(ctx, mounter.Ref{Layer: mounter.Layer(ref.Layer), Server: ref.Server, Build: ref.Build}, reset)
	}
	return err
}

func (d disk) Mount(ctx context.Context, server string, lowers []content.Layer) (content.Mount, error) {
	m, err := d.mounter()
	if err != nil {
		return content.Mount{}, err
	}
	layers := make([]mounter.Layer, len(lowers))
	for i, lower := range lowers {
		layers[i] = mounter.Layer(lower)
	}
	made, _, err := m.Mount(ctx, server, layers)
	return mountOf(made), err
}

func (d disk) Unmount(ctx context.Context, server string) error {
	m, err := d.mounter()
	if err == nil {
		_, err = m.Unmount(ctx, server, false)
	}
	return err
}

func (d disk) WriteFiles(ctx context.Context, server string, files []content.File) error {
	m, err := d.mounter()
	if err != nil {
		return err
	}
	out := make([]mounter.File, len(files))
	for i, file := range files {
		out[i] = mounter.File(file)
	}
	return m.WriteFiles(ctx, server, out)
}

func (d disk) Mounts(ctx context.Context) ([]content.Mount, error) {
	m, err := d.mounter()
	if err != nil {
		return nil, err
	}
	mounts, err := m.Mounts(ctx)
	out := make([]content.Mount, len(mounts))
	for i, mount := range mounts {
		out[i] = mountOf(mount)
	}
	return out, err
}

func (d disk) List(ctx context.Context) ([]content.Ref, error) {
	m, err := d.mounter()
	if err != nil {
		return nil, err
	}
	var out []content.Ref
	err = m.List(ctx, func(ref mounter.Ref) error {
		out = append(out, content.Ref{Layer: content.Layer(ref.Layer), Server: ref.Server, Build: ref.Build})
		return nil
	})
	return out, err
}

func (d disk) Diff(ctx context.Context, overlay, from, to string, report func(content.Change) error) error {
	m, err := d.mounter()
	if err != nil {
		return err
	}
	return m.Diff(ctx, overlay, from, to, func(change mounter.Change) error {
		return report(content.Change{Kind: string(change.Kind), Path: change.Path, Size: change.Size})
	})
}

func mountOf(m mounter.Mount) content.Mount {
	out := content.Mount{Server: m.Server, Path: m.Path, Foreign: m.Foreign}
	for _, lower := range m.Lowers {
		out.Lowers = append(out.Lowers, content.Layer(lower))
	}
	return out
}
