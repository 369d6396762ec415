package sdktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// twisted is a good mounter whose calls pass through the functions that are set.
type twisted struct {
	mounter.Mounter
	probe   func(*mounter.Probe)
	stage   func(*mounter.Staging, *error)
	request func(*mounter.CommitRequest)
	commit  func(*mounter.Commit, *error)
	discard func(*bool, *error)
	lowers  func([]mounter.Layer)
	mount   func(*mounter.Mount, *bool, *error)
	unmount func(server string, was *bool)
	write   func([]mounter.File) []mounter.File
	mounts  func([]mounter.Mount) []mounter.Mount
	watch   func(mounter.Event) mounter.Event
	change  func(*mounter.Change)
	list    func(mounter.Ref) bool
	read    func(offset int64) int64
	hide    bool
	upper   func(*mounter.Entry)
	follow  bool
	reset   func(existed *bool, err *error)
	usage   func(*mounter.Usage, *error)
	remove  func(ref *mounter.Ref, reset *bool, existed *bool, err *error)
	wait    func(ctx context.Context, server string) error
	drain   func()
	cleanup func()
}

// drained is a base that does something of its own when it is drained.
type drained struct {
	sdk.Base
	first func()
}

func (d drained) Drain(ctx context.Context, grace time.Duration) (int, error) {
	d.first()
	return d.Base.Drain(ctx, grace)
}

func (w *twisted) Probe(ctx context.Context) (mounter.Probe, error) {
	out, err := w.Mounter.Probe(ctx)
	if w.probe != nil {
		w.probe(&out)
	}
	return out, err
}

func (w *twisted) Stage(ctx context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	out, err := w.Mounter.Stage(ctx, build, base)
	if w.stage != nil {
		w.stage(&out, &err)
	}
	return out, err
}

func (w *twisted) Commit(ctx context.Context, r mounter.CommitRequest) (mounter.Commit, error) {
	if w.request != nil {
		w.request(&r)
	}
	out, err := w.Mounter.Commit(ctx, r)
	if w.commit != nil {
		w.commit(&out, &err)
	}
	return out, err
}

func (w *twisted) Discard(ctx context.Context, build string) (bool, error) {
	existed, err := w.Mounter.Discard(ctx, build)
	if w.discard != nil {
		w.discard(&existed, &err)
	}
	return existed, err
}

func (w *twisted) Mount(ctx context.Context, server string, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	lowers = slices.Clone(lowers)
	if w.wait != nil {
		if err := w.wait(ctx, server); err != nil {
			return mounter.Mount{}, false, err
		}
	}
	if w.lowers != nil {
		w.lowers(lowers)
	}
	out, existed, err := w.Mounter.Mount(ctx, server, lowers)
	if w.mount != nil {
		w.mount(&out, &existed, &err)
	}
	return out, existed, err
}

func (w *twisted) Unmount(ctx context.Context, server string, lazy bool) (bool, error) {
	was, err := w.Mounter.Unmount(ctx, server, lazy)
	if w.unmount != nil {
		w.unmount(server, &was)
	}
	return was, err
}

func (w *twisted) WriteFiles(ctx context.Context, server string, files []mounter.File) error {
	if w.write != nil {
		files = w.write(slices.Clone(files))
	}
	return w.Mounter.WriteFiles(ctx, server, files)
}

func (w *twisted) Mounts(ctx context.Context) ([]mounter.Mount, error) {
	out, err := w.Mounter.Mounts(ctx)
	if w.mounts != nil {
		out = w.mounts(out)
	}
	return out, err
}

func (w *twisted) Watch(ctx context.Context, report func(mounter.Event, mounter.Mount) error) error {
	return w.Mounter.Watch(ctx, func(event mounter.Event, mount mounter.Mount) error {
		if w.watch != nil {
			event = w.watch(event)
		}
		return report(event, mount)
	})
}

func (w *twisted) Diff(ctx context.Context, overlay, from, to string, report func(mounter.Change) error) error {
	return w.Mounter.Diff(ctx, overlay, from, to, func(change mounter.Change) error {
		if w.change != nil {
			w.change(&change)
		}
		return report(change)
	})
}

func (w *twisted) List(ctx context.Context, report func(mounter.Ref) error) error {
	return w.Mounter.List(ctx, func(ref mounter.Ref) error {
		if w.list != nil && !w.list(ref) {
			return nil
		}
		return report(ref)
	})
}

func (w *twisted) Usage(ctx context.Context, ref mounter.Ref) (mounter.Usage, error) {
	out, err := w.Mounter.Usage(ctx, ref)
	if w.usage != nil {
		w.usage(&out, &err)
	}
	return out, err
}

func (w *twisted) Remove(ctx context.Context, ref mounter.Ref, reset bool) (existed bool, err error) {
	if w.remove == nil {
		return w.Mounter.Remove(ctx, ref, reset)
	}
	asked := ref
	w.remove(&ref, &reset, nil, nil)
	if ref != (mounter.Ref{}) {
		existed, err = w.Mounter.Remove(ctx, ref, reset)
	}
	w.remove(&asked, &reset, &existed, &err)
	return existed, err
}

func (w *twisted) ReadFile(ctx context.Context, layer mounter.Layer, path string, offset, length int64) ([]byte, int64, error) {
	if w.read != nil {
		data, size, err := w.Mounter.ReadFile(ctx, layer, path, w.read(offset), length)
		return append(data, 0), size, err
	}
	return w.Mounter.ReadFile(ctx, layer, path, offset, length)
}

func (w *twisted) ReadDir(ctx context.Context, layer mounter.Layer, path string, report func(mounter.Entry) error) error {
	if w.hide {
		return nil
	}
	return w.Mounter.ReadDir(ctx, layer, path, report)
}

func (w *twisted) ReadUpperFile(ctx context.Context, server, path string, offset, length int64) ([]byte, int64, error) {
	data, size, err := w.Mounter.ReadUpperFile(ctx, server, path, offset, length)
	if w.follow && sdk.CodeOf(err) == sdk.CodePrecondition {
		return []byte("secret"), 6, nil
	}
	return data, size, err
}

func (w *twisted) ReadUpperDir(ctx context.Context, server, path string, report func(mounter.Entry) error) (bool, error) {
	return w.Mounter.ReadUpperDir(ctx, server, path, func(entry mounter.Entry) error {
		if w.upper != nil {
			w.upper(&entry)
		}
		return report(entry)
	})
}

func (w *twisted) RemovePath(ctx context.Context, server, path string) (bool, error) {
	existed, err := w.Mounter.RemovePath(ctx, server, path)
	if w.reset != nil {
		w.reset(&existed, &err)
	}
	return existed, err
}

// brokenMounter is a good mounter spoiled, the check that must catch it, and what that says.
type brokenMounter struct {
	id, says string
	spoil    func(w *twisted)
}

func brokenMounters() map[string]brokenMounter {
	upper := func(w *twisted) {
		w.unmount = func(server string, _ *bool) {
			_, _ = w.Mounter.Remove(context.Background(), mounter.Ref{Server: server}, true) // is not mounted
		}
	}
	out := map[string]brokenMounter{
		"takes any id":          {"C64", `Discard with the id "../x"`, func(w *twisted) { w.discard = func(_ *bool, err *error) { *err = nil } }},
		"never resumes":         {"C80", "Stage again", func(w *twisted) { w.stage = func(s *mounter.Staging, _ *error) { s.Resumed = false } }},
		"resumes from anything": {"C80", "from another base", func(w *twisted) { w.stage = func(s *mounter.Staging, err *error) { *err, s.Path = nil, "/x" } }},
		"forgets commits":       {"C81", "Commit again", func(w *twisted) { w.commit = func(c *mounter.Commit, _ *error) { c.Existed = false } }},
		"commits twice":         {"C81", "another build to the same target", func(w *twisted) { w.commit = func(_ *mounter.Commit, err *error) { *err = nil } }},
		"counts nothing":        {"C82", "added 0", func(w *twisted) { w.commit = func(c *mounter.Commit, _ *error) { c.Added = 0 } }},
		"mends silently":        {"C83", "mended without a note", func(w *twisted) { w.commit = func(c *mounter.Commit, _ *error) { c.Notes = nil } }},
		"refuses oddly": {"C83", "want [\"invalid\"]", func(w *twisted) {
			w.commit = func(_ *mounter.Commit, err *error) { *err = recode(*err, sdk.CodeConflict) }
		}},
		"has no limits":      {"C84", "past its limit of bytes", func(w *twisted) { w.request = func(r *mounter.CommitRequest) { r.MaxBytes, r.MaxFiles = 0, 0 } }},
		"discards for ever":  {"C85", "Discard 2: existed true", func(w *twisted) { w.discard = func(existed *bool, _ *error) { *existed = true } }},
		"stacks upside down": {"C61", "cfg/server.cfg holds", func(w *twisted) { w.lowers = slices.Reverse[[]mounter.Layer] }},
		"mounts over":        {"C62", "Mount with", func(w *twisted) { w.mount = func(m *mounter.Mount, _ *bool, err *error) { *m, *err = okMount, nil } }},
		"always new":         {"C62", "existed false", func(w *twisted) { w.mount = func(_ *mounter.Mount, existed *bool, _ *error) { *existed = false } }},
		"was always mounted": {"C63", "Unmount 2: was mounted true", func(w *twisted) { w.unmount = func(_ string, was *bool) { *was = true } }},
		"drops the upper":    {"C67", "mounted again", upper},
		"is blind":           {"C69", "after the restart", func(w *twisted) { w.mounts = func([]mounter.Mount) []mounter.Mount { return nil } }},
		"knows no bound": {"C71", "too many layers", func(w *twisted) {
			w.mount = func(m *mounter.Mount, _ *bool, err *error) { *err = recode(*err, sdk.CodeConflict) }
		}},
		"tells secrets":    {"C86", "everybody may read", func(w *twisted) { w.write = openFiles }},
		"loses files":      {"C86", "holds", func(w *twisted) { w.write = func(f []mounter.File) []mounter.File { return f[1:] } }},
		"watches from now": {"C87", "want current", func(w *twisted) { w.watch = func(mounter.Event) mounter.Event { return mounter.EventAppeared } }},
		"sizes wrong":      {"C88", "Diff gave", func(w *twisted) { w.change = func(c *mounter.Change) { c.Size++ } }},
		"hides builds":     {"C89", "List lacks", func(w *twisted) { w.list = func(r mounter.Ref) bool { return r.Build == "" } }},
		"measures nothing": {"C89", "Usage of", func(w *twisted) { w.usage = func(u *mounter.Usage, _ *error) { *u = mounter.Usage{} } }},
		"removes what is used": {"C90", "Remove while mounted", func(w *twisted) {
			w.remove = func(_ *mounter.Ref, _, _ *bool, err *error) {
				if err != nil {
					*err = nil
				}
			}
		}},
		"removes nothing": {"C90", "after all removals", func(w *twisted) { w.remove = removeNothing }},
		"reads too far":   {"C92", "ReadFile of", func(w *twisted) { w.read = func(offset int64) int64 { return offset + 1 } }},
		"lists nothing":   {"C92", "ReadDir of", func(w *twisted) { w.hide = true }},
		"follows links":   {"C93", `ReadUpperFile of "link" gave`, func(w *twisted) { w.follow = true }},
		"shows deletions as files": {"C93", "b.cfg file 0", func(w *twisted) {
			w.upper = func(e *mounter.Entry) {
				if e.Kind == mounter.Whiteout {
					e.Kind = mounter.RegularFile
				}
			}
		}},
		"pulls files away": {"C94", "RemovePath while mounted", func(w *twisted) { w.reset = func(_ *bool, err *error) { *err = nil } }},
		"always had it":    {"C94", "existed true", func(w *twisted) { w.reset = func(existed *bool, _ *error) { *existed = true } }},
		"resets for good":  {"C91", "does not exist any more", func(w *twisted) { w.remove = func(_ *mounter.Ref, reset, _ *bool, _ *error) { *reset = false } }},
		"knows nothing":    {"C60", "the probe says little", func(w *twisted) { w.probe = func(p *mounter.Probe) { *p = mounter.Probe{} } }},
		"mixes servers":    {"C66", "another server's tree", mixesServers},
		"pulls the tree away": {"C68", "Unmount of a busy tree", func(w *twisted) {
			w.probe = func(p *mounter.Probe) { p.Filesystem = "overlay" }
		}},
		"fails the second of two": {"C74", "mounted already", func(w *twisted) {
			w.mount = func(_ *mounter.Mount, existed *bool, err *error) {
				if *existed {
					*err = sdk.Errorf(sdk.CodeConflict, "It is mounted already.")
				}
			}
		}},
	}
	maps.Copy(out, brokenByCrashes())
	return out
}

func TestBrokenMountersAreCaught(t *testing.T) {
	for name, c := range brokenMounters() {
		t.Run(name, func(t *testing.T) {
			if c.id == "C77" && os.Geteuid() != 0 {
				t.Skip("it mounts, and needs root")
			}
			spec := sdktest.MounterSpec{Subject: sdktest.Subject{
				New: func(string) sdk.Plugin {
					good := sdktest.NewDirMounter("dir", "")
					w := &twisted{Mounter: good.Mounter}
					c.spoil(w)
					if w.cleanup != nil {
						t.Cleanup(w.cleanup)
					}
					if w.drain != nil {
						return mounter.Of(drained{good.Base, w.drain}, w)
					}
					return mounter.Of(good.Base, w)
				},
				Settings: func(dir string) json.RawMessage {
					return json.RawMessage(fmt.Sprintf(`{"root": %q}`, dir+"/content"))
				},
			}}
			judge(t, func(v sdktest.T) { sdktest.CheckMounter(v, c.id, spec) }).caught(t, c.says)
		})
	}
}

// mixesServers makes a mounter that gives every server the first one's tree.
func mixesServers(w *twisted) {
	path := ""
	w.mount = func(m *mounter.Mount, _ *bool, _ *error) {
		if path == "" {
			path = m.Path
		}
		m.Path = path
	}
}

var okMount = mounter.Mount{Server: "server-1", Path: os.TempDir()}

func recode(err error, code sdk.Code) error {
	if err == nil {
		return nil
	}
	return sdk.Errorf(code, "Another code.")
}

func openFiles(files []mounter.File) []mounter.File {
	for i := range files {
		files[i].Secret = false
	}
	return files
}

// removeNothing says that everything is removed, once.
func removeNothing(ref *mounter.Ref, _, existed *bool, err *error) {
	if err == nil {
		*ref = mounter.Ref{}
		return
	}
	*existed, *err = true, nil
}
