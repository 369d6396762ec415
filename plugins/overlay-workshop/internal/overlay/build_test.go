package overlay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Shows S6.
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
