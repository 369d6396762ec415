package admit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/admit"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
	"github.com/left4me/left4me/sdk"
)

// files is a tree as a map: content by path, "/" for a directory.
type files map[string]string

// trial is a base and an upper over it, with what a mount of both would show.
type trial struct {
	t           *testing.T
	base, upper string
	seen        files
	was         files
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the marks of overlayfs need root")
	}
	dir := t.TempDir()
	x := &trial{t: t, base: filepath.Join(dir, "base"), upper: filepath.Join(dir, "upper"), seen: files{}, was: files{}}
	x.must(errors.Join(os.Mkdir(x.base, 0o755), os.Mkdir(x.upper, 0o755)))
	return x
}

func (x *trial) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *trial) open(path string) *beneath.Dir {
	x.t.Helper()
	d, err := beneath.OpenRoot(path)
	x.must(err)
	x.t.Cleanup(func() { d.Close() })
	return d
}

// plant makes a file of the base.
func (x *trial) plant(name, text string) {
	x.must(os.MkdirAll(filepath.Join(x.base, filepath.Dir(name)), 0o755))
	x.must(os.WriteFile(filepath.Join(x.base, name), []byte(text), 0o644))
	x.note(name, text)
}

func (x *trial) note(name, text string) {
	x.seen[name] = text
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		x.seen[dir] = "/"
	}
}

// over makes the directory of the upper that holds name, as overlayfs does when something below it changes.
func (x *trial) over(name string) string {
	at := x.upper
	for element := range strings.SplitSeq(filepath.Dir(name), "/") {
		if element == "." {
			break
		}
		at = filepath.Join(at, element)
		if info, err := os.Lstat(at); err == nil && !info.IsDir() {
			x.must(os.Remove(at)) // the mark of a deletion; the new directory hides what was there
			x.must(os.Mkdir(at, 0o755))
			x.hide(at)
		}
		x.must(os.MkdirAll(at, 0o755))
	}
	return filepath.Join(x.upper, name)
}

func (x *trial) hide(dir string) {
	x.must(unix.Setxattr(dir, "trusted.overlay.opaque", []byte("y"), 0))
}

func (x *trial) write(name, text string) {
	path := x.over(name)
	x.must(os.RemoveAll(path))
	x.must(os.WriteFile(path, []byte(text), 0o644))
	x.forget(name)
	x.note(name, text)
}

func (x *trial) remove(name string) {
	path := x.over(name)
	x.must(os.RemoveAll(path))
	if _, err := os.Lstat(filepath.Join(x.base, name)); err == nil && !x.hidden(name) {
		x.must(unix.Mknod(path, unix.S_IFCHR, 0))
	}
	x.forget(name)
	if dir := filepath.Dir(name); dir != "." {
		x.seen[dir] = "/"
	}
}

// hidden reports whether nothing of the base shows through where name is.
func (x *trial) hidden(name string) bool {
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		mark := make([]byte, 1)
		if _, err := unix.Getxattr(filepath.Join(x.upper, dir), "trusted.overlay.opaque", mark); err == nil {
			return true
		}
		if info, err := os.Lstat(filepath.Join(x.base, dir)); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// replace empties a directory as rm -r and mkdir do.
func (x *trial) replace(name string) {
	path := x.over(name)
	x.must(os.RemoveAll(path))
	x.must(os.Mkdir(path, 0o755))
	x.hide(path)
	x.forget(name)
	x.note(name+"/.", "")
	delete(x.seen, name+"/.")
}

func (x *trial) forget(name string) {
	maps.DeleteFunc(x.seen, func(other, _ string) bool { return other == name || strings.HasPrefix(other, name+"/") })
}

func (x *trial) input() admit.Input {
	x.t.Helper()
	base := x.open(x.base)
	totals, err := tree.Measure(x.t.Context(), base)
	x.must(err)
	return admit.Input{Base: base, BaseTotals: totals, Upper: x.open(x.upper)}
}

func unlimited() admit.Limits {
	return admit.Limits{Bytes: 1 << 40, Weight: 1 << 40, Entries: 1 << 20, Depth: 64, Path: 4096}
}

// read lists what is in a directory.
func (x *trial) read(dir string) files {
	x.t.Helper()
	out := files{}
	x.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		switch {
		case err != nil || name == "":
			return err
		case d.IsDir():
			out[name] = "/"
			return nil
		}
		text, err := os.ReadFile(path)
		out[name] = string(text)
		return err
	}))
	return out
}

// check compares a plan and the tree made by it with what a mount would show.
func (x *trial) check(seed uint64) {
	x.t.Helper()
	plan, err := admit.Inspect(x.t.Context(), x.input(), unlimited())
	x.must(err)
	to := filepath.Join(x.t.TempDir(), "to")
	x.must(os.Mkdir(to, 0o700))
	if _, err := plan.Compose(x.t.Context(), x.open(to), admit.Owner{}); err != nil {
		x.t.Fatalf("seed %d: %v", seed, err)
	}
	if diff := cmp.Diff(x.seen, x.read(to)); diff != "" {
		x.t.Errorf("seed %d: the new tree differs (-want +got): %s", seed, diff)
	}
	var want tree.Totals
	var added, removed, changed uint64
	for name, text := range x.seen {
		old, there := x.was[name]
		switch {
		case text == "/":
			want.Dirs++
			continue
		case !there || old == "/":
			added++
		case old != text:
			changed++
		}
		want.Files++
		want.Bytes += uint64(len(text))
	}
	for name, text := range x.was {
		if now, there := x.seen[name]; text != "/" && (!there || now == "/") {
			removed++
		}
	}
	got := []uint64{plan.Totals.Files, plan.Totals.Dirs, plan.Totals.Bytes, plan.Added, plan.Removed, plan.Changed}
	if diff := cmp.Diff([]uint64{want.Files, want.Dirs, want.Bytes, added, removed, changed}, got); diff != "" {
		x.t.Errorf("seed %d: files, dirs, bytes, added, removed, changed (-want +got): %s", seed, diff)
	}
}

// A hundred random histories: the figures and the tree are what a map of names says, which knows nothing of marks.
func TestPlanIsWhatAMountShows(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		x := newTrial(t)
		name := func() string {
			parts := make([]string, 1+r.IntN(3))
			for i := range parts {
				parts[i] = string(rune('a' + r.IntN(3)))
			}
			return strings.Join(parts, "/")
		}
		// A name that is below a file cannot be made, so those are left out, as a shell would.
		possible := func(n string) bool {
			for dir := filepath.Dir(n); dir != "."; dir = filepath.Dir(dir) {
				if text, there := x.seen[dir]; there && text != "/" {
					return false
				}
			}
			return true
		}
		for range r.IntN(12) {
			if n := name(); possible(n) && x.seen[n] != "/" {
				x.plant(n, fmt.Sprint("base ", r.IntN(3)))
			}
		}
		x.was = maps.Clone(x.seen)
		for range r.IntN(15) {
			n := name()
			_, there := x.seen[n]
			switch at := r.IntN(3); {
			case !possible(n):
			case at == 0:
				x.write(n, fmt.Sprint("base ", r.IntN(4)))
			case at == 1 && there:
				x.remove(n)
			case at == 2 && x.seen[n] == "/":
				x.replace(n)
			}
		}
		x.check(seed)
	}
}

// A script that removes a directory and unpacks it again gets the same files back. What did not change is shared.
func TestADirectoryMadeAgainIsShared(t *testing.T) {
	x := newTrial(t)
	x.plant("d/e/same", "as it was")
	x.plant("d/other", "before")
	x.plant("d/gone", "away")
	x.replace("d")
	x.write("d/e/same", "as it was")
	x.write("d/other", "after!")
	before, err := os.Stat(filepath.Join(x.base, "d/e/same"))
	x.must(err)
	x.must(os.Chtimes(filepath.Join(x.upper, "d/e/same"), before.ModTime(), before.ModTime()))
	plan, err := admit.Inspect(t.Context(), x.input(), unlimited())
	x.must(err)
	to := filepath.Join(t.TempDir(), "to")
	x.must(os.Mkdir(to, 0o700))
	shared, err := plan.Compose(t.Context(), x.open(to), admit.Owner{})
	x.must(err)
	after, err := os.Stat(filepath.Join(to, "d/e/same"))
	x.must(err)
	if diff := cmp.Diff(x.seen, x.read(to)); diff != "" || plan.Removed != 1 || plan.Changed != 1 || plan.Added != 0 {
		t.Errorf("added %d, removed %d, changed %d; (-want +got): %s", plan.Added, plan.Removed, plan.Changed, diff)
	}
	if !os.SameFile(before, after) || shared != uint64(before.Size()) {
		t.Errorf("shared %d bytes of %d", shared, before.Size())
	}
}

// Every limit holds for the whole result, at its exact value.
func TestLimits(t *testing.T) {
	x := newTrial(t)
	x.plant("a/b/c", strings.Repeat("x", 6000))
	x.write("a/b/d", strings.Repeat("y", 6000))
	input := x.input()
	fits := unlimited()
	plan, err := admit.Inspect(t.Context(), input, fits)
	x.must(err)
	fits.Bytes, fits.Weight, fits.Entries, fits.Depth, fits.Path = plan.Totals.Bytes, plan.Totals.Weight, plan.Totals.Entries(), 3, len("a/b/d")
	if _, err := admit.Inspect(t.Context(), input, fits); err != nil {
		t.Fatal("what just fits is refused:", err)
	}
	for name, change := range map[string]func(*admit.Limits){
		"larger": func(l *admit.Limits) { l.Bytes-- }, "heavier": func(l *admit.Limits) { l.Weight-- },
		"more": func(l *admit.Limits) { l.Entries-- }, "deeper": func(l *admit.Limits) { l.Depth-- }, "longer": func(l *admit.Limits) { l.Path-- },
	} {
		limits := fits
		change(&limits)
		if _, err := admit.Inspect(t.Context(), input, limits); sdk.CodeOf(err) != sdk.CodeInvalid {
			t.Errorf("%s than allowed: %v", name, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := admit.Inspect(gone, input, fits); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled inspection: %v", err)
	}
}

// What another way of mounting leaves behind is refused, because the tree is not what it seems.
func TestForeignMarks(t *testing.T) {
	x := newTrial(t)
	x.plant("d/f", "1")
	x.must(os.Mkdir(filepath.Join(x.upper, "d"), 0o755))
	x.must(unix.Setxattr(filepath.Join(x.upper, "d"), "trusted.overlay.redirect", []byte("/etc"), 0))
	if _, err := admit.Inspect(t.Context(), x.input(), unlimited()); err == nil {
		t.Error("a redirected directory was taken")
	}
	for name, device := range map[string]int{"disk": int(unix.Mkdev(8, 0)), "null": int(unix.Mkdev(1, 3))} {
		y := newTrial(t)
		y.plant(name, "1")
		y.must(unix.Mknod(filepath.Join(y.upper, name), unix.S_IFCHR|0o666, device))
		if _, err := admit.Inspect(t.Context(), y.input(), unlimited()); sdk.CodeOf(err) != sdk.CodeInvalid || !strings.Contains(fmt.Sprint(err), "device") {
			t.Errorf("device %s: %v", name, err)
		}
	}
}

// What is mended is said, and the saying is bounded.
func TestNotes(t *testing.T) {
	x := newTrial(t)
	for i := range 150 {
		path := x.over(fmt.Sprintf("f%03d", i))
		x.must(os.WriteFile(path, nil, 0o644))
		x.must(os.Chmod(path, os.ModeSetuid|0o755))
	}
	plan, err := admit.Inspect(t.Context(), x.input(), unlimited())
	x.must(err)
	notes := plan.Notes()
	took := func(note string) bool {
		return strings.HasPrefix(note, `Took the set-user-id, set-group-id or sticky bit from "f`)
	}
	if len(notes) != 100 || notes[99] != "And 51 more." || slices.IndexFunc(notes[:99], func(n string) bool { return !took(n) }) >= 0 {
		t.Errorf("%d notes, the last: %s", len(notes), notes[len(notes)-1])
	}
	to := filepath.Join(t.TempDir(), "to")
	x.must(os.Mkdir(to, 0o700))
	if _, err := plan.Compose(t.Context(), x.open(to), admit.Owner{UID: 64002, GID: 64001}); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	x.must(unix.Stat(filepath.Join(to, "f000"), &st))
	if st.Mode&0o7777 != 0o775 || st.Uid != 64002 || st.Gid != 64001 {
		t.Errorf("mode %o of %d:%d", st.Mode, st.Uid, st.Gid)
	}
}
