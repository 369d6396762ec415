package kernel_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func (w *world) usage(ref mounter.Ref) mounter.Usage {
	w.t.Helper()
	return must(w.Usage(w.t.Context(), ref))(w.t)
}

// What revisions share counts once for the overlay, and as shared for each of them.
func TestUsageOfAnOverlay(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	r1, r2 := revision("maps", "r1"), revision("maps", "r2")
	w.build("b1", mounter.Layer{}, r1, func(dir string) {
		write(t, dir, "same", strings.Repeat("s", 1000))
		write(t, dir, "old", strings.Repeat("o", 100))
	})
	w.build("b2", r1, r2, func(dir string) {
		write(t, dir, "old", strings.Repeat("n", 10))
	})
	whole := mounter.Ref{Layer: mounter.Layer{Overlay: "maps"}}
	if u := w.usage(whole); u.Bytes != 1110 {
		t.Errorf("the overlay takes %d bytes, want 1110", u.Bytes)
	}
	if u := w.usage(mounter.Ref{Layer: r2}); u.Bytes != 1010 || u.SharedBytes != 1000 {
		t.Errorf("r2 = %+v, want 1010 bytes, 1000 of them shared", u)
	}
	if _, err := w.Remove(t.Context(), mounter.Ref{Layer: r1}, false); err != nil {
		t.Fatal(err)
	}
	if u := w.usage(mounter.Ref{Layer: r2}); u.SharedBytes != 0 {
		t.Errorf("r2 shares %d bytes with nobody", u.SharedBytes)
	}
	_, err := w.Usage(t.Context(), mounter.Ref{Layer: mounter.Layer{Overlay: "absent"}})
	wantCode(t, err, sdk.CodeNotFound)
	_, err = w.Usage(t.Context(), mounter.Ref{Layer: mounter.Layer{Overlay: "../servers"}})
	wantCode(t, err, sdk.CodeInvalid)
}

// A build is measured while it is written to, by whoever watches its quota.
func TestUsageOfABuildUnderWay(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b1", mounter.Layer{}))(t)
	var writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			dir := fmt.Sprintf("%s/d%d", s.Path, i%7)
			write(t, dir, "x/y", "12345")
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		if _, err := w.Usage(t.Context(), mounter.Ref{Build: "b1"}); err != nil {
			t.Error("measure a tree that changes:", err)
			break
		}
	}
	close(stop)
	writing.Wait()
	write(t, s.Path, "big", strings.Repeat("b", 5000))
	if u := w.usage(mounter.Ref{Build: "b1"}); u.Bytes < 5000 {
		t.Errorf("build = %+v", u)
	}
}

// Names that differ in case only are kept and said, once, by the build that brings the pair about.
func TestNamesThatDifferInCase(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	r1, r2, r3, r4 := revision("maps", "r1"), revision("maps", "r2"), revision("maps", "r3"), revision("maps", "r4")
	notes := func(c mounter.Commit) []string {
		return slices.DeleteFunc(c.Notes, func(n string) bool { return !contains(n, "differ in case") })
	}
	first := w.build("b1", mounter.Layer{}, r1, func(dir string) {
		write(t, dir, "addons/Map.vpk", "1")
		write(t, dir, "cfg/A.cfg", "1")
		write(t, dir, "cfg/a.cfg", "2")
	})
	if got := notes(first); len(got) != 1 || !contains(got[0], `"cfg/A.cfg" and "cfg/a.cfg"`) {
		t.Errorf("first build: %q", got)
	}
	second := w.build("b2", r1, r2, func(dir string) {
		write(t, dir, "addons/map.vpk", "2")
		write(t, dir, "cfg/A.cfg", "changed")
	})
	if got := notes(second); len(got) != 1 || !contains(got[0], `"addons/Map.vpk" and "addons/map.vpk"`) {
		t.Errorf("second build: %q", got)
	}
	if read(t, w.path("overlays/maps/r2/addons/Map.vpk")) != "1" || read(t, w.path("overlays/maps/r2/addons/map.vpk")) != "2" {
		t.Error("one of the two is gone")
	}
	renamed := w.build("b3", r1, r3, func(dir string) {
		if err := os.Rename(dir+"/addons/Map.vpk", dir+"/addons/map.vpk"); err != nil {
			t.Error(err)
		}
	})
	if got := notes(renamed); len(got) != 0 {
		t.Errorf("a mended name: %q", got)
	}
	untouched := w.build("b4", r2, r4, func(dir string) { write(t, dir, "addons/other.vpk", "3") })
	if got := notes(untouched); len(got) != 0 {
		t.Errorf("a pair of the base: %q", got)
	}
}

// Many layers are said to who asked for them.
func TestNotesOfAMount(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	w.json["limits"] = map[string]int{"warn_layers": 2}
	w.restart()
	var layers []mounter.Layer
	for i := range 3 {
		l := revision(fmt.Sprint("o", i), "r1")
		w.build(fmt.Sprint("b", i), mounter.Layer{}, l, func(dir string) { write(t, dir, "f", "1") })
		layers = append(layers, l)
	}
	few, _, err := w.Mount(t.Context(), "few", layers[:2])
	if err != nil || len(few.Notes) != 0 {
		t.Errorf("two layers: %q %v", few.Notes, err)
	}
	many, _, err := w.Mount(t.Context(), "many", layers)
	if err != nil || len(many.Notes) != 1 || !contains(many.Notes[0], "3 layers are many") {
		t.Errorf("three layers: %q %v", many.Notes, err)
	}
}

// A process that died between the last revision of an overlay and the overlay's own directory.
func TestEmptyOverlayIsTakenAway(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	if err := os.Mkdir(w.path("overlays", "gone"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.build("b1", mounter.Layer{}, revision("maps", "r1"), func(dir string) { write(t, dir, "f", "1") })
	w.restart()
	if _, err := os.Stat(w.path("overlays", "gone")); !os.IsNotExist(err) {
		t.Error("the empty directory is still there:", err)
	}
	if read(t, w.path("overlays/maps/r1/f")) != "1" {
		t.Error("content is gone")
	}
}
