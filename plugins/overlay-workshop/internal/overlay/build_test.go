package overlay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestBuildRefreshUpdateRemove(t *testing.T) {
	r := newRig(t, standin.World{
		Items:       []standin.Item{itemOf("1", "a"), itemOf("2", "b"), itemOf("3", "c")},
		Collections: []standin.Collection{{ID: "9", Children: []string{"2", "3"}}},
	})
	events := r.must(list("https://steamcommunity.com/sharedfiles/filedetails/?id=1", "9"))
	if r.files() != "1 2 3" || r.content("2") != string(packOf("b")) || codes(events) != "" {
		t.Fatalf("files %q, diagnostics %q", r.files(), codes(events))
	}
	if got := r.result.Annotations; got["workshop.files.00"] != "1,2,3" || got["workshop.added"] != "3" || got["workshop.items"] != "3" {
		t.Errorf("annotations %v", got)
	}
	key := r.result.CacheKey

	r.steam.ResetStats()
	r.must(list("1", "9"))
	if stats := r.steam.Stats(); !r.result.Unchanged || stats.Bytes != 0 || stats.APICalls != 2 || r.result.CacheKey != key {
		t.Errorf("refresh: %+v, %+v", r.result, stats)
	}

	// An edit of the text is no change; new content is.
	r.steam.ChangeItem("1", func(item *standin.Item) {
		item.Content, item.Title, item.Updated = "77", "New title", 1_760_000_000
	})
	r.must(list("1", "9"))
	r.steam.ChangeItem("1", func(item *standin.Item) { item.Title, item.Updated = "Another title", 1_770_000_000 })
	r.must(list("1", "9"))
	if !r.result.Unchanged {
		t.Error("an edit of the title made a new revision")
	}
	r.update("2", "b2")
	r.must(list("1", "9"))
	if r.content("2") != string(packOf("b2")) || !strings.HasPrefix(r.result.Annotations["workshop.updated.00"], "2:") || r.result.CacheKey == key {
		t.Errorf("update: annotations %v", r.result.Annotations)
	}

	r.steam.PutCollection(standin.Collection{ID: "9", Children: []string{"3"}})
	r.must(list("9"))
	if r.files() != "3" || !strings.HasPrefix(r.result.Annotations["workshop.removed.00"], "1:77,2:") {
		t.Errorf("removal: files %q, annotations %v", r.files(), r.result.Annotations)
	}

	// What another overlay has in the cache is not downloaded again.
	r.tree, r.result = t.TempDir(), builder.Result{}
	r.steam.ResetStats()
	r.must(list("1", "2", "3"))
	if stats := r.steam.Stats(); stats.Bytes != 0 || r.files() != "1 2 3" {
		t.Errorf("second overlay: %d bytes downloaded, files %q", stats.Bytes, r.files())
	}
}

func TestWhatSteamDoesNotHandOut(t *testing.T) {
	broken := packOf("broken")[:100]
	r := newRig(t, standin.World{Items: []standin.Item{
		itemOf("1", "a"),
		{ID: "2", Result: standin.ResultNotFound},
		{ID: "3", Result: standin.ResultPrivate},
		{ID: "4", Title: "Banned one", Data: packOf("x"), Banned: true, BanReason: "copyright"},
		{ID: "5", Title: "Toy", App: 4000, Data: []byte("GMAD")},
		{ID: "6", Title: "Pipe", NoURL: true, Data: packOf("p")},
		{ID: "7", Title: "Picture", PreviewAsURL: true, Data: packOf("p")},
		{ID: "8", Title: "Gone from the CDN", Data: packOf("g"), DownloadCode: 404},
		{ID: "10", Title: "Cut by its author", Data: broken},
		{ID: "11", Result: 2},
		{ID: "12", UnknownItem: true, Data: []byte("x")},
	}})
	want := list("1 2 3 4 5 6 7 8", "10, 11, 12, 13")
	events := r.must(want)
	if r.files() != "1" {
		t.Errorf("files %q", r.files())
	}
	if got := codes(events); got != "banned broken gone no-address no-address other-game private refused removed removed removed" {
		t.Errorf("diagnostics %q", got)
	}
	for _, d := range events.Diagnostics() {
		if d.Severity != sdk.SeverityWarning || d.Pointer != "/items/0" && d.Pointer != "/items/1" || d.Detail == "" {
			t.Errorf("diagnostic %+v", d)
		}
	}
	if got := r.result.Annotations["workshop.missing.00"]; got != "2:removed,3:private,4:banned,5:other-game,6:no-address,7:no-address,8:gone,10:broken,11:refused,12:removed,13:removed" {
		t.Errorf("missing %q", got)
	}
	_, err := r.build(t.Context(), list("2", "3"))
	if sdk.CodeOf(err) != sdk.CodePrecondition {
		t.Errorf("an overlay of which nothing can be had: %v", err)
	}
}

func TestWhatWasThereIsKept(t *testing.T) {
	for name, change := range map[string]func(*standin.Item){
		"removed":              func(i *standin.Item) { i.Result = standin.ResultNotFound },
		"private":              func(i *standin.Item) { i.Result = standin.ResultPrivate },
		"banned":               func(i *standin.Item) { i.Banned = true },
		"gone":                 func(i *standin.Item) { i.Updated, i.DownloadCode = 1_760_000_000, 410 },
		"failed":               func(i *standin.Item) { i.Updated, i.DownloadCode = 1_760_000_000, 500 },
		"no-address":           func(i *standin.Item) { i.Updated, i.NoURL = 1_760_000_000, true },
		"failed, refused host": func(i *standin.Item) { i.Updated, i.URL = 1_760_000_000, "https://evil.example.org/x" },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
			r.must(list("1", "2"))
			r.steam.ChangeItem("1", change)
			events := r.must(list("1", "2"))
			if code, _, _ := strings.Cut(name, ","); codes(events) != code || !r.result.Unchanged || r.files() != "1 2" {
				t.Errorf("diagnostics %q, result %+v", codes(events), r.result)
			}
			if r.result.Annotations["workshop.files.00"] != "1,2" {
				t.Errorf("annotations %v", r.result.Annotations)
			}
			// After a wipe the cache still has it, unless it is for a new version.
			r.tree, r.result = t.TempDir(), builder.Result{}
			_, err := r.build(t.Context(), list("1", "2"))
			if strings.HasPrefix(name, "failed") {
				if sdk.CodeOf(err) != sdk.CodeUnavailable {
					t.Errorf("after a wipe: %v", err)
				}
			} else if err != nil || r.files() != "1 2" {
				t.Errorf("after a wipe: %v, files %q", err, r.files())
			}
		})
	}
}

func TestItemThatFailsDoesNotLoseTheRest(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{
		itemOf("1", "a"), {ID: "2", Title: "Flaky", Data: packOf("b"), DownloadCode: 500}, itemOf("3", "c"),
	}})
	events, err := r.build(t.Context(), list("1", "2", "3"))
	if sdk.CodeOf(err) != sdk.CodeUnavailable || !strings.Contains(err.Error(), "Flaky (2)") || codes(events) != "failed" {
		t.Fatalf("error %v, diagnostics %q", err, codes(events))
	}
	r.steam.ChangeItem("2", func(item *standin.Item) { item.DownloadCode = 0 })
	r.steam.ResetStats()
	r.must(list("1", "2", "3"))
	if stats := r.steam.Stats(); stats.Downloads != 1 || r.files() != "1 2 3" {
		t.Errorf("%+v, files %q", stats, r.files())
	}
}

func TestPins(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	r.must(list("1", "2"))
	old := r.manifest().Items[0].Content
	r.update("1", "a2")
	pinned := overlay.Settings{Items: []string{"1", "2"}, Pins: map[string]string{"1": old}}
	r.must(pinned)
	if !r.result.Unchanged {
		t.Error("a pinned item was updated")
	}
	r.must(list("1", "2"))
	if r.content("1") != string(packOf("a2")) {
		t.Error("without the pin it is not updated")
	}
	r.must(pinned)
	if r.content("1") != string(packOf("a")) {
		t.Error("the pinned version did not come back from the cache")
	}
	r.steam.ChangeItem("1", func(item *standin.Item) { item.Result = standin.ResultNotFound })
	if events := r.must(pinned); !r.result.Unchanged || codes(events) != "" {
		t.Errorf("pinned and removed: %+v, %q", r.result, codes(events))
	}
	_, err := r.build(t.Context(), overlay.Settings{Items: []string{"1", "2"}, Pins: map[string]string{"2": "12345"}})
	if sdk.CodeOf(err) != sdk.CodeUnavailable || !strings.Contains(err.Error(), "Item b (2)") {
		t.Errorf("a version that nobody has: %v", err)
	}
}

func (r *rig) manifest() overlay.Manifest {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.tree, overlay.ManifestName))
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := overlay.ReadManifest(data)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func TestExclude(t *testing.T) {
	r := newRig(t, standin.World{
		Items:       []standin.Item{itemOf("1", "a"), itemOf("2", "b"), itemOf("3", "c")},
		Collections: []standin.Collection{{ID: "9", Children: []string{"1", "2", "3"}}},
	})
	r.must(overlay.Settings{Items: []string{"9"}, Exclude: []string{"https://steamcommunity.com/sharedfiles/filedetails/?id=2"}})
	if r.files() != "1 3" || r.steam.Stats().ByItem["2"] != 0 {
		t.Errorf("files %q", r.files())
	}
	r.must(overlay.Settings{Items: []string{"9"}, Exclude: []string{"1"}})
	if r.files() != "2 3" {
		t.Errorf("files %q", r.files())
	}
	if _, err := r.build(t.Context(), overlay.Settings{Items: []string{"9"}, Exclude: []string{"1 2 3"}}); sdk.CodeOf(err) != sdk.CodePrecondition {
		t.Errorf("everything excluded: %v", err)
	}
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	addons := filepath.Join(r.tree, "left4dead2", "addons")
	if err := os.MkdirAll(addons, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1.vpk", "mine.vpk", "metamod.vdf"} {
		if err := os.WriteFile(filepath.Join(addons, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	events := r.must(list("1", "2"))
	if r.content("1") != "mine" || r.files() != "1 2 mine" || codes(events) != "foreign-file" {
		t.Errorf("files %q, diagnostics %q", r.files(), codes(events))
	}
	r.must(list("2"))
	if r.content("1") != "mine" || r.content("mine") != "mine" {
		t.Error("a file of somebody else is gone")
	}
}

func TestDamagedTreeIsMended(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	for name, damage := range map[string]func(path string) error{
		"gone":    os.Remove,
		"shorter": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o644)) },
		"link":    func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
	} {
		r.must(list("1", "2"))
		if err := damage(filepath.Join(r.tree, "left4dead2", "addons", "1.vpk")); err != nil {
			t.Fatal(err)
		}
		r.must(list("1", "2"))
		if r.result.Unchanged || r.content("1") != string(packOf("a")) {
			t.Errorf("%s: not mended", name)
		}
	}
	if data, err := os.ReadFile("/etc/passwd"); err != nil || !bytes.Contains(data, []byte("root")) {
		t.Fatal("wrote through a link")
	}
}

func TestTreeThatLeadsOutIsRefused(t *testing.T) {
	outside := t.TempDir()
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a")}})
	if err := os.Symlink(outside, filepath.Join(r.tree, "left4dead2")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.build(t.Context(), list("1")); err == nil {
		t.Error("built into a link that leads out of the tree")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("wrote outside: %v, %v", left, err)
	}
}

func TestCutAndCorruptDownloads(t *testing.T) {
	world := standin.World{}
	faults := []standin.Fault{
		{CutAfter: 200, Times: 2}, {CorruptAt: 300, Times: 1}, {HTML: true, Times: 1}, {WrongLength: true, Times: 1},
		{Status: 503, RetryAfter: 0, Times: 1}, {NoRange: true, CutAfter: 100, Times: 1}, {Rate: 20_000},
	}
	var ids []string
	for i, fault := range faults {
		item := itemOf(fmt.Sprint(100+i), fmt.Sprint("f", i))
		item.Fault = fault
		world.Items = append(world.Items, item)
		ids = append(ids, item.ID)
	}
	r := newRig(t, world)
	r.must(list(ids...))
	for i, id := range ids {
		if r.content(id) != string(packOf(fmt.Sprint("f", i))) {
			t.Errorf("item %s is damaged", id)
		}
	}
}

func TestSteamIsDown(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a")}})
	r.must(list("1"))
	r.steam.FailAPI(standin.APIFault{Status: 502, Times: -1})
	_, err := r.build(t.Context(), list("1"))
	var fault *sdk.Error
	if !errors.As(err, &fault) || fault.Code != sdk.CodeUnavailable || !strings.Contains(fault.Message, "status 502") || fault.Hint == "" {
		t.Errorf("error %+v", err)
	}
}

func TestBadSettings(t *testing.T) {
	r := newRig(t, standin.World{})
	for raw, want := range map[string]string{
		`{}`:                          "schema.required",
		`{"items":[]}`:                "schema.min-items",
		`{"items":[" ","# nothing"]}`: "workshop.empty /items",
		`{"items":["1","abc","https://x.org/?id=1"]}`: "workshop.input /items/1 workshop.input /items/2",
		`{"items":["1"],"exclude":["x"]}`:             "workshop.input /exclude/0",
		`{"items":["1"],"pins":{"a/b":"1"}}`:          "workshop.pin /pins/a~1b",
		`{"items":["1"],"pins":{"1":"../x"}}`:         "workshop.pin /pins/1",
		`{"items":["1"],"colour":"red"}`:              "schema.unknown",
	} {
		found, err := r.builder.Validate(t.Context(), json.RawMessage(raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		var got []string
		for _, d := range found {
			got = append(got, d.Code)
			if strings.HasPrefix(d.Code, "workshop.") {
				got = append(got, d.Pointer)
			}
		}
		if !strings.HasPrefix(strings.Join(got, " "), want) && !strings.HasPrefix(want, "schema.") || len(found) == 0 {
			t.Errorf("%s: %v, want %s", raw, got, want)
		}
	}
}

func TestBadPluginSettings(t *testing.T) {
	r := newRig(t, standin.World{})
	for raw, pointer := range map[string]string{
		`{"api_url":"http://api.steampowered.com"}`: "/api_url",
		`{"api_url":"http://127.0.0.1:1"}`:          "/api_url",
		`{"cache_dir":"relative"}`:                  "/cache_dir",
		`{"cache_dir":"/proc/nope"}`:                "/cache_dir",
		`{"retry_wait":"soon"}`:                     "/retry_wait",
		`{"api_interval":"-1s"}`:                    "/api_interval",
		`{"parallel_downloads":0}`:                  "/parallel_downloads",
		`{"parallel_downloads":1000}`:               "/parallel_downloads",
		`{"unknown":1}`:                             "",
	} {
		found, err := r.base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(raw), CacheDir: r.cache})
		if err != nil || !sdk.HasErrors(found) || pointer != "" && found[0].Pointer != pointer {
			t.Errorf("%s: %+v, %v", raw, found, err)
		}
	}
	// The old settings stay in force.
	r.steam.PutItem(itemOf("1", "a"))
	r.must(list("1"))
}

func TestPlanAgreesWithBuild(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b"), {ID: "3", Result: 9}}})
	plan := func(want overlay.Settings) builder.Plan {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.builder.Plan(t.Context(), builder.PlanRequest{OverlayID: "o1", Settings: raw, PreviousAnnotations: r.result.Annotations})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := plan(list("1", "2"))
	if before.EstimatedBytes != uint64(len(packOf("a"))+len(packOf("b"))) {
		t.Errorf("plan %+v", before)
	}
	r.must(list("1", "2"))
	after := plan(list("1", "2"))
	if before.CacheKey == "" || before.CacheKey != r.result.CacheKey || after.EstimatedBytes != 0 || !strings.Contains(strings.Join(after.Summary, " "), "Nothing changed") {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if uncertain := plan(list("1", "3")); uncertain.CacheKey != "" || !strings.Contains(strings.Join(uncertain.Summary, " "), "no longer in the Workshop") {
		t.Errorf("uncertain plan %+v", uncertain)
	}
}

func TestSteamcmdFallback(t *testing.T) {
	dir := t.TempDir()
	pack := filepath.Join(dir, "pack.vpk")
	if err := os.WriteFile(pack, packOf("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "steamcmd.sh")
	text := fmt.Sprintf(`#!/bin/sh
place="$2/steamapps/workshop/content/550/$7"
case $7 in
1) mkdir -p "$place"; cp %[1]q "$place/77_legacy.bin"; echo "Success. Downloaded item $7 to \"$place/77_legacy.bin\" (1 bytes) " ;;
2) mkdir -p "$place"; cp %[1]q "$place/map.vpk"; echo "Success. Downloaded item $7 to \"$place\" (1 bytes) " ;;
3) echo "ERROR! Download item $7 failed (Access Denied)." ;;
4) mkdir -p "$place"; echo "<html>" >"$place/map.vpk"; echo "Success. Downloaded item $7 to \"$place\" (1 bytes) " ;;
esac
`, pack)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, standin.World{Items: []standin.Item{
		{ID: "1", Title: "No address", NoURL: true, Size: 999, Content: "71"},
		{ID: "2", Title: "Address of the preview", PreviewAsURL: true, Size: 999, Content: "72"},
		{ID: "3", Title: "Refused", NoURL: true, Size: 999, Content: "73"},
		{ID: "4", Title: "No VPK", NoURL: true, Size: 999, Content: "74"},
		{ID: "5", Title: "Says nothing", NoURL: true, Size: 999, Content: "75"},
	}})
	r.configure(map[string]any{"steamcmd": script})
	events := r.must(list("1", "2", "3", "4"))
	if r.files() != "1 2" || r.content("1") != string(packOf("p")) || codes(events) != "broken gone" {
		t.Errorf("files %q, diagnostics %q", r.files(), codes(events))
	}
	r.must(list("1", "2", "3", "4"))
	if !r.result.Unchanged {
		t.Error("a refresh fetched an item again whose size differs from the announced one")
	}
	if _, err := r.build(t.Context(), list("5")); sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("steamcmd that says nothing: %v", err)
	}
}

func TestProgressTellsTitlesAndBytes(t *testing.T) {
	item := itemOf("1", "a")
	item.Fault.Rate = int64(len(item.Data)) * 2
	r := newRig(t, standin.World{Items: []standin.Item{item}})
	events := r.must(list("1"))
	named, last := false, builder.Progress{}
	for _, p := range events.AllProgress() {
		if p.Phase != "download" {
			continue
		}
		if p.Done < last.Done || p.Total != uint64(len(item.Data)) || p.Unit != builder.Bytes {
			t.Errorf("progress %+v after %+v", p, last)
		}
		named = named || strings.Contains(p.Message, "Item a (1)")
		last = p
	}
	if !named || last.Done != last.Total {
		t.Errorf("no progress names the item, or the last is not complete: %+v", last)
	}
}

func TestCancelThenGoOn(t *testing.T) {
	big := standin.Item{ID: "1", Title: "Big", Data: bytes.Clone(standin.Pack(standin.Filler(1 << 20)))}
	big.Fault.Rate = 500_000
	r := newRig(t, standin.World{Items: []standin.Item{big}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.onEvent = func() {
		if r.steam.Stats().Bytes > 100_000 {
			cancel()
		}
	}
	if _, err := r.build(ctx, list("1")); sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Fatalf("error %v", err)
	}
	r.onEvent = nil
	r.steam.ChangeItem("1", func(item *standin.Item) { item.Fault.Rate = 0 })
	r.steam.ResetStats()
	r.must(list("1"))
	if sent := r.steam.Stats().Bytes; sent > int64(len(big.Data))-50_000 {
		t.Errorf("%d of %d bytes were sent after the cancel: nothing was kept", sent, len(big.Data))
	}
}

func TestLimitsAreCheckedBeforeDownloading(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	for _, limits := range []builder.Limits{{MaxBytes: 100}, {MaxFiles: 2}} {
		_, err := r.builder.Build(t.Context(), builder.Request{
			BuildID: "x", OverlayID: "o", Settings: json.RawMessage(`{"items":["1 2"]}`), OutputDir: t.TempDir(), Limits: limits,
		}, &sdktest.Recorder{})
		if sdk.CodeOf(err) != sdk.CodeInvalid || r.steam.Stats().Downloads != 0 {
			t.Errorf("%+v: %v, %d downloads", limits, err, r.steam.Stats().Downloads)
		}
	}
}

func TestEvictionLeavesRevisionsAlone(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	r.configure(map[string]any{"cache_max_bytes": 1})
	r.must(list("1", "2"))
	left, err := filepath.Glob(filepath.Join(r.cache, "content", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	r.steam.ResetStats()
	r.must(list("1", "2"))
	if !r.result.Unchanged || r.steam.Stats().Bytes != 0 {
		t.Errorf("refresh without cache: %+v", r.result)
	}
	if diff := cmp.Diff([]string{string(packOf("a")), string(packOf("b"))}, []string{r.content("1"), r.content("2")}); diff != "" {
		t.Error(diff)
	}
}

func TestReserveIsKeptFree(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a")}})
	r.configure(map[string]any{"reserve_bytes": int64(1) << 60})
	_, err := r.build(t.Context(), list("1"))
	if sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(err.Error(), "stay reserved") || r.steam.Stats().Downloads != 0 {
		t.Errorf("error %v", err)
	}
}
