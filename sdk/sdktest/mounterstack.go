package sdktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func mounterMount(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"game": "base", "cfg/server.cfg": "base", "cfg/keep": "base", "d/x": "base"})
	low := b.commit("overlay-1", mounter.Layer{}, map[string]any{"cfg/server.cfg": "low", "addons/a": "low"})
	high := b.commit("overlay-2", mounter.Layer{}, map[string]any{"cfg/server.cfg": "high", "d": "a file now"})
	mount, existed, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{high, low, game})
	if err != nil || existed {
		t.Fatalf("Mount: existed %t, %v", existed, err)
	}
	if mount.Foreign || !slices.Equal(mount.Lowers, []mounter.Layer{high, low, game}) || mount.Fingerprint == "" {
		t.Errorf("Mount answered %+v", mount)
	}
	b.wantContent("the mounted stack", mount.Path, map[string]string{
		"game": "base", "cfg/server.cfg": "high", "cfg/keep": "base", "addons/a": "low", "d": "a file now",
	})
	other := b.mount("server-2", low, high, game)
	if text := b.content(other)["cfg/server.cfg"]; text != "low" {
		t.Errorf("with the order reversed the file holds %q, want \"low\"", text)
	}
}

func mounterMountTwice(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	low := b.commit("overlay-1", mounter.Layer{}, map[string]any{"g": "x"})
	first, _, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{low, game})
	if err != nil {
		t.Fatalf("Mount: %v", err)
	}
	again, existed, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{low, game})
	if err != nil || !existed || again.Fingerprint != first.Fingerprint || again.Path != first.Path {
		t.Errorf("Mount again: %+v, existed %t, %v", again, existed, err)
	}
	for what, lowers := range map[string][]mounter.Layer{"fewer": {game}, "reordered": {game, low}} {
		_, _, err = b.Mount(b.ctx(), "server-1", lowers)
		wantCode(t, "Mount with "+what+" layers", err, sdk.CodeConflict)
	}
	_, _, err = b.Mount(b.ctx(), "server-2", []mounter.Layer{{Overlay: "overlay-1", Revision: "absent"}, game})
	wantCode(t, "Mount of an absent layer", err, sdk.CodeNotFound)
	_, _, err = b.Mount(b.ctx(), "server-2", nil)
	wantCode(t, "Mount of nothing", err, sdk.CodeInvalid)
	if got := b.servers(); !slices.Equal(got, []string{"server-1"}) {
		t.Errorf("mounted are %v, want only server-1", got)
	}
}

func mounterUnmount(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	path := b.mount("server-1", game)
	for i, want := range []bool{true, false} {
		if was, err := b.Unmount(b.ctx(), "server-1", false); err != nil || was != want {
			t.Errorf("Unmount %d: was mounted %t, %v", i+1, was, err)
		}
	}
	if was, err := b.Unmount(b.ctx(), "never-mounted", false); err != nil || was {
		t.Errorf("Unmount of an unknown server: %t, %v", was, err)
	}
	if left := b.content(path); len(left) > 0 {
		t.Errorf("after Unmount the tree still shows %v", left)
	}
}

// change does to a tree what games do to theirs.
func change(t T, dir string) map[string]string {
	t.Helper()
	appendTo := func(name string) error {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = file.WriteString("+more")
		return errors.Join(err, file.Close())
	}
	err := errors.Join(
		appendTo("cfg/server.cfg"),
		os.Chmod(filepath.Join(dir, "game"), 0o755),
		os.Remove(filepath.Join(dir, "addons/a")),
		os.Rename(filepath.Join(dir, "maps/old"), filepath.Join(dir, "maps/new")),
		os.RemoveAll(filepath.Join(dir, "gone")),
		os.MkdirAll(filepath.Join(dir, "logs/today"), 0o755),
		os.WriteFile(filepath.Join(dir, "logs/today/l"), []byte("log"), 0o644),
	)
	if err != nil {
		t.Fatalf("a game cannot work in its tree: %v", err)
	}
	return map[string]string{
		"cfg/server.cfg": "text+more", "game": "g", "addons/b": "b", "maps/new": "m", "logs/today/l": "log",
	}
}

// gameFiles is what change works on.
func gameFiles() (low, high map[string]any) {
	return map[string]any{"game": "g", "cfg/server.cfg": "text", "maps/old": "m", "gone/x": "x", "gone/y/z": "z"},
		map[string]any{"addons/a": "a", "addons/b": "b"}
}

func mounterWrite(t T, r *mounterRun) {
	b := r.ready(t)
	lowFiles, highFiles := gameFiles()
	game := b.release(lowFiles)
	high := b.commit("overlay-1", mounter.Layer{}, highFiles)
	path := b.mount("server-1", high, game)
	fresh := b.content(path)
	want := change(t, b.path(path))
	b.wantContent("the changed tree", path, want)
	b.wantContent("another server's tree", b.mount("server-2", high, game), fresh)
	b.unmount("server-1")
	b.wantContent("a third server's tree", b.mount("server-3", high, game), fresh)
}

func mounterUpper(t T, r *mounterRun) {
	b := r.ready(t)
	lowFiles, highFiles := gameFiles()
	game := b.release(lowFiles)
	high := b.commit("overlay-1", mounter.Layer{}, highFiles)
	want := change(t, b.path(b.mount("server-1", high, game)))
	b.unmount("server-1")
	b.wantContent("mounted again", b.mount("server-1", high, game), want)
	b.unmount("server-1")
	newer := b.commit("overlay-1", high, map[string]any{"addons/c": "c"})
	want["addons/c"] = "c"
	b.wantContent("mounted over a newer revision", b.mount("server-1", newer, game), want)
}

func mounterBusy(t T, r *mounterRun) {
	b := r.ready(t)
	probe, err := b.Probe(b.ctx())
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	if probe.Filesystem != "overlay" {
		t.Skipf("the filesystem %q has no busy mounts", probe.Filesystem)
	}
	path := b.mount("server-1", b.release(map[string]any{"f": "x"}))
	file, err := os.Open(filepath.Join(b.path(path), "f"))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer file.Close()
	_, err = b.Unmount(b.ctx(), "server-1", false)
	wantCode(t, "Unmount of a busy tree", err, sdk.CodePrecondition)
	if was, err := b.Unmount(b.ctx(), "server-1", true); err != nil || !was {
		t.Errorf("lazy Unmount of a busy tree: %t, %v", was, err)
	}
}

func mounterRestart(t T, r *mounterRun) {
	dir := t.TempDir()
	b := r.readyIn(t, dir)
	game := b.release(map[string]any{"f": "x"})
	mount, _, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{game})
	if err != nil {
		t.Fatalf("Mount: %v", err)
	}
	build := b.stage(game, map[string]any{"g": "staged"})
	if b.process != nil {
		b.process.Kill()
	}
	b = r.readyIn(t, dir)
	mounts, err := b.Mounts(b.ctx())
	if err != nil || len(mounts) != 1 || mounts[0].Server != "server-1" || mounts[0].Path != mount.Path ||
		mounts[0].Foreign || mounts[0].Fingerprint != mount.Fingerprint {
		t.Fatalf("after the restart: %+v, %v, want %+v", mounts, err, mount)
	}
	if _, existed, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{game}); err != nil || !existed {
		t.Errorf("Mount after the restart: existed %t, %v", existed, err)
	}
	staging, err := b.Stage(b.ctx(), build, game)
	if err != nil || !staging.Resumed {
		t.Fatalf("Stage after the restart: %+v, %v", staging, err)
	}
	b.wantContent("the staged tree after the restart", staging.Path, map[string]string{"f": "x", "g": "staged"})
	b.unmount("server-1")
}

func mounterLayers(t T, r *mounterRun) {
	b := r.ready(t)
	probe, err := b.Probe(b.ctx())
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	game := b.release(map[string]any{"game": "g"})
	many := min(64, probe.MaxLayers-1)
	want := map[string]string{"game": "g"}
	var lowers []mounter.Layer
	for i := range many {
		name := fmt.Sprintf("f%d", i)
		want[name] = name
		lowers = append(lowers, b.commit(fmt.Sprintf("overlay-%d", i), mounter.Layer{}, map[string]any{name: name}))
	}
	b.wantContent("a high stack", b.mount("server-1", append(slices.Clone(lowers), game)...), want)
	tooMany := slices.Repeat(lowers, probe.MaxLayers/many+1)
	_, _, err = b.Mount(b.ctx(), "server-2", tooMany[:probe.MaxLayers+1])
	wantCode(t, "a mount with too many layers", err, sdk.CodeInvalid)
}

func mounterParallel(t T, r *mounterRun) {
	b := r.ready(t)
	game := b.release(map[string]any{"f": "x"})
	ctx := b.ctx()
	each := func(call func(server string) error) {
		t.Helper()
		var group sync.WaitGroup
		errs := make(chan error, 40)
		for i := range 20 {
			for range 2 { // the same call twice at once must be as good as once
				group.Go(func() { errs <- call(fmt.Sprintf("server-%d", i)) })
			}
		}
		group.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Errorf("%v", err)
			}
		}
	}
	each(func(server string) error {
		_, _, err := b.Mount(ctx, server, []mounter.Layer{game})
		return err
	})
	if got := b.servers(); len(got) != 20 {
		t.Errorf("%d servers are mounted, want 20", len(got))
	}
	each(func(server string) error {
		_, err := b.Unmount(ctx, server, false)
		return err
	})
	if got := b.servers(); len(got) != 0 {
		t.Errorf("still mounted: %v", got)
	}
}
