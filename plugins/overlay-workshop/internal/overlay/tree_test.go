package overlay_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
)

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

// Shows S6.
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
