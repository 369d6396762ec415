package sdktest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// oddNames are names that mean something to shells, options of mounts, or tables of them.
var oddNames = [...]string{"with space", "co:lon", "com,ma", `back\slash`, "per%cent", `qu"ote`, "-dash", "ünïcode", "a=b", "#hash", "st*r"}

func mounterOddNames(t T, r *mounterRun) {
	dir := filepath.Join(t.TempDir(), `odd, na:me \s "q" 100%`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("make a directory: %v", err)
	}
	b := r.readyIn(t, dir)
	low, high, want := map[string]any{}, map[string]any{}, map[string]string{}
	for _, name := range oddNames {
		low[name], high["d "+name+"/"+name] = "low "+name, "high "+name
		want[name], want["d "+name+"/"+name] = "low "+name, "high "+name
	}
	high[oddNames[0]], want[oddNames[0]] = "high wins", "high wins"
	game := b.release(low)
	top := b.commit("overlay-1", mounter.Layer{}, high)
	path := b.mount("server-1", top, game)
	b.wantContent("a stack with odd names", path, want)
	for _, name := range oddNames {
		want["new "+name] = name
		b.write(path, map[string]any{"new " + name: name})
	}
	b.unmount("server-1")
	b.wantContent("odd names, mounted again", b.mount("server-1", top, game), want)
}

func mounterEnds(t T, r *mounterRun) {
	dir := t.TempDir()
	b := r.readyIn(t, dir)
	game := b.release(map[string]any{"f": "x"})
	path := b.mount("server-1", game)
	b.write(path, map[string]any{"log": "written by a game"})
	want := map[string]string{"f": "x", "log": "written by a game"}
	if _, err := b.base.Drain(b.ctx(), time.Millisecond); err != nil {
		t.Fatalf("Drain: %v", err)
	}
	if b.process != nil {
		b.process.Stop()
	}
	b.wantContent("the tree after the mounter's end", path, want)
	b = r.readyIn(t, dir)
	mount, existed, err := b.Mount(b.ctx(), "server-1", []mounter.Layer{game})
	if err != nil || !existed {
		t.Fatalf("Mount by the next process: existed %t, %v", existed, err)
	}
	b.wantContent("the tree of the next process", mount.Path, want)
	b.unmount("server-1")
}

func mounterInterrupted(t T, r *mounterRun) {
	dir := t.TempDir()
	b := r.readyIn(t, dir)
	game := b.release(map[string]any{"f": "x", "d/g": "y"})
	layers := []mounter.Layer{b.commit("overlay-1", mounter.Layer{}, map[string]any{"h": "z"}), game}
	want := map[string]string{"f": "x", "d/g": "y", "h": "z"}
	again := func(what, server string) {
		t.Helper()
		mount, _, err := b.Mount(b.ctx(), server, layers)
		if err != nil {
			t.Fatalf("Mount after %s: %v", what, err)
		}
		b.wantContent("the tree after "+what, mount.Path, want)
		b.unmount(server)
	}
	for attempt := range cancelAttempts {
		server := b.id("server")
		ctx, stop := soon(b.ctx(), attempt)
		_, _, err := b.Mount(ctx, server, layers)
		stop()
		if err != nil {
			wantCode(t, "a canceled Mount", err, sdk.CodeCanceled, sdk.CodeUnavailable)
		}
		again("one that was canceled", server)
	}
	if b.process == nil {
		return
	}
	var group sync.WaitGroup
	begun := make(chan struct{}, 20)
	for i := range 20 {
		group.Go(func() {
			begun <- struct{}{}
			_, _, _ = b.Mount(b.ctx(), fmt.Sprintf("killed-%d", i), layers) // done or not
		})
	}
	<-begun
	b.process.Kill()
	group.Wait()
	b = r.readyIn(t, dir)
	for i := range 20 {
		again("a kill", fmt.Sprintf("killed-%d", i))
	}
}

func mounterLeavesNothing(t T, r *mounterRun) {
	const table = "/proc/self/mountinfo"
	if _, err := os.Stat(table); err != nil {
		t.Skipf("needs /proc")
	}
	dir := t.TempDir()
	b := r.readyIn(t, dir)
	game := b.release(map[string]any{"f": "x"})
	top := b.commit("overlay-1", mounter.Layer{}, map[string]any{"g": "y"})
	newer := b.commit("overlay-1", top, map[string]any{"g": "z"})
	traces := []string{dir, b.mount("server-1", top, game), b.mount("server-2", newer, top, game)}
	if _, err := b.Discard(b.ctx(), b.stage(newer, map[string]any{"h": "h"})); err != nil {
		t.Fatalf("Discard: %v", err)
	}
	b.stage(newer, map[string]any{"i": "i"})
	b.unmount("server-1")
	if _, err := b.Unmount(b.ctx(), "server-2", true); err != nil {
		t.Fatalf("lazy Unmount: %v", err)
	}
	for _, ref := range b.list(b.ctx()) {
		if _, err := b.Remove(b.ctx(), ref, false); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	tables := []string{table}
	if b.process != nil {
		tables = append(tables, fmt.Sprintf("/proc/%d/mountinfo", b.process.PID()))
	}
	for _, name := range tables {
		mounts, err := os.ReadFile(name)
		if err != nil {
			t.Fatalf("read the table of mounts: %v", err)
		}
		for line := range strings.Lines(string(mounts)) {
			for _, trace := range traces {
				if strings.Contains(line, trace+"/") || strings.Contains(line, trace+" ") {
					t.Errorf("it is still in %s: %s", name, strings.TrimSpace(line))
					break
				}
			}
		}
	}
}
