package sdktest

import (
	"context"
	"errors"
	"slices"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func mounterWriteFiles(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"cfg/server.cfg": "game", "link/f": "x"})
	files := []mounter.File{
		{Path: "cfg/server.cfg", Data: []byte("ours")},
		{Path: "cfg/secret.cfg", Data: []byte("rcon"), Secret: true},
		{Path: "new/deep/er", Data: nil},
	}
	want := map[string]string{"cfg/server.cfg": "ours", "cfg/secret.cfg": "rcon", "new/deep/er": "", "link/f": "x"}
	if err := b.WriteFiles(b.ctx(), "server-1", files); err != nil {
		t.Fatalf("WriteFiles before the first mount: %v", err)
	}
	path := b.mount("server-1", game)
	b.wantContent("written before the mount", path, want)
	files[0].Data, want["cfg/server.cfg"] = []byte("again"), "again"
	for range 2 {
		if err := b.WriteFiles(b.ctx(), "server-1", files); err != nil {
			t.Fatalf("WriteFiles while mounted: %v", err)
		}
	}
	b.wantContent("written while mounted", path, want)
	if mode := readTree(t, b.path(path))["cfg/secret.cfg"].Mode; mode.Perm()&0o007 != 0 {
		t.Errorf("everybody may read a secret file: %s", mode)
	}
	for _, bad := range []string{"", ".", "..", "../x", "/etc/x", "a/../b", "a//b", "a/", "./a"} {
		err := b.WriteFiles(b.ctx(), "server-1", []mounter.File{{Path: "good"}, {Path: bad}})
		wantCode(t, "WriteFiles with the path "+bad, err, sdk.CodeInvalid)
	}
	b.wantContent("after bad paths", path, want)
}

func mounterWatch(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	b.mount("server-1", game)
	type seen struct {
		event  mounter.Event
		server string
	}
	events := make(chan seen, 16)
	ctx, cancel := context.WithCancel(b.ctx())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Watch(ctx, func(event mounter.Event, mount mounter.Mount) error {
			events <- seen{event, mount.Server}
			return nil
		})
	}()
	want := func(event mounter.Event, server string) {
		t.Helper()
		select {
		case got := <-events:
			if (got != seen{event, server}) {
				t.Errorf("Watch reported %+v, want %s of %s", got, event, server)
			}
		case err := <-ended:
			t.Fatalf("Watch ended: %v", err)
		case <-b.ctx().Done():
			t.Fatalf("Watch did not report %s of %s", event, server)
		}
	}
	want(mounter.EventCurrent, "server-1")
	b.mount("server-2", game)
	want(mounter.EventAppeared, "server-2")
	b.unmount("server-1")
	want(mounter.EventGone, "server-1")
	cancel()
	wantCode(t, "the canceled Watch", <-ended, sdk.CodeCanceled)
	enough := errors.New("enough")
	err := b.Watch(b.ctx(), func(mounter.Event, mounter.Mount) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("Watch ended with %v, want the error of report", err)
	}
}

func mounterDiff(t T, r *mounterRun) {
	b := r.ready(t)
	from := b.commit("overlay-1", mounter.Layer{}, map[string]any{
		"b/keep": "k", "b/change": "old", "a": "12345", "z/gone": "123", "swap": "file",
	})
	to := b.commit("overlay-1", from, map[string]any{
		"b/change": "newer", "z": nil, "y": "1", "swap": nil, "swap/inner": "12",
	})
	diff := func(from, to string) (changes []mounter.Change, err error) {
		err = b.Diff(b.ctx(), "overlay-1", from, to, func(c mounter.Change) error {
			changes = append(changes, c)
			return nil
		})
		return slices.DeleteFunc(changes, func(c mounter.Change) bool { return from != "" && isDir(c) }), err
	}
	got, err := diff(from.Revision, to.Revision)
	want := []mounter.Change{
		{Kind: mounter.Changed, Path: "b/change", Size: 5},
		{Kind: mounter.Removed, Path: "swap", Size: 4},
		{Kind: mounter.Added, Path: "swap/inner", Size: 2},
		{Kind: mounter.Added, Path: "y", Size: 1},
		{Kind: mounter.Removed, Path: "z/gone", Size: 3},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Diff gave %+v, %v, want %+v", got, err, want)
	}
	all, err := diff("", from.Revision)
	if err != nil || len(all) != 5 || slices.ContainsFunc(all, func(c mounter.Change) bool { return c.Kind != mounter.Added }) {
		t.Errorf("Diff with nothing gave %+v, %v", all, err)
	}
	if same, err := diff(to.Revision, to.Revision); err != nil || len(same) > 0 {
		t.Errorf("Diff with itself gave %+v, %v", same, err)
	}
	_, err = diff(from.Revision, "absent")
	wantCode(t, "Diff with an absent revision", err, sdk.CodeNotFound)
}

// isDir reports whether a change of the Diff check is about a directory: mounters may report those.
func isDir(c mounter.Change) bool {
	return slices.Contains([]string{"b", "z", "b/", "z/", "swap/"}, c.Path) ||
		c.Path == "swap" && c.Kind != mounter.Removed
}

func mounterList(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "12345"})
	low := b.commit("overlay-1", mounter.Layer{}, map[string]any{"g": "123", "h/i": "4"})
	build := b.stage(low, map[string]any{"j": "12"})
	path := b.mount("server-1", low, game)
	b.write(path, map[string]any{"own": "1234567"})
	refs := b.list(b.ctx())
	for _, c := range []struct {
		ref   mounter.Ref
		least mounter.Usage
	}{
		{mounter.Ref{Layer: game}, mounter.Usage{Files: 1, Bytes: 5}},
		{mounter.Ref{Layer: low}, mounter.Usage{Files: 2, Bytes: 4}},
		{mounter.Ref{Layer: mounter.Layer{Overlay: low.Overlay}}, mounter.Usage{Files: 2, Bytes: 4}},
		{mounter.Ref{Build: build}, mounter.Usage{Files: 1, Bytes: 2}},
		{mounter.Ref{Server: "server-1"}, mounter.Usage{Files: 1, Bytes: 7}},
	} {
		whole := c.ref.Layer.Overlay != "" && c.ref.Layer.Revision == ""
		if !whole && !slices.Contains(refs, c.ref) {
			t.Errorf("List lacks %+v", c.ref)
		}
		usage, err := b.Usage(b.ctx(), c.ref)
		if err != nil || usage.Files < c.least.Files || usage.Bytes < c.least.Bytes {
			t.Errorf("Usage of %+v is %+v, %v, want at least %+v", c.ref, usage, err, c.least)
		}
		if !c.ref.Layer.IsZero() && (usage.Files != c.least.Files || usage.Bytes != c.least.Bytes) {
			t.Errorf("Usage of %+v is %+v, want %+v", c.ref, usage, c.least)
		}
	}
	if len(refs) != 4 {
		t.Errorf("List has %d entries, want 4: %+v", len(refs), refs)
	}
	_, err := b.Usage(b.ctx(), mounter.Ref{Layer: mounter.Layer{Release: "absent"}})
	wantCode(t, "Usage of absent content", err, sdk.CodeNotFound)
}

func mounterRemove(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	low := b.commit("overlay-1", mounter.Layer{}, map[string]any{"g": "x"})
	build := b.stage(mounter.Layer{}, map[string]any{"h": "x"})
	path := b.mount("server-1", low, game)
	server := mounter.Ref{Server: "server-1"}
	for _, ref := range []mounter.Ref{{Layer: game}, {Layer: low}, server} {
		_, err := b.Remove(b.ctx(), ref, false)
		wantCode(t, "Remove while mounted", err, sdk.CodePrecondition)
	}
	b.wantContent("after refused removals", path, map[string]string{"f": "x", "g": "x"})
	b.unmount("server-1")
	for _, ref := range []mounter.Ref{{Layer: game}, {Layer: low}, server, {Build: build}} {
		for i, want := range []bool{true, false} {
			if existed, err := b.Remove(b.ctx(), ref, false); err != nil || existed != want {
				t.Errorf("Remove %d of %+v: existed %t, %v", i+1, ref, existed, err)
			}
		}
	}
	if refs := b.list(b.ctx()); len(refs) > 0 {
		t.Errorf("after all removals List has %+v", refs)
	}
}

func mounterReset(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	b.write(b.mount("server-1", game), map[string]any{"own": "x", "f": nil})
	b.unmount("server-1")
	server := mounter.Ref{Server: "server-1"}
	if existed, err := b.Remove(b.ctx(), server, true); err != nil || !existed {
		t.Fatalf("reset: existed %t, %v", existed, err)
	}
	if !slices.Contains(b.list(b.ctx()), server) {
		t.Errorf("after the reset the server does not exist any more")
	}
	b.wantContent("after the reset", b.mount("server-1", game), map[string]string{"f": "x"})
}
