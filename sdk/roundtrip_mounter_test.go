package sdk_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/filltest"
	"github.com/left4me/left4me/sdk/mounter"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// echoMounter is a Mounter that keeps what it got and answers what it was given.
type echoMounter struct {
	got     []any
	probe   mounter.Probe
	staging mounter.Staging
	commit  mounter.Commit
	mounts  []mounter.Mount
	events  []mounter.Event
	changes []mounter.Change
	refs    []mounter.Ref
	entries []mounter.Entry
	upper   []mounter.Entry
	usage   mounter.Usage
}

func (e *echoMounter) Probe(context.Context) (mounter.Probe, error) { return e.probe, nil }

func (e *echoMounter) Stage(_ context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	e.got = []any{build, base}
	return e.staging, nil
}

func (e *echoMounter) Commit(_ context.Context, request mounter.CommitRequest) (mounter.Commit, error) {
	e.got = []any{request}
	return e.commit, nil
}

func (e *echoMounter) Discard(_ context.Context, build string) (bool, error) {
	e.got = []any{build}
	return true, nil
}

func (e *echoMounter) Mount(_ context.Context, server string, lowers []mounter.Layer) (mounter.Mount, bool, error) {
	e.got = []any{server, lowers}
	return e.mounts[0], true, nil
}

func (e *echoMounter) Unmount(_ context.Context, server string, lazy bool) (bool, error) {
	e.got = []any{server, lazy}
	return true, nil
}

func (e *echoMounter) WriteFiles(_ context.Context, server string, files []mounter.File) error {
	e.got = []any{server, files}
	return nil
}

func (e *echoMounter) Mounts(context.Context) ([]mounter.Mount, error) { return e.mounts, nil }

func (e *echoMounter) Watch(ctx context.Context, report func(mounter.Event, mounter.Mount) error) error {
	for i, event := range e.events {
		if err := report(event, e.mounts[i%len(e.mounts)]); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (e *echoMounter) Diff(_ context.Context, overlay, from, to string, report func(mounter.Change) error) error {
	e.got = []any{overlay, from, to}
	return each(e.changes, report)
}

func (e *echoMounter) List(_ context.Context, report func(mounter.Ref) error) error {
	return each(e.refs, report)
}

func (e *echoMounter) Usage(_ context.Context, ref mounter.Ref) (mounter.Usage, error) {
	e.got = []any{ref}
	return e.usage, nil
}

func (e *echoMounter) Remove(_ context.Context, ref mounter.Ref, reset bool) (bool, error) {
	e.got = []any{ref, reset}
	return true, nil
}

func (e *echoMounter) ReadFile(_ context.Context, layer mounter.Layer, path string, offset, length int64) ([]byte, int64, error) {
	e.got = []any{layer, path, offset, length}
	return []byte("data"), offset + 4, nil
}

func (e *echoMounter) ReadDir(_ context.Context, layer mounter.Layer, path string, report func(mounter.Entry) error) error {
	e.got = []any{layer, path}
	return each(e.entries, report)
}

func (e *echoMounter) ReadUpperFile(_ context.Context, server, path string, offset, length int64) ([]byte, int64, error) {
	e.got = []any{server, path, offset, length}
	return []byte("upper"), offset + 5, nil
}

func (e *echoMounter) ReadUpperDir(_ context.Context, server, path string, report func(mounter.Entry) error) (bool, error) {
	e.got = []any{server, path}
	return true, each(e.upper, report)
}

func (e *echoMounter) RemovePath(_ context.Context, server, path string) (bool, error) {
	e.got = []any{server, path}
	return true, nil
}

func each[T any](list []T, report func(T) error) error {
	for _, item := range list {
		if err := report(item); err != nil {
			return err
		}
	}
	return nil
}

func newEchoMounter(f *filltest.Filler) *echoMounter {
	e := &echoMounter{
		probe: made[mounter.Probe](f), staging: made[mounter.Staging](f), commit: made[mounter.Commit](f),
		mounts: made[[]mounter.Mount](f), usage: made[mounter.Usage](f),
	}
	for i := range 4 {
		e.events = append(e.events, made[mounter.Event](f))
		change := made[mounter.Change](f)
		change.Path = string(rune('a' + i)) // sorted
		e.changes = append(e.changes, change)
		e.refs = append(e.refs, made[mounter.Ref](f))
	}
	for i := range 3 {
		entry := made[mounter.Entry](f)
		entry.Name = string(rune('a' + i)) // sorted
		e.upper = append(e.upper, entry)
		entry.Opaque = false // of uppers only
		e.entries = append(e.entries, entry)
	}
	e.upper = append(e.upper, mounter.Entry{Name: "x", Kind: mounter.Whiteout}, mounter.Entry{Name: "y", Kind: mounter.Other})
	return e
}

func TestMounterRoundTrip(t *testing.T) {
	f := newFiller()
	conn := &filltest.Conn{}
	for range 4 {
		e := newEchoMounter(f)
		conn.ClientConnInterface = sdktest.Serve(t, mounter.Of(&echo{}, e))
		sdktest.Configure(t, conn, sdk.Settings{})
		m := mounter.NewClient(conn)
		mounterCalls(t, f, e, m)
		mounterStreams(t, e, m)
	}
	complete(t, conn, mounterv1.File_left4me_mounter_v1_mounter_proto)
}

func mounterCalls(t *testing.T, f *filltest.Filler, e *echoMounter, m mounter.Mounter) {
	t.Helper()
	ctx := t.Context()
	must := func(what string, err error, got ...any) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		equal(t, what, e.got, got)
	}
	probe, err := m.Probe(ctx)
	must("Probe", err, e.got...)
	equal(t, "Probe", probe, e.probe)
	base := made[mounter.Layer](f)
	staging, err := m.Stage(ctx, "build", base)
	must("Stage", err, "build", base)
	equal(t, "Staging", staging, e.staging)
	request := made[mounter.CommitRequest](f)
	commit, err := m.Commit(ctx, request)
	must("CommitRequest", err, request)
	equal(t, "Commit", commit, e.commit)
	existed, err := m.Discard(ctx, "build")
	must("Discard", err, "build")
	equal(t, "Discard", existed, true)
	lowers := made[[]mounter.Layer](f)
	mount, existed, err := m.Mount(ctx, e.mounts[0].Server, lowers)
	must("Mount", err, e.mounts[0].Server, lowers)
	equal(t, "Mount", mount, e.mounts[0])
	equal(t, "Mount existed", existed, true)
	was, err := m.Unmount(ctx, "server", true)
	must("Unmount", err, "server", true)
	equal(t, "Unmount", was, true)
	files := made[[]mounter.File](f)
	must("WriteFiles", m.WriteFiles(ctx, "server", files), "server", files)
	mounts, err := m.Mounts(ctx)
	must("Mounts", err, e.got...)
	equal(t, "Mounts", mounts, withoutNotes(e.mounts))
	ref := made[mounter.Ref](f)
	usage, err := m.Usage(ctx, ref)
	must("Usage", err, ref)
	equal(t, "Usage", usage, e.usage)
	existed, err = m.Remove(ctx, ref, true)
	must("Remove", err, ref, true)
	equal(t, "Remove", existed, true)
	data, size, err := m.ReadFile(ctx, base, "a/b", 7, 4)
	must("ReadFile", err, base, "a/b", int64(7), int64(4))
	equal(t, "ReadFile data", data, []byte("data"))
	equal(t, "ReadFile size", size, int64(11))
	data, size, err = m.ReadUpperFile(ctx, "server", "a/b", 7, 5)
	must("ReadUpperFile", err, "server", "a/b", int64(7), int64(5))
	equal(t, "ReadUpperFile data", data, []byte("upper"))
	equal(t, "ReadUpperFile size", size, int64(12))
	existed, err = m.RemovePath(ctx, "server", "a/b")
	must("RemovePath", err, "server", "a/b")
	equal(t, "RemovePath existed", existed, true)
}

// withoutNotes: the notes of a mount are an answer of Mount only.
func withoutNotes(mounts []mounter.Mount) []mounter.Mount {
	out := slices.Clone(mounts)
	for i := range out {
		out[i].Notes = nil
	}
	return out
}

func mounterStreams(t *testing.T, e *echoMounter, m mounter.Mounter) {
	t.Helper()
	var changes []mounter.Change
	err := m.Diff(t.Context(), "overlay", "from", "to", func(c mounter.Change) error {
		changes = append(changes, c)
		return nil
	})
	equal(t, "Diff", e.got, []any{"overlay", "from", "to"})
	equal(t, "Changes", changes, e.changes)
	var refs []mounter.Ref
	err2 := m.List(t.Context(), func(r mounter.Ref) error {
		refs = append(refs, r)
		return nil
	})
	equal(t, "List", refs, e.refs)
	enough := errors.New("enough")
	var events []mounter.Event
	err3 := m.Watch(t.Context(), func(event mounter.Event, mount mounter.Mount) error {
		if !slices.ContainsFunc(e.mounts, func(m mounter.Mount) bool { return m.Server == mount.Server }) {
			t.Errorf("Watch reported %+v", mount)
		}
		if events = append(events, event); len(events) == len(e.events) {
			return enough
		}
		return nil
	})
	equal(t, "Watch", events, e.events)
	var entries []mounter.Entry
	layer := mounter.Layer{Overlay: "overlay", Revision: "revision"}
	err4 := m.ReadDir(t.Context(), layer, "a/b", func(entry mounter.Entry) error {
		entries = append(entries, entry)
		return nil
	})
	equal(t, "ReadDir", e.got, []any{layer, "a/b"})
	equal(t, "Entries", entries, e.entries)
	var upper []mounter.Entry
	opaque, err5 := m.ReadUpperDir(t.Context(), "server", "a/b", func(entry mounter.Entry) error {
		upper = append(upper, entry)
		return nil
	})
	equal(t, "ReadUpperDir", e.got, []any{"server", "a/b"})
	equal(t, "Entries of the upper", upper, e.upper)
	equal(t, "opaque", opaque, true)
	if err := errors.Join(err, err2, err4, err5); err != nil || !errors.Is(err3, enough) {
		t.Fatal(err, err3)
	}
}
