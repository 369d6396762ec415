package kernel_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func TestLimitsOfTheRequest(t *testing.T) {
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	write(t, s.Path, "f", strings.Repeat("x", 9000))
	target := revision("o", "r1")
	_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: target, MaxBytes: 8192})
	wantCode(t, err, sdk.CodeInvalid, "8 KiB")
	must(w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: target, MaxBytes: 1 << 60, MaxFiles: 1}))(t)
	r2 := must(w.Stage(t.Context(), "c", target))(t)
	write(t, r2.Path, "g", "g")
	_, err = w.Commit(t.Context(), mounter.CommitRequest{Build: "c", Target: revision("o", "r2"), MaxFiles: 1})
	wantCode(t, err, sdk.CodeInvalid, "more than 1 files")
}

// Deleting and making anew, directory and file in each other's place: the revision is what the builder
// saw.
func TestDeletionsAndExchanges(t *testing.T) {
	w := newWorld(t)
	r1, r2 := revision("o", "r1"), revision("o", "r2")
	w.build("b1", mounter.Layer{}, r1, func(dir string) {
		for _, name := range []string{"kept/a", "opaque/old", "dir-to-file/x", "file-to-dir", "deep/er/gone", "deep/er/kept"} {
			write(t, dir, name, name)
		}
	})
	commit := w.build("b2", r1, r2, func(dir string) {
		for _, name := range []string{"opaque", "dir-to-file", "file-to-dir", "deep/er/gone"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		write(t, dir, "opaque/new", "n")
		write(t, dir, "dir-to-file", "n")
		write(t, dir, "file-to-dir/n", "n")
	})
	var got []string
	root := w.path("overlays/o/r2")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	want := []string{"deep/er/kept", "dir-to-file", "file-to-dir/n", "kept/a", "opaque/new"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("revision has %q, want %q (%v)", got, want, err)
	}
	if commit.Added != 3 || commit.Removed != 4 || commit.Changed != 0 || commit.Usage.Files != 5 {
		t.Errorf("counts: %+v", commit)
	}
	var changes []mounter.Change
	err = w.Diff(t.Context(), "o", "r1", "r2", func(c mounter.Change) error { changes = append(changes, c); return nil })
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprint(c.Kind, " ", c.Path, " ", c.Size))
	}
	wantLines := []string{
		"removed deep/er/gone 12", "added dir-to-file 1", "removed dir-to-file/x 13", "removed file-to-dir 11",
		"added file-to-dir/n 1", "added opaque/new 1", "removed opaque/old 10",
	}
	if err != nil || !slices.Equal(lines, wantLines) {
		t.Errorf("diff:\n%s\nwant:\n%s\n%v", strings.Join(lines, "\n"), strings.Join(wantLines, "\n"), err)
	}
}

// Builds and content on different disks: what cannot be linked is copied, and all the rest holds (S8).
func TestContentOnAnotherDisk(t *testing.T) {
	w := newWorld(t)
	if err := unix.Mount("disk", w.path("overlays"), "tmpfs", 0, "size=16m,mode=0700"); err != nil {
		t.Fatal(err)
	}
	w.restart()
	when := time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	r1, r2 := revision("o", "r1"), revision("o", "r2")
	w.build("b1", mounter.Layer{}, r1, func(dir string) {
		write(t, dir, "d/f", "one")
		if err := errors.Join(os.Chtimes(dir+"/d/f", when, when), os.Chmod(dir+"/d/f", 0o755), os.Symlink("f", dir+"/d/l")); err != nil {
			t.Error(err)
		}
	})
	w.build("b2", r1, r2, func(dir string) { write(t, dir, "g", "two") })
	root := w.path("overlays/o/r2")
	if read(t, root, "d/l") != "one" || read(t, root, "g") != "two" {
		t.Error("content was lost")
	}
	wantOwner(t, root+"/d/f", gameID, stagingID, 0o775)
	info, err := os.Stat(root + "/d/f")
	if err != nil || !info.ModTime().Equal(when) {
		t.Error("the time was lost:", info.ModTime(), err)
	}
	mount := must2(w.Mount(t.Context(), "alpha", []mounter.Layer{r2}))(t)
	if read(t, mount.Path, "d/f") != "one" {
		t.Error("not mounted")
	}
	must(w.Unmount(t.Context(), "alpha", false))(t)
	for _, l := range []mounter.Layer{r1, r2} {
		must(w.Remove(t.Context(), mounter.Ref{Layer: l}, false))(t)
	}
}

// A full disk is said, costs nothing that was there, and the build can be committed once there is room.
func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	disk := w.path("overlays")
	if err := unix.Mount("disk", disk, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Fatal(err)
	}
	w.restart()
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	write(t, s.Path, "f", strings.Repeat("x", 1<<20))
	request := mounter.CommitRequest{Build: "b", Target: revision("o", "r1")}
	_, err := w.Commit(t.Context(), request)
	wantCode(t, err, sdk.CodeUnavailable, "full")
	if left, _ := filepath.Glob(w.path("overlays/o/.*")); len(left) > 0 || len(read(t, s.Path, "f")) != 1<<20 {
		t.Error("left:", left)
	}
	if err := unix.Mount("disk", disk, "tmpfs", unix.MS_REMOUNT, "size=16m,mode=0700"); err != nil {
		t.Fatal(err)
	}
	must(w.Commit(t.Context(), request))(t)
}
