package overlay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// rig is the plugin behind real gRPC, with a stand-in for Steam and one overlay whose revisions are kept.
type rig struct {
	t       *testing.T
	steam   *standin.Server
	url     string
	builder builder.Builder
	base    sdk.Base
	cache   string
	trees   string // where revisions are made; "" is a new place for each
	tree    string // present revision
	result  builder.Result
	builds  int
	onEvent func() // called after each event of a build
}

func newRig(t *testing.T, world standin.World) *rig {
	t.Helper()
	r := &rig{t: t, steam: standin.New(world), cache: t.TempDir(), tree: t.TempDir()}
	listener := httptest.NewServer(r.steam)
	t.Cleanup(listener.Close)
	r.url = listener.URL
	conn := sdktest.Serve(t, overlay.New())
	r.base, r.builder = sdk.NewBaseClient(conn), builder.NewClient(conn)
	r.configure(nil)
	return r
}

// settings are plugin settings that are quick to give up; extra ones are added.
func settings(url string, extra map[string]any) json.RawMessage {
	all := map[string]any{
		"api_url": url, "allow_loopback": true, "api_interval": "0s", "host_interval": "0s", "profile_interval": "0s", "describe_wait": "10m", "retry_wait": "1ms", "retry_max_wait": "2s",
		"attempts": 3, "reserve_bytes": 0, "stall_timeout": "20s",
	}
	for name, value := range extra {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return data
}

func (r *rig) configure(extra map[string]any) {
	r.t.Helper()
	found, err := r.base.Configure(r.t.Context(), sdk.Settings{JSON: settings(r.url, extra), CacheDir: r.cache, StateDir: r.t.TempDir(), LogLevel: "debug"})
	if err != nil || sdk.HasErrors(found) {
		r.t.Fatalf("Configure: %+v, %v", found, err)
	}
}

// list makes overlay settings.
func list(items ...string) overlay.Settings { return overlay.Settings{Items: items} }

// build runs a build on a copy of the present revision; if it succeeds and changed something, the copy is the new one.
func (r *rig) build(ctx context.Context, want overlay.Settings) (*sdktest.Recorder, error) {
	r.t.Helper()
	raw, err := json.Marshal(want)
	if err != nil {
		r.t.Fatal(err)
	}
	r.builds++
	place := r.trees
	if place == "" {
		place = r.t.TempDir()
	}
	staging := filepath.Join(place, fmt.Sprint("staging", r.builds))
	if output, err := exec.Command("cp", "-al", r.tree, staging).CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, output)
	}
	before, err := sdktest.ReadTree(r.tree)
	if err != nil {
		r.t.Fatal(err)
	}
	events := sdktest.Recorder{OnEvent: r.onEvent}
	result, err := r.builder.Build(ctx, builder.Request{
		BuildID: fmt.Sprint("b", r.builds), OverlayID: "o1", Settings: raw, OutputDir: staging, PreviousAnnotations: r.result.Annotations,
	}, &events)
	after, readErr := sdktest.ReadTree(r.tree)
	if readErr != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		r.t.Errorf("the build changed the earlier revision (%v)", readErr)
	}
	if err != nil {
		return &events, err
	}
	if result.Unchanged {
		staged, err := sdktest.ReadTree(staging)
		if err != nil || fmt.Sprint(staged) != fmt.Sprint(before) {
			r.t.Errorf("an unchanged build changed its tree (%v)", err)
		}
	} else {
		r.tree = staging
	}
	r.result = result
	return &events, nil
}

// must is build for builds that succeed.
func (r *rig) must(want overlay.Settings) *sdktest.Recorder {
	r.t.Helper()
	events, err := r.build(r.t.Context(), want)
	if err != nil {
		r.t.Fatalf("Build: %v\n%s", err, strings.Join(events.Lines(), "\n"))
	}
	return events
}

// files lists the VPK files of the present revision.
func (r *rig) files() string {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.tree, "left4dead2", "addons", "*.vpk"))
	if err != nil {
		r.t.Fatal(err)
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(filepath.Base(name), ".vpk")
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// content returns the file of an item.
func (r *rig) content(id string) string {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.tree, "left4dead2", "addons", id+".vpk"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// codes lists the codes of the diagnostics, sorted.
func codes(events *sdktest.Recorder) string {
	var out []string
	for _, d := range events.Diagnostics() {
		out = append(out, strings.TrimPrefix(d.Code, "workshop."))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

var packs sync.Map // content of made packs by title

// packOf returns a small pack that differs with its title.
func packOf(title string) []byte {
	if data, ok := packs.Load(title); ok {
		return data.([]byte)
	}
	data := standin.Pack(standin.Campaign("c"+title, title, "m1_"+title))
	packs.Store(title, data)
	return data
}

// itemOf is an ordinary item.
func itemOf(id, title string) standin.Item {
	return standin.Item{ID: id, Title: "Item " + title, Data: packOf(title)}
}

// update makes a new version of an item.
func (r *rig) update(id, title string) {
	r.t.Helper()
	if !r.steam.ChangeItem(id, func(item *standin.Item) {
		item.Data, item.Updated = packOf(title), max(item.Updated, 1_750_000_000)+1
	}) {
		r.t.Fatalf("no item %s", id)
	}
}
