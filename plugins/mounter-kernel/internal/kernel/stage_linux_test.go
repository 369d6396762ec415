package kernel_test

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func TestStageResumesAndRefusesAnotherBase(t *testing.T) {
	w := newWorld(t)
	r1 := revision("o", "r1")
	w.build("b0", mounter.Layer{}, r1, func(dir string) { write(t, dir, "f", "1") })
	s := must(w.Stage(t.Context(), "b1", r1))(t)
	if s.Resumed || s.Path != w.path("builds/b1/tree") {
		t.Errorf("first stage: %+v", s)
	}
	asUser(t, stagingID, func() { write(t, s.Path, "g", "2") })
	w.restart()
	s = must(w.Stage(t.Context(), "b1", r1))(t)
	if !s.Resumed || read(t, s.Path, "f")+read(t, s.Path, "g") != "12" {
		t.Errorf("resumed: %+v", s)
	}
	_, err := w.Stage(t.Context(), "b1", mounter.Layer{})
	wantCode(t, err, sdk.CodeConflict, `"b1"`, "o/r1")
	_, err = w.Stage(t.Context(), "b2", revision("o", "none"))
	wantCode(t, err, sdk.CodeNotFound, `"none"`)
	if _, err := os.Stat(w.path("builds/b2")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused stage left something:", err)
	}
	for _, id := range []string{"", "../x", "A", "-a", "x/y", "\x00", string(make([]byte, 5000))} {
		_, err = w.Stage(t.Context(), id, mounter.Layer{})
		wantCode(t, err, sdk.CodeInvalid)
		_, err = w.Stage(t.Context(), "b3", revision(id, "r1"))
		if id != "" {
			wantCode(t, err, sdk.CodeInvalid)
		}
	}
}

// A builder that is not the game's user does with the base's files what it likes.
func TestBuilderOwnsTheBase(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	if p := must(w.Probe(t.Context()))(t); p.Features["staging_owner"] != "idmap" {
		t.Fatal("base is not shown as the builder's:", p.Features)
	}
	r1 := revision("o", "r1")
	w.build("b1", mounter.Layer{}, r1, func(dir string) {
		write(t, dir, "d/append", "a")
		write(t, dir, "d/mode", "m")
		write(t, dir, "d/gone", "g")
		write(t, dir, "move", "v")
	})
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	w.build("b2", r1, revision("o", "r2"), func(dir string) {
		f, err := os.OpenFile(dir+"/d/append", os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		_, err = f.WriteString("b")
		err = errors.Join(err, f.Close(), os.Chmod(dir+"/d/mode", 0o755), os.Remove(dir+"/d/gone"),
			os.Chtimes(dir+"/d", when, when), os.Rename(dir+"/move", dir+"/d/moved"))
		if err != nil {
			t.Error(err)
		}
	})
	if got := read(t, w.path("overlays/o/r2/d/append")); got != "ab" {
		t.Errorf("appended: %q", got)
	}
	info, err := os.Stat(w.path("overlays/o/r2/d/mode"))
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o775 || st.Uid != gameID || st.Gid != stagingID {
		t.Errorf("mode %v, owner %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	if read(t, w.path("overlays/o/r2/d/gone")) != "<absent>" || read(t, w.path("overlays/o/r2/d/moved")) != "v" {
		t.Error("deletion or rename was lost")
	}
}

// What did not change is one file on the disk, however many revisions have it.
func TestUnchangedFilesAreShared(t *testing.T) {
	w := newWorld(t)
	old := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	fill := func(dir string) {
		write(t, dir, "same", "same")
		if err := os.Chtimes(dir+"/same", old, old); err != nil {
			t.Error(err)
		}
	}
	r1, r2 := revision("o", "r1"), revision("o", "r2")
	w.build("b1", mounter.Layer{}, r1, func(dir string) { fill(dir); write(t, dir, "untouched", "u") })
	got := w.build("b2", r1, r2, func(dir string) {
		if err := os.Remove(dir + "/same"); err != nil {
			t.Error(err)
		}
		fill(dir) // as an archive that is unpacked again does
	})
	if got.Added+got.Changed+got.Removed != 0 || got.Usage.SharedBytes != got.Usage.Bytes {
		t.Errorf("nothing changed, but: %+v", got)
	}
	for _, name := range []string{"same", "untouched"} {
		a, errA := os.Stat(w.path("overlays/o/r1", name))
		b, errB := os.Stat(w.path("overlays/o/r2", name))
		if err := errors.Join(errA, errB); err != nil || !os.SameFile(a, b) {
			t.Error(name, "is not shared:", err)
		}
	}
	if u := must(w.Usage(t.Context(), mounter.Ref{Layer: r1}))(t); u != (mounter.Usage{Files: 2, Bytes: 5, SharedBytes: 5}) {
		t.Errorf("usage: %+v", u)
	}
}

func TestCommitIsIdempotent(t *testing.T) {
	w := newWorld(t)
	request := mounter.CommitRequest{Build: "b1", Target: revision("o", "r1")}
	first := w.build("b1", mounter.Layer{}, request.Target, func(dir string) { write(t, dir, "f", "1") })
	again := must(w.Commit(t.Context(), request))(t)
	if !again.Existed || again.Usage != first.Usage || again.Added != 1 {
		t.Errorf("second answer %+v, first %+v", again, first)
	}
	must(w.Stage(t.Context(), "b2", mounter.Layer{}))(t)
	_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b2", Target: request.Target})
	wantCode(t, err, sdk.CodeConflict, "o/r1", `"b2"`)
	_, err = w.Commit(t.Context(), mounter.CommitRequest{Build: "b3", Target: revision("o", "r3")})
	wantCode(t, err, sdk.CodeNotFound, `"b3"`)
	existed, err := w.Discard(t.Context(), "b2")
	if !existed || err != nil {
		t.Error(existed, err)
	}
	existed, err = w.Discard(t.Context(), "b2")
	if existed || err != nil {
		t.Error(existed, err)
	}
}

// A process of the builder that is still there could change what was admitted, so it is named.
func TestCommitRefusesWhileSomebodyWrites(t *testing.T) {
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b1", mounter.Layer{}))(t)
	write(t, s.Path, "f", "1")
	f, err := os.OpenFile(s.Path+"/f", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	request := mounter.CommitRequest{Build: "b1", Target: revision("o", "r1")}
	_, err = w.Commit(t.Context(), request)
	wantCode(t, err, sdk.CodePrecondition, strconv.Itoa(os.Getpid()), "open file")
	if read(t, s.Path, "f") != "1" {
		t.Error("a refused tree must stay")
	}
	// Out of sight is not out of the world.
	if err := unix.Unmount(s.Path, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit(t.Context(), request)
	wantCode(t, err, sdk.CodePrecondition)
	_, err = w.Stage(t.Context(), "b1", mounter.Layer{})
	wantCode(t, err, sdk.CodePrecondition)
	f.Close()
	must(w.Commit(t.Context(), request))(t)
}

func TestDiscardOfABusyTree(t *testing.T) {
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b1", mounter.Layer{}))(t)
	write(t, s.Path, "f", "1")
	f, err := os.Open(s.Path + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if existed, err := w.Discard(t.Context(), "b1"); err != nil || !existed {
		t.Fatal(existed, err)
	}
	if _, err := os.Stat(w.path("builds/b1")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the build is still there:", err)
	}
}

// Nothing below builds but the mounted tree can be reached by the builder.
func TestUpperIsOutOfReach(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	must(w.Stage(t.Context(), "b1", mounter.Layer{}))(t)
	for _, id := range []int{stagingID, gameID} {
		asUser(t, id, func() {
			for _, dir := range []string{"builds/b1/private/upper", "builds/b1/work", "overlays", "installations"} {
				if _, err := os.ReadDir(w.path(dir)); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("user %d opens %s: %v", id, dir, err)
				}
			}
		})
	}
}
