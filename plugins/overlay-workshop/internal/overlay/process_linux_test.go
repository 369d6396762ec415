package overlay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// process is the plugin's binary with a stand-in.
type process struct {
	t      *testing.T
	binary string
	steam  *standin.Server
	url    string
	cache  string
}

func newProcess(t *testing.T, world standin.World) *process {
	t.Helper()
	steam := standin.New(world)
	server := httptest.NewServer(steam)
	t.Cleanup(server.Close)
	return &process{t: t, binary: buildPlugin(t), steam: steam, url: server.URL, cache: t.TempDir()}
}

// start starts and configures a plugin process.
func (p *process) start(extra map[string]any) (*sdktest.Process, builder.Builder) {
	p.t.Helper()
	running := sdktest.Start(p.t, sdktest.Command{Path: p.binary}, sdk.KindBuilder)
	sdktest.Configure(p.t, running.Conn, sdk.Settings{JSON: settings(p.url, extra), CacheDir: p.cache})
	return running, builder.NewClient(running.Conn)
}

func request(id, dir string, items ...string) builder.Request {
	raw, err := json.Marshal(list(items...))
	if err != nil {
		panic(err)
	}
	return builder.Request{BuildID: id, OverlayID: "o1", Settings: raw, OutputDir: dir}
}

func TestKilledInTheMiddleGoesOn(t *testing.T) {
	world := standin.World{}
	var ids []string
	var total int64
	for i := range 8 {
		data := standin.Pack(standin.Filler(int64(1<<20 + i)))
		id := fmt.Sprint(100 + i)
		world.Items = append(world.Items, standin.Item{ID: id, Title: "Part " + id, Data: data, Fault: standin.Fault{Rate: 512 << 10}})
		ids = append(ids, id)
		total += int64(len(data))
	}
	p := newProcess(t, world)
	staging := t.TempDir()
	for round := range 3 { // each process gets about an eighth further, then dies; events come four times a second
		running, b := p.start(nil)
		limit := p.steam.Stats().Bytes + total/8
		events := &sdktest.Recorder{OnEvent: func() {
			if p.steam.Stats().Bytes > limit {
				running.Kill()
			}
		}}
		if _, err := b.Build(t.Context(), request(fmt.Sprint("b", round), staging, ids...), events); err == nil {
			t.Fatalf("round %d: the build of a killed process succeeded", round)
		}
	}
	for _, id := range ids {
		p.steam.ChangeItem(id, func(item *standin.Item) { item.Fault = standin.Fault{} })
	}
	_, b := p.start(nil)
	result, err := b.Build(t.Context(), request("last", staging, ids...), &sdktest.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Files != 9 {
		t.Errorf("%d files", result.Files)
	}
	for i, id := range ids {
		data, err := os.ReadFile(filepath.Join(staging, "left4dead2", "addons", id+".vpk"))
		if err != nil || string(data) != string(world.Items[i].Data) {
			t.Errorf("item %s is damaged: %v", id, err)
		}
	}
	// What was in flight when a process died may have been sent and lost: socket buffers of four downloads, three times.
	if sent := p.steam.Stats().Bytes; sent > total+3*4*(1<<20) {
		t.Errorf("%d bytes were sent for %d", sent, total)
	}
	if left, err := os.ReadDir(filepath.Join(p.cache, "partial")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A thousand items, killed with SIGKILL four times on the way: nothing is downloaded twice but what was in flight.
func TestThousandItemsKilledOnTheWay(t *testing.T) {
	p := newProcess(t, thousand())
	staging := t.TempDir()
	for round := range 4 {
		running, b := p.start(nil)
		limit := 150 * (round + 1)
		watch := make(chan struct{})
		go func() { // events come too rarely for downloads this small
			defer close(watch)
			for p.steam.Stats().Downloads < limit {
				time.Sleep(time.Millisecond)
			}
			running.Kill()
		}()
		if _, err := b.Build(t.Context(), request(fmt.Sprint("b", round), staging, "900000"), &sdktest.Recorder{}); err == nil {
			t.Fatalf("round %d: the build of a killed process succeeded", round)
		}
		<-watch
	}
	_, b := p.start(nil)
	result, err := b.Build(t.Context(), request("last", staging, "900000"), &sdktest.Recorder{})
	if err != nil || result.Files != 1001 {
		t.Fatalf("%d files, %v", result.Files, err)
	}
	if n := p.steam.Stats().Downloads; n > 1000+4*4*2 { // four at a time, four deaths, and what was asked for but not begun
		t.Errorf("%d downloads of 1000 items", n)
	}
}

// tmpfs mounts a small file system for the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "size="+size); err != nil {
		t.Skipf("cannot mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	data := standin.Pack(standin.Filler(6 << 20))
	world := func(size int64) standin.World {
		return standin.World{Items: []standin.Item{{ID: "1", Title: "Big", Data: data, Size: size}, itemOf("2", "b")}}
	}
	t.Run("cache, seen before", func(t *testing.T) {
		r := newRig(t, world(0))
		r.cache = tmpfs(t, "4m")
		r.configure(nil)
		_, err := r.build(t.Context(), list("1", "2"))
		if sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(err.Error(), "has 4.0 MiB free") || r.steam.Stats().Downloads != 0 {
			t.Errorf("error %v, %d downloads", err, r.steam.Stats().Downloads)
		}
		r.must(list("2"))
	})
	t.Run("cache, while downloading", func(t *testing.T) {
		r := newRig(t, world(0))
		r.steam.ChangeItem("1", func(item *standin.Item) { item.Fault.Rate = 4 << 20 }) // long enough for an event to arrive
		r.cache = tmpfs(t, "8m")
		r.configure(nil)
		r.onEvent = func() { // somebody else takes the space after it was counted
			_ = os.WriteFile(filepath.Join(r.cache, "other"), make([]byte, 4<<20), 0o600)
		}
		_, err := r.build(t.Context(), list("1"))
		if sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(err.Error(), "The disk is full") && !strings.Contains(err.Error(), "free") {
			t.Errorf("error %v", err)
		}
		r.onEvent = nil
		if err := os.Remove(filepath.Join(r.cache, "other")); err != nil {
			t.Fatal(err)
		}
		r.must(list("1"))
	})
	t.Run("tree", func(t *testing.T) {
		r := newRig(t, world(0))
		_, err := r.builder.Build(t.Context(), request("b", tmpfs(t, "4m"), "1"), &sdktest.Recorder{})
		if sdk.CodeOf(err) != sdk.CodePrecondition {
			t.Errorf("error %v", err)
		}
	})
}

// Shows S8.
func TestCacheOnAnotherFileSystem(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	r.cache = tmpfs(t, "64m")
	r.configure(nil)
	r.must(list("1", "2"))
	if r.files() != "1 2" || r.content("1") != string(packOf("a")) {
		t.Errorf("files %q", r.files())
	}
	var cached, placed unix.Stat_t
	names, err := filepath.Glob(filepath.Join(r.cache, "content", "1-*.vpk"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	if err := unix.Stat(names[0], &cached); err != nil {
		t.Fatal(err)
	}
	if err := unix.Stat(filepath.Join(r.tree, "left4dead2", "addons", "1.vpk"), &placed); err != nil {
		t.Fatal(err)
	}
	if cached.Dev == placed.Dev {
		t.Error("the test did not use two file systems")
	}
}

func TestPlacedFilesHaveNoOtherName(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a")}})
	r.must(list("1"))
	var stat unix.Stat_t
	if err := unix.Stat(filepath.Join(r.tree, "left4dead2", "addons", "1.vpk"), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Nlink != 1 || stat.Mode&0o777 != 0o644 {
		t.Errorf("%d names, mode %o", stat.Nlink, stat.Mode)
	}
}

// Items of 1 GiB go through the plugin in pieces.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 2 GiB")
	}
	dir := t.TempDir()
	var world standin.World
	for _, id := range []string{"1", "2"} {
		path := filepath.Join(dir, id+".vpk")
		if err := standin.WritePack(path, standin.Filler(1<<30)); err != nil {
			t.Fatal(err)
		}
		world.Items = append(world.Items, standin.Item{ID: id, Title: "Huge " + id, File: path})
	}
	p := newProcess(t, world)
	running, b := p.start(nil)
	result, err := b.Build(context.Background(), request("b", t.TempDir(), "1", "2"), &sdktest.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	peak := peakMemory(t, running.PID())
	t.Logf("%d bytes built, peak resident memory %d KiB", result.Bytes, peak)
	if result.Bytes < 2<<30 || peak > 64<<10 {
		t.Errorf("peak resident memory is %d KiB, more than 64 MiB", peak)
	}
}

// peakMemory returns the largest resident size of a process so far, in KiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
