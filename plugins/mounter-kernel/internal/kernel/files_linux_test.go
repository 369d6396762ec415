package kernel_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func TestWriteFiles(t *testing.T) {
	w := newWorld(t)
	l := w.layers(2)
	files := []mounter.File{
		{Path: "left4dead2/cfg/server.cfg", Data: []byte("hostname x")},
		{Path: "left4dead2/cfg/secret.cfg", Data: []byte("rcon"), Secret: true},
		{Path: "who", Data: []byte("generated")},
	}
	upper := w.path("servers/alpha/upper")
	must(true, w.WriteFiles(t.Context(), "alpha", files))(t)
	mount := must2(w.Mount(t.Context(), "alpha", l))(t)
	for _, dir := range []string{upper, mount.Path} {
		if read(t, dir, files[0].Path) != "hostname x" || read(t, dir, "who") != "generated" {
			t.Error("not written beneath", dir)
		}
	}
	files[0].Data = []byte("hostname y")
	must(true, w.WriteFiles(t.Context(), "alpha", files))(t)
	if read(t, mount.Path, files[0].Path) != "hostname y" || read(t, upper, files[0].Path) != "hostname y" {
		t.Error("not replaced in the mounted tree")
	}
	wantOwner(t, filepath.Join(upper, files[0].Path), gameID, gameID, 0o644)
	wantOwner(t, filepath.Join(upper, files[1].Path), 0, gameID, 0o640)
	if read(t, w.path("overlays/o0/r1/who")) != "o0" {
		t.Error("a layer was written to")
	}
	if mounttest.InUserNamespace() {
		return
	}
	asUser(t, gameID, func() {
		if read(t, mount.Path, files[1].Path) != "rcon" {
			t.Error("the game cannot read its secret")
		}
	})
	asUser(t, stagingID, func() {
		if _, err := os.ReadFile(filepath.Join(mount.Path, files[1].Path)); !errors.Is(err, fs.ErrPermission) {
			t.Error("somebody else can read the secret:", err)
		}
	})
}

func wantOwner(t testing.TB, path string, uid, gid uint32, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != mode || (!mounttest.InUserNamespace() && (st.Uid != uid || st.Gid != gid)) {
		t.Errorf("%s: mode %v owner %d:%d, want %v %d:%d", path, info.Mode(), st.Uid, st.Gid, mode, uid, gid)
	}
}

func TestWriteFilesRefusesPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"", ".", "..", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\x00b", "a\nb", "\xff"} {
		err := w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "fine"}, {Path: path}})
		wantCode(t, err, sdk.CodeInvalid)
	}
	if read(t, w.path("servers/alpha/upper/fine")) != "<absent>" {
		t.Error("a refused request wrote a file")
	}
}

func TestWriteFilesDoesNotFollow(t *testing.T) {
	w := newWorld(t)
	l := w.layers(1)
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/victim", []byte("v"), 0o644); err != nil {
		t.Fatal(err)
	}
	mount := must2(w.Mount(t.Context(), "alpha", l))(t)
	asUser(t, gameID, func() {
		err := errors.Join(os.Symlink(outside, mount.Path+"/dir"), os.Symlink(outside+"/victim", mount.Path+"/file"),
			os.Mkdir(mount.Path+"/taken", 0o755), unix.Mkfifo(mount.Path+"/fifo", 0o600))
		if err != nil {
			t.Error(err)
		}
	})
	for _, mounted := range []bool{true, false} {
		if !mounted {
			must(w.Unmount(t.Context(), "alpha", false))(t)
		}
		write := func(path string) error {
			return w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: path, Data: []byte("new")}})
		}
		wantCode(t, write("dir/victim"), sdk.CodeConflict, "link")
		wantCode(t, write("fifo/x"), sdk.CodeConflict)
		wantCode(t, write("taken"), sdk.CodeConflict, "directory")
		if err := write("file"); err != nil { // replaces the link, does not follow it
			t.Error(err)
		}
		if read(t, outside, "victim") != "v" || read(t, w.path("servers/alpha/upper/file")) != "new" {
			t.Error("the link was followed")
		}
	}
}

// In an upper that is not mounted, a directory the game deleted must not get its old files back.
func TestWriteFilesRespectsDeletions(t *testing.T) {
	w := newWorld(t)
	release := mounter.Layer{Release: "game"}
	w.build("b", mounter.Layer{}, release, func(dir string) { write(t, dir, "cfg/old.cfg", "old") })
	mount := must2(w.Mount(t.Context(), "alpha", []mounter.Layer{release}))(t)
	asUser(t, gameID, func() {
		if err := os.RemoveAll(mount.Path + "/cfg"); err != nil {
			t.Error(err)
		}
	})
	must(w.Unmount(t.Context(), "alpha", false))(t)
	must(true, w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "cfg/new.cfg", Data: []byte("new")}}))(t)
	must2(w.Mount(t.Context(), "alpha", []mounter.Layer{release}))(t)
	if read(t, mount.Path, "cfg/old.cfg") != "<absent>" || read(t, mount.Path, "cfg/new.cfg") != "new" {
		t.Error("a deleted file came back, or the new one is missing")
	}
}

// A game that exchanges a directory for a link all the time never gets a file written outside.
func TestWriteFilesAgainstARacingGame(t *testing.T) {
	w := newWorld(t)
	outside := t.TempDir()
	if err := os.Chmod(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	mount := must2(w.Mount(t.Context(), "alpha", w.layers(1)))(t)
	asUser(t, gameID, func() {
		if err := errors.Join(os.Mkdir(mount.Path+"/cfg", 0o755), os.Symlink(outside, mount.Path+"/link")); err != nil {
			t.Error(err)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	var racing sync.WaitGroup
	racing.Go(func() {
		for ctx.Err() == nil {
			_ = unix.Renameat2(unix.AT_FDCWD, mount.Path+"/cfg", unix.AT_FDCWD, mount.Path+"/link", unix.RENAME_EXCHANGE)
		}
	})
	written := 0
	for range 300 {
		err := w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "cfg/f", Data: []byte("x")}})
		if err == nil {
			written++
		} else if code := sdk.CodeOf(err); code != sdk.CodeConflict {
			t.Errorf("error %v", err)
		}
	}
	stop()
	racing.Wait()
	left, err := os.ReadDir(outside)
	if err != nil || len(left) > 0 {
		t.Fatal("written outside:", left, err)
	}
	if written == 0 {
		t.Error("no write succeeded, so the race was not run")
	}
}
