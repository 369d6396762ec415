package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// listUpper returns "name kind" of each entry of a directory in an upper.
func (w *world) listUpper(path string) (out []string, opaque bool) {
	w.t.Helper()
	opaque, err := w.ReadUpperDir(w.t.Context(), "alpha", path, func(e mounter.Entry) error {
		mark := ""
		if e.Opaque {
			mark = " opaque"
		}
		out = append(out, fmt.Sprintf("%s %s%s", e.Name, e.Kind, mark))
		return nil
	})
	if err != nil {
		w.t.Errorf("list %q: %v", path, err)
	}
	return out, opaque
}

// Each way out of the upper that a game has tried elsewhere: absolute links, links upwards, links to the agent's
// database, links in place of directories, pipes.
func TestUpperIsNotFollowedOutOf(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	database := filepath.Join(t.TempDir(), "agent.db")
	if err := os.WriteFile(database, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	mount := must2(w.Mount(t.Context(), "alpha", w.layers(1)))(t)
	asUser(t, gameID, func() {
		for name, target := range map[string]string{
			"shadow": "/etc/shadow", "db": database, "dir": filepath.Dir(database), "up": strings.Repeat("../", 20) + "etc",
			"proc": "/proc/self/root", "self": ".", "loop": "loop",
		} {
			if err := os.Symlink(target, filepath.Join(mount.Path, name)); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(unix.Mkfifo(mount.Path+"/pipe", 0o666), os.WriteFile(mount.Path+"/plain", []byte("mine"), 0o600)); err != nil {
			t.Error(err)
		}
	})
	for _, mounted := range []bool{true, false} {
		if !mounted {
			must(w.Unmount(t.Context(), "alpha", false))(t)
		}
		for _, path := range []string{"shadow", "db", "dir/agent.db", "up/shadow", "proc/etc/shadow", "self/plain", "loop", "loop/x", "pipe", "plain/x"} {
			data, _, err := w.ReadUpperFile(t.Context(), "alpha", path, 0, 100)
			if wantCode(t, err, sdk.CodePrecondition); len(data) > 0 {
				t.Errorf("%s gave %q", path, data)
			}
		}
		for _, path := range []string{"dir", "up", "proc", "self", "loop", "plain", "pipe"} {
			_, err := w.ReadUpperDir(t.Context(), "alpha", path, func(mounter.Entry) error { return nil })
			wantCode(t, err, sdk.CodePrecondition)
		}
		if data, _, err := w.ReadUpperFile(t.Context(), "alpha", "plain", 0, 100); err != nil || string(data) != "mine" {
			t.Errorf("a file of the game: %q, %v", data, err)
		}
	}
	for _, path := range []string{"dir/agent.db", "up/shadow", "self/plain"} {
		if existed, err := w.RemovePath(t.Context(), "alpha", path); existed || err != nil {
			t.Errorf("remove %s: %t, %v", path, existed, err)
		}
	}
	for _, path := range []string{"dir", "db", "shadow", "proc", "pipe"} {
		if existed, err := w.RemovePath(t.Context(), "alpha", path); !existed || err != nil {
			t.Errorf("remove %s: %t, %v", path, existed, err)
		}
	}
	if read(t, database) != "secret" || read(t, w.path("servers/alpha/upper/plain")) != "mine" {
		t.Error("something was followed")
	}
}

// A game that exchanges a directory for a link out, all the time, makes nobody read or remove what is outside.
func TestUpperAgainstARacingGame(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	outside := t.TempDir()
	if err := errors.Join(os.WriteFile(outside+"/f", []byte("secret"), 0o644), os.Chmod(outside, 0o755)); err != nil {
		t.Fatal(err)
	}
	upper := w.path("servers/alpha/upper")
	must(true, w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "d/f", Data: []byte("mine")}}))(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var racing sync.WaitGroup
	// A mount that was ended by force, or a hijacked game in it, can still write: the worst case.
	racing.Go(func() {
		for ctx.Err() == nil {
			_ = os.Mkdir(upper+"/d", 0o755)
			_ = os.WriteFile(upper+"/d/f", []byte("mine"), 0o644)
			_ = os.Symlink(outside, upper+"/l")
			_ = unix.Renameat2(unix.AT_FDCWD, upper+"/d", unix.AT_FDCWD, upper+"/l", unix.RENAME_EXCHANGE)
			_ = unix.Renameat2(unix.AT_FDCWD, upper+"/d", unix.AT_FDCWD, upper+"/l", unix.RENAME_EXCHANGE)
		}
	})
	seen := map[string]int{}
	for range 3000 {
		data, _, err := w.ReadUpperFile(t.Context(), "alpha", "d/f", 0, 100)
		if string(data) == "secret" {
			t.Fatal("the file outside was read")
		}
		seen[string(sdk.CodeOf(err))]++
	}
	for range 300 {
		_, err := w.ReadUpperDir(t.Context(), "alpha", "d", func(e mounter.Entry) error { return nil })
		_, err2 := w.RemovePath(t.Context(), "alpha", "d/f")
		_, err3 := w.RemovePath(t.Context(), "alpha", "d")
		for _, err := range []error{err, err2, err3} {
			seen[string(sdk.CodeOf(err))]++
		}
	}
	stop()
	racing.Wait()
	t.Log("outcomes by code:", seen)
	if seen[""] == 0 || read(t, outside, "f") != "secret" {
		t.Errorf("nothing was read, or the file outside is gone: %v", seen)
	}
}

// What the kernel writes for deletions is told as such, and a reset of one path brings back the layer's file.
func TestUpperTellsDeletionsAndResets(t *testing.T) {
	w := newWorld(t)
	w.build("b", mounter.Layer{}, revision("o", "r"), func(dir string) {
		write(t, dir, "cfg/a", "lower")
		write(t, dir, "cfg/b", "lower")
		write(t, dir, "maps/x", "lower")
		write(t, dir, "old/x", "lower")
	})
	lowers := []mounter.Layer{revision("o", "r")}
	mount := must2(w.Mount(t.Context(), "alpha", lowers))(t)
	asUser(t, gameID, func() {
		err := errors.Join(os.Remove(mount.Path+"/cfg/a"), os.RemoveAll(mount.Path+"/maps"), os.RemoveAll(mount.Path+"/old"),
			os.MkdirAll(mount.Path+"/old/inner", 0o700))
		if err != nil {
			t.Error(err)
		}
		write(t, mount.Path, "cfg/b", "mine")
	})
	top, opaque := w.listUpper("")
	if want := []string{"cfg directory", "maps whiteout", "old directory opaque"}; !slices.Equal(top, want) || opaque {
		t.Errorf("top: %q, %t, want %q", top, opaque, want)
	}
	if cfg, opaque := w.listUpper("cfg"); !slices.Equal(cfg, []string{"a whiteout", "b file"}) || opaque {
		t.Errorf("cfg: %q, %t", cfg, opaque)
	}
	if _, opaque := w.listUpper("old/inner"); !opaque {
		t.Error("a directory in an opaque one is not told to hide what is below")
	}
	_, err := w.RemovePath(t.Context(), "alpha", "cfg/a")
	wantCode(t, err, sdk.CodePrecondition, "mounted")
	must(w.Unmount(t.Context(), "alpha", false))(t)
	for _, path := range []string{"cfg/a", "maps", "old", "cfg/b"} {
		if existed, err := w.RemovePath(t.Context(), "alpha", path); err != nil || !existed {
			t.Errorf("remove %s: %t, %v", path, existed, err)
		}
	}
	mount = must2(w.Mount(t.Context(), "alpha", lowers))(t)
	for _, path := range []string{"cfg/a", "cfg/b", "maps/x", "old/x"} {
		if got := read(t, mount.Path, path); got != "lower" {
			t.Errorf("%s is %q after the reset", path, got)
		}
	}
}

// A lazily ended mount can still write to the upper: nothing is taken out from under it.
func TestUpperInUseIsNotReset(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	mount := must2(w.Mount(t.Context(), "alpha", w.layers(1)))(t)
	write(t, mount.Path, "mine", "x")
	held := must(os.Open(mount.Path + "/mine"))(t)
	defer held.Close()
	must(w.Unmount(t.Context(), "alpha", true))(t)
	_, err := w.RemovePath(t.Context(), "alpha", "mine")
	wantCode(t, err, sdk.CodePrecondition)
	held.Close()
	if existed, err := w.RemovePath(t.Context(), "alpha", "mine"); err != nil || !existed {
		t.Errorf("after it was let go: %t, %v", existed, err)
	}
}

// Names of any bytes, deep trees and full directories neither break a listing nor outlive a reset.
func TestUpperOfAHostileGame(t *testing.T) {
	w := newWorld(t)
	must(true, w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "seed"}}))(t)
	upper := w.path("servers/alpha/upper")
	names := []string{"a\nb", "\u202egpj.exe", "\xff\xfe", "\x01", strings.Repeat("n", 255), "<script>", "-rf", " "}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(upper, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := w.listUpper("")
	if len(got) != len(names)+1 || !slices.Contains(got, "\uFFFD file") || !slices.Contains(got, "a\nb file") {
		t.Errorf("listed %q", got)
	}
	if data, _, err := w.ReadUpperFile(t.Context(), "alpha", "a\nb", 0, 9); err != nil || string(data) != "x" {
		t.Errorf("a name with a new line: %q, %v", data, err)
	}
	deep(t, upper, 3000)
	tooDeep := strings.TrimSuffix(strings.Repeat("d/", 2000), "/")
	for _, path := range []string{tooDeep, tooDeep + "/f", strings.Repeat("x", 300)} {
		_, _, err := w.ReadUpperFile(t.Context(), "alpha", path, 0, 1)
		if code := sdk.CodeOf(err); code != sdk.CodeNotFound && code != sdk.CodePrecondition {
			t.Errorf("a path of %d bytes: %v", len(path), err)
		}
	}
	for _, path := range []string{"..", "../upper/seed", "a/../seed", "/etc/passwd", "a\x00b", "seed/", "./seed", strings.Repeat("x/", 3000)} {
		_, _, err := w.ReadUpperFile(t.Context(), "alpha", path, 0, 1)
		wantCode(t, err, sdk.CodeInvalid)
		_, err = w.ReadUpperDir(t.Context(), "alpha", path, func(mounter.Entry) error { return nil })
		wantCode(t, err, sdk.CodeInvalid)
		_, err = w.RemovePath(t.Context(), "alpha", path)
		wantCode(t, err, sdk.CodeInvalid)
	}
	if existed, err := w.RemovePath(t.Context(), "alpha", "d"); err != nil || !existed {
		t.Errorf("a tree of 3000 directories: %t, %v", existed, err)
	}
}

// deep makes n directories, each in the one before.
func deep(t *testing.T, top string, n int) {
	t.Helper()
	at, err := unix.Open(top, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	for range n {
		if err == nil {
			err = unix.Mkdirat(at, "d", 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		var next int
		next, err = unix.Openat(at, "d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		unix.Close(at)
		at = next
	}
	unix.Close(at)
}

// A directory that a game filled is refused instead of read into memory without end.
func TestUpperWithAHugeDirectory(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	must(true, w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "huge/0"}}))(t)
	dir := w.path("servers/alpha/upper/huge")
	for i := range 100_001 {
		if err := os.Link(dir+"/0", fmt.Sprintf("%s/x%d-%d", dir, i/60000, i)); err != nil && !errors.Is(err, unix.EMLINK) {
			t.Fatal(err)
		} else if err != nil {
			if err := os.WriteFile(fmt.Sprintf("%s/y%d", dir, i), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	reported := 0
	_, err := w.ReadUpperDir(t.Context(), "alpha", "huge", func(mounter.Entry) error { reported++; return nil })
	if wantCode(t, err, sdk.CodeConflict, "more than 100000"); reported > 0 {
		t.Error("a part was reported as if it were all")
	}
	if existed, err := w.RemovePath(t.Context(), "alpha", "huge"); err != nil || !existed {
		t.Errorf("remove: %t, %v", existed, err)
	}
}
