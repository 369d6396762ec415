package overlay_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
	"github.com/left4me/left4me/sdk/sdktest"
)

// mounted mounts a file system for a test.
func mounted(t *testing.T, source, kind string, flags uintptr, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount(source, dir, kind, flags, options); err != nil {
		t.Skipf("cannot mount %s: %v", kind, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// cloning is a file system whose files can share blocks.
func cloning(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 400<<20); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("mkfs.xfs", "-q", "-m", "reflink=1", image).CombinedOutput(); err != nil {
		t.Skipf("no mkfs.xfs to make a file system that clones: %v %s", err, output)
	}
	dir := t.TempDir()
	if output, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a loop device: %v %s", err, output)
	}
	t.Cleanup(func() {
		if output, err := exec.Command("umount", "--lazy", dir).CombinedOutput(); err != nil { // the plugin has its cache open
			t.Errorf("%v %s", err, output)
		}
	})
	return dir
}

// station is where cache and revisions are.
type station struct {
	how   string // what the build's log says about placing
	alone bool   // nothing else writes to the cache's file system
	place func(t *testing.T) (cache, trees string)
}

func stations() map[string]station {
	const cloned, copied = "2 cloned, 0 copied", "0 cloned, 2 copied"
	tmp := func(t *testing.T) string { return tmpfs(t, "64m") }
	within := func(dir string) (string, string) { return filepath.Join(dir, "cache"), filepath.Join(dir, "trees") }
	return map[string]station{
		"one file system":          {"", false, func(t *testing.T) (string, string) { return within(t.TempDir()) }},
		"one that clones":          {cloned, true, func(t *testing.T) (string, string) { return within(cloning(t)) }},
		"one tmpfs":                {copied, true, func(t *testing.T) (string, string) { return within(tmp(t)) }},
		"cache on tmpfs":           {copied, true, func(t *testing.T) (string, string) { return tmp(t), t.TempDir() }},
		"revisions on tmpfs":       {copied, false, func(t *testing.T) (string, string) { return t.TempDir(), tmp(t) }},
		"cache on one that clones": {copied, true, func(t *testing.T) (string, string) { return cloning(t), t.TempDir() }},
		"two of the same kind":     {copied, true, func(t *testing.T) (string, string) { return tmp(t), tmp(t) }},
	}
}

// Whatever empties the cache: revisions keep every byte, also earlier ones that somebody pinned, rolled back to or has
// mounted, files that are open or mapped, and links that something else made to a cached file.
func TestEvictionNeverTouchesWhatARevisionHolds(t *testing.T) {
	for name, station := range stations() {
		for _, pressure := range []string{"age", "size", "disk"} {
			t.Run(name+" by "+pressure, func(t *testing.T) {
				if pressure == "disk" && !station.alone {
					t.Skip("how much is free there changes while the test runs")
				}
				cacheDir, trees := station.place(t)
				e := newEvicted(t, cacheDir, trees, station.how)
				e.hold()
				e.press(pressure)
				e.check()
				e.goOn()
			})
		}
	}
}

// evicted is an overlay with three revisions and everything that can hold on to their content.
type evicted struct {
	*rig
	revisions []string // oldest first
	versions  []string // of item 1 in each
	before    []sdktest.Tree
	lower     string // the oldest, seen through an overlayfs mount; "" where that cannot be
	open      *os.File
	mapped    []byte
	links     map[string]string // content by path
}

// bulky returns a pack of some blocks, so that what file systems keep beside the content does not count.
func bulky(title string) []byte {
	return standin.Pack(append(standin.Filler(256<<10), vpktest.File{Name: "scripts/" + title + ".txt", Data: []byte(title)}))
}

func newEvicted(t *testing.T, cacheDir, trees, how string) *evicted {
	t.Helper()
	r := newRig(t, standin.World{Items: []standin.Item{{ID: "1", Data: bulky("a")}, {ID: "2", Data: bulky("b")}, {ID: "3", Data: bulky("z")}}})
	e := &evicted{rig: r, links: map[string]string{}}
	r.cache, r.trees, r.tree = cacheDir, trees, filepath.Join(trees, "empty")
	for _, dir := range []string{cacheDir, r.tree} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.configure(nil)
	for i := range 3 {
		if i > 0 {
			r.steam.PutItem(standin.Item{ID: "1", Data: bulky(fmt.Sprint("a", i)), Updated: 1_760_000_000 + int64(i)})
			r.steam.PutItem(standin.Item{ID: "2", Data: bulky(fmt.Sprint("b", i)), Updated: 1_760_000_000 + int64(i)})
		}
		events := r.must(list("1", "2"))
		if log := strings.Join(events.Lines(), "\n"); !strings.Contains(log, "Placed 2 files: "+how) {
			t.Fatalf("not placed as %q:\n%s", how, log)
		}
		tree, err := sdktest.ReadTree(r.tree)
		if err != nil {
			t.Fatal(err)
		}
		e.revisions, e.before = append(e.revisions, r.tree), append(e.before, tree)
		for _, record := range r.manifest().Items {
			if record.ID == "1" {
				e.versions = append(e.versions, record.Content)
			}
		}
	}
	return e
}

func addon(tree, id string) string { return filepath.Join(tree, "left4dead2", "addons", id+".vpk") }

// hold mounts the oldest revision, opens and maps a file of it, and links what is in the cache.
func (e *evicted) hold() {
	e.t.Helper()
	var err error
	if e.open, err = os.Open(addon(e.revisions[1], "2")); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = e.open.Close() })
	file, err := os.Open(addon(e.revisions[0], "1"))
	if err != nil {
		e.t.Fatal(err)
	}
	defer file.Close()
	if e.mapped, err = unix.Mmap(int(file.Fd()), 0, len(bulky("a")), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = unix.Munmap(e.mapped) })
	if os.Geteuid() == 0 {
		e.lower = mounted(e.t, "overlay", "overlay", 0, "lowerdir="+e.revisions[0]+":"+e.revisions[1])
	}
	contents, err := filepath.Glob(filepath.Join(e.cache, "content", "*.vpk"))
	if err != nil || len(contents) != 6 {
		e.t.Fatalf("the cache holds %v, %v", contents, err)
	}
	for i, name := range contents {
		data, err := os.ReadFile(name)
		link := filepath.Join(e.cache, fmt.Sprint("linked", i))
		if err == nil {
			err = os.Link(name, link)
		}
		if err != nil {
			e.t.Fatal(err)
		}
		e.links[link] = string(data)
	}
}

// press lets a build empty the cache. The links keep the blocks of everything, so a full disk gets no fuller and no
// emptier, and all goes.
func (e *evicted) press(pressure string) {
	e.t.Helper()
	switch pressure {
	case "age":
		e.configure(map[string]any{"cache_max_age": "1ns"})
		e.must(list("1", "2"))
	case "size":
		e.configure(map[string]any{"cache_max_bytes": 1})
		e.must(list("1", "2"))
	case "disk":
		free, err := cache.Free(e.cache)
		if err != nil {
			e.t.Fatal(err)
		}
		e.configure(map[string]any{"reserve_bytes": free + 512<<10})
		events, err := e.build(e.t.Context(), list("1", "2", "3"))
		if log := strings.Join(events.Lines(), "\n"); sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(log, "the cache dropped 6 files") {
			e.t.Fatalf("a build without room: %v\n%s", err, log)
		}
	}
	left, err := filepath.Glob(filepath.Join(e.cache, "content", "*"))
	if err != nil || len(left) > 0 {
		e.t.Fatalf("left in the cache: %v, %v", left, err)
	}
}

// check looks at everything that holds content.
func (e *evicted) check() {
	e.t.Helper()
	for i, revision := range e.revisions {
		after, err := sdktest.ReadTree(revision)
		if err != nil || fmt.Sprint(after) != fmt.Sprint(e.before[i]) {
			e.t.Errorf("revision %d changed: %v", i, err)
		}
	}
	if string(e.mapped) != string(bulky("a")) {
		e.t.Error("a mapped file changed")
	}
	opened := make([]byte, len(bulky("b1")))
	if _, err := e.open.ReadAt(opened, 0); err != nil || string(opened) != string(bulky("b1")) {
		e.t.Errorf("an open file changed: %v", err)
	}
	if e.lower != "" {
		for id, want := range map[string][]byte{"1": bulky("a"), "2": bulky("b")} {
			if got, err := os.ReadFile(addon(e.lower, id)); err != nil || string(got) != string(want) {
				e.t.Errorf("item %s of the mounted revision changed: %v", id, err)
			}
		}
	}
	for link, want := range e.links {
		if got, err := os.ReadFile(link); err != nil || string(got) != want {
			e.t.Errorf("a link to a cached file changed: %v", err)
		}
	}
}

// goOn goes back to the oldest revision, pins it, and builds: nothing is downloaded, for the tree has all. A version that
// only earlier revisions have is not lost in silence.
func (e *evicted) goOn() {
	e.t.Helper()
	e.configure(nil)
	e.steam.ResetStats()
	present := e.tree
	e.tree = e.revisions[0]
	e.must(overlay.Settings{Items: []string{"1"}, Pins: map[string]string{"1": e.versions[0]}})
	if e.content("1") != string(bulky("a")) || e.files() != "1" || e.steam.Stats().Downloads != 0 {
		e.t.Errorf("rolled back and pinned: files %q, %d downloads", e.files(), e.steam.Stats().Downloads)
	}
	e.tree = present
	if _, err := e.build(e.t.Context(), overlay.Settings{Items: []string{"1"}, Pins: map[string]string{"1": e.versions[0]}}); sdk.CodeOf(err) != sdk.CodeUnavailable {
		e.t.Errorf("a pinned version that neither the cache nor the Workshop has: %v", err)
	}
	e.check()
}
