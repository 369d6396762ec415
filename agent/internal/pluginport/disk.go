// Package pluginport makes plugins look like what the domain asks for: the mounter like content's ports, a
// builder like overlay's. It converts values and nothing else.
package pluginport

import (
	"context"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/sdk/mounter"
)

// Disk makes the mounter plugin look like content.Stager, Stacker, Remover and Surveyor. Mounter is asked anew
// for each call, so the plugin may restart or be swapped in between. It is safe for concurrent use.
type Disk struct {
	Mounter func() (mounter.Mounter, error)
}

var (
	_ content.Stager   = Disk{}
	_ content.Stacker  = Disk{}
	_ content.Remover  = Disk{}
	_ content.Surveyor = Disk{}
	_ content.Measurer = Disk{}
	_ content.Browser  = Disk{}
	_ content.Upper    = Disk{}
)

// Stage implements content.Stager.
func (d Disk) Stage(ctx context.Context, build string, base content.Layer) (content.Staging, error) {
	m, err := d.Mounter()
	if err != nil {
		return content.Staging{}, err
	}
	staging, err := m.Stage(ctx, build, mounter.Layer(base))
	return content.Staging(staging), explain(err)
}

// Commit implements content.Stager.
func (d Disk) Commit(ctx context.Context, build string, target content.Layer) (content.Commit, error) {
	m, err := d.Mounter()
	if err != nil {
		return content.Commit{}, err
	}
	made, err := m.Commit(ctx, mounter.CommitRequest{Build: build, Target: mounter.Layer(target)})
	return content.Commit{Usage: content.Usage(made.Usage), Added: made.Added, Removed: made.Removed,
		Changed: made.Changed, Notes: made.Notes}, explain(err)
}

// Discard implements content.Stager.
func (d Disk) Discard(ctx context.Context, build string) error {
	m, err := d.Mounter()
	if err == nil {
		_, err = m.Discard(ctx, build)
	}
	return explain(err)
}

// Remove implements content.Remover.
func (d Disk) Remove(ctx context.Context, ref content.Ref) error { return d.remove(ctx, ref, false) }

// Reset implements content.Stacker.
func (d Disk) Reset(ctx context.Context, server string) error {
	return d.remove(ctx, content.Ref{Server: server}, true)
}

func (d Disk) remove(ctx context.Context, ref content.Ref, reset bool) error {
	m, err := d.Mounter()
	if err == nil {
		_, err = m.Remove(ctx, mounter.Ref{Layer: mounter.Layer(ref.Layer), Server: ref.Server, Build: ref.Build}, reset)
	}
	return explain(err)
}

// Mount implements content.Stacker.
func (d Disk) Mount(ctx context.Context, server string, lowers []content.Layer) (content.Mount, error) {
	m, err := d.Mounter()
	if err != nil {
		return content.Mount{}, err
	}
	layers := make([]mounter.Layer, len(lowers))
	for i, lower := range lowers {
		layers[i] = mounter.Layer(lower)
	}
	made, _, err := m.Mount(ctx, server, layers)
	return mountOf(made), explain(err)
}

// Unmount implements content.Stacker.
func (d Disk) Unmount(ctx context.Context, server string) error {
	m, err := d.Mounter()
	if err == nil {
		_, err = m.Unmount(ctx, server, false)
	}
	return explain(err)
}

// WriteFiles implements content.Stacker.
func (d Disk) WriteFiles(ctx context.Context, server string, files []content.File) error {
	m, err := d.Mounter()
	if err != nil {
		return err
	}
	out := make([]mounter.File, len(files))
	for i, file := range files {
		out[i] = mounter.File(file)
	}
	return explain(m.WriteFiles(ctx, server, out))
}

// Mounts implements content.Surveyor.
func (d Disk) Mounts(ctx context.Context) ([]content.Mount, error) {
	m, err := d.Mounter()
	if err != nil {
		return nil, err
	}
	mounts, err := m.Mounts(ctx)
	out := make([]content.Mount, len(mounts))
	for i, mount := range mounts {
		out[i] = mountOf(mount)
	}
	return out, explain(err)
}

// List implements content.Surveyor.
func (d Disk) List(ctx context.Context) ([]content.Ref, error) {
	m, err := d.Mounter()
	if err != nil {
		return nil, err
	}
	var out []content.Ref
	err = m.List(ctx, func(ref mounter.Ref) error {
		out = append(out, content.Ref{Layer: content.Layer(ref.Layer), Server: ref.Server, Build: ref.Build})
		return nil
	})
	return out, explain(err)
}

// Diff reports what changed between two revisions of an overlay, by path.
func (d Disk) Diff(ctx context.Context, overlay, from, to string, report func(content.Change) error) error {
	m, err := d.Mounter()
	if err != nil {
		return err
	}
	return explain(m.Diff(ctx, overlay, from, to, func(change mounter.Change) error {
		return report(content.Change{Kind: string(change.Kind), Path: change.Path, Size: change.Size})
	}))
}

// Usage implements content.Measurer.
func (d Disk) Usage(ctx context.Context, ref content.Ref) (content.Usage, error) {
	m, err := d.Mounter()
	if err != nil {
		return content.Usage{}, err
	}
	usage, err := m.Usage(ctx, mounter.Ref{Layer: mounter.Layer(ref.Layer), Server: ref.Server, Build: ref.Build})
	return content.Usage(usage), explain(err)
}

// Limits implements content.Measurer.
func (d Disk) Limits(ctx context.Context) (content.Limits, error) {
	m, err := d.Mounter()
	if err != nil {
		return content.Limits{}, err
	}
	probe, err := m.Probe(ctx)
	return content.Limits{Bytes: probe.MaxBytes, Files: probe.MaxFiles}, explain(err)
}

func mountOf(m mounter.Mount) content.Mount {
	out := content.Mount{Server: m.Server, Path: m.Path, Foreign: m.Foreign, Notes: m.Notes}
	for _, lower := range m.Lowers {
		out.Lowers = append(out.Lowers, content.Layer(lower))
	}
	return out
}

// ReadFile implements content.Browser.
func (d Disk) ReadFile(ctx context.Context, layer content.Layer, path string, offset, length int64) ([]byte, int64, error) {
	m, err := d.Mounter()
	if err != nil {
		return nil, 0, err
	}
	data, size, err := m.ReadFile(ctx, mounter.Layer(layer), path, offset, length)
	return data, size, explain(err)
}

// ReadDir implements content.Browser.
func (d Disk) ReadDir(ctx context.Context, layer content.Layer, path string, report func(content.Entry) error) error {
	m, err := d.Mounter()
	if err != nil {
		return err
	}
	return explain(m.ReadDir(ctx, mounter.Layer(layer), path, entries(report)))
}

func entries(report func(content.Entry) error) func(mounter.Entry) error {
	return func(e mounter.Entry) error {
		return report(content.Entry{Name: e.Name, Kind: string(e.Kind), Size: e.Size, Opaque: e.Opaque})
	}
}

// ReadUpperFile implements content.Upper.
func (d Disk) ReadUpperFile(ctx context.Context, server, path string, offset, length int64) ([]byte, int64, error) {
	m, err := d.Mounter()
	if err != nil {
		return nil, 0, err
	}
	data, size, err := m.ReadUpperFile(ctx, server, path, offset, length)
	return data, size, explain(err)
}

// ReadUpperDir implements content.Upper.
func (d Disk) ReadUpperDir(ctx context.Context, server, path string, report func(content.Entry) error) (bool, error) {
	m, err := d.Mounter()
	if err != nil {
		return false, err
	}
	opaque, err := m.ReadUpperDir(ctx, server, path, entries(report))
	return opaque, explain(err)
}

// RemovePath implements content.Upper.
func (d Disk) RemovePath(ctx context.Context, server, path string) (bool, error) {
	m, err := d.Mounter()
	if err != nil {
		return false, err
	}
	existed, err := m.RemovePath(ctx, server, path)
	return existed, explain(err)
}
