package vpkfile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/vpkfile"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
	"github.com/left4me/left4me/sdk/sdktest"
)

// pack makes a VPK with a campaign of maps; text makes packs differ.
func pack(name, text string, maps ...string) []byte {
	mission := fmt.Sprintf(`mission { Name %q DisplayTitle "Campaign %s" modes {`, name, name)
	for _, mode := range []string{"coop", "versus"} {
		mission += mode + " {"
		for i, bsp := range maps {
			mission += fmt.Sprintf(` %d { Map %s DisplayName "Chapter %d" }`, i+1, bsp, i+1)
		}
		mission += " }"
	}
	files := []vpktest.File{{Name: "addoninfo.txt", Data: []byte(`AddonInfo { addontitle "Add-on ` + name + `" addonauthor Me }`)}}
	if len(maps) > 0 {
		files = append(files, vpktest.File{Name: "missions/" + name + ".txt", Data: []byte(mission + " } }")})
	}
	for _, bsp := range maps {
		files = append(files, vpktest.File{Name: "maps/" + bsp + ".bsp", Data: []byte("VBSP" + text)})
	}
	return vpktest.Bytes(append(files, vpktest.File{Name: "Materials/Shared.VMT", Data: []byte(text)}), vpktest.Options{})
}

// made builds an overlay of add-ons and returns it as a layer.
func made(t *testing.T, r *rig.Rig, name string, packs map[string][]byte) addon.Layer {
	t.Helper()
	binary := map[string]string{}
	for file, data := range packs {
		binary["left4dead2/addons/"+file] = base64.StdEncoding.EncodeToString(data)
	}
	draft := overlay.Draft{Name: name, Type: rig.BuilderType, Settings: rig.Script(sdktest.Script{Files: map[string]string{"left4dead2/cfg/x.cfg": "x"}, Binary: binary})}
	if _, err := r.Overlays.Create(t.Context(), "ann", draft); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Overlays.Build(t.Context(), "ann", name, false))
	o, err := r.DB.OverlayByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return addon.Layer{Overlay: name, Layer: content.Layer{Overlay: o.ID, Revision: o.Revision}}
}

// Whatever made the overlays, the higher one wins, and it is said what collides.
func TestViewOfAStack(t *testing.T) {
	r := rig.New(t)
	top := made(t, r, "top", map[string][]byte{"100.vpk": pack("one", "top", "one_m1", "streets"), "readme.txt": []byte("no add-on")})
	low := made(t, r, "low", map[string][]byte{
		"100.vpk": pack("hidden", "low", "hidden_m1"), "200.vpk": pack("two", "low", "two_m1", "Streets"),
		"300.vpk": []byte("<!DOCTYPE html>"), "a.b.vpk": pack("dots", "low"),
	})
	plain := made(t, r, "plain", nil)
	source := vpkfile.Source{Disk: r.Disk}
	view, err := addon.Look(t.Context(), source, []addon.Layer{top, low, plain})
	if err != nil {
		t.Fatal(err)
	}
	want := []addon.Conflict{
		{Kind: "addon", Path: "left4dead2/addons/100.vpk", Winner: addon.Holder{Overlay: "top", Pack: "100.vpk"}, Losers: []addon.Holder{{Overlay: "low", Pack: "100.vpk"}}},
		{Kind: "map", Path: "maps/streets.bsp", Winner: addon.Holder{Overlay: "top", Pack: "100.vpk"}, Losers: []addon.Holder{{Overlay: "low", Pack: "200.vpk"}}},
		{Kind: "file", Path: "materials/shared.vmt", Winner: addon.Holder{Overlay: "top", Pack: "100.vpk"},
			Losers: []addon.Holder{{Overlay: "low", Pack: "200.vpk"}, {Overlay: "low", Pack: "a.b.vpk"}}},
	}
	if diff := cmp.Diff(want, view.Conflicts); diff != "" || view.Total != 3 {
		t.Errorf("%d conflicts:\n%s", view.Total, diff)
	}
	var packs []string
	for _, p := range view.Packs {
		packs = append(packs, strings.TrimSpace(fmt.Sprintf("%s/%s %s %s", p.Overlay, p.Name, p.Title, p.HiddenBy)))
	}
	if diff := cmp.Diff([]string{"top/100.vpk Add-on one", "low/100.vpk  top", "low/200.vpk Add-on two", "low/300.vpk", "low/a.b.vpk Add-on dots"}, packs); diff != "" {
		t.Error(diff)
	}
	if fault := view.Packs[3].Fault; !strings.HasPrefix(fault, "Not a VPK file") {
		t.Errorf("fault of a web page: %q", fault)
	}
	if problems := view.Packs[4].Problems; len(problems) != 1 || !strings.Contains(problems[0], "two dots") {
		t.Errorf("problems of a name with two dots: %q", problems)
	}
	var campaigns []string
	for _, c := range view.Campaigns {
		for _, mode := range c.Modes {
			for _, chapter := range mode.Chapters {
				campaigns = append(campaigns, fmt.Sprintf("%s: %s, %s %d %s", c.Overlay, c.Title, mode.Name, chapter.Number, chapter.Map))
			}
		}
	}
	if diff := cmp.Diff([]string{
		"top: Campaign one, coop 1 one_m1", "top: Campaign one, coop 2 streets", "top: Campaign one, versus 1 one_m1", "top: Campaign one, versus 2 streets",
		"low: Campaign two, coop 1 two_m1", "low: Campaign two, coop 2 Streets", "low: Campaign two, versus 1 two_m1", "low: Campaign two, versus 2 Streets",
	}, campaigns); diff != "" {
		t.Error(diff)
	}
	turned, err := addon.Look(t.Context(), source, []addon.Layer{low, top})
	if err != nil || turned.Conflicts[0].Winner.Overlay != "low" {
		t.Errorf("the other way round: %+v, %v", turned.Conflicts, err)
	}
}

// A tree larger than one read of the mounter, and packs larger than a block.
func TestLargePack(t *testing.T) {
	r := rig.New(t)
	var files []vpktest.File
	for i := range 40_000 {
		files = append(files, vpktest.File{Name: fmt.Sprintf("materials/a-directory-with-a-long-name-%d/file-%d.vmt", i%100, i), Data: []byte("x")})
	}
	big := vpktest.Bytes(append(files, vpktest.File{Name: "addoninfo.txt", Data: []byte("AddonInfo { addontitle Big }")}), vpktest.Options{})
	staging, err := r.Disk.Stage(t.Context(), "build-1", content.Layer{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(staging.Path, "left4dead2", "addons")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "1.vpk"), big, 0o644)); err != nil {
		t.Fatal(err)
	}
	layer := addon.Layer{Overlay: "big", Layer: content.Layer{Overlay: "big", Revision: "1"}}
	if _, err := r.Disk.Commit(t.Context(), "build-1", layer.Layer); err != nil {
		t.Fatal(err)
	}
	view, err := addon.Look(t.Context(), vpkfile.Source{Disk: r.Disk}, []addon.Layer{layer})
	if err != nil || view.Packs[0].Title != "Big" || view.Packs[0].Fault != "" {
		t.Errorf("%d bytes: %+v, %v", len(big), view.Packs, err)
	}
}

func TestGoneLayer(t *testing.T) {
	r := rig.New(t)
	_, err := vpkfile.Source{Disk: r.Disk}.Files(t.Context(), content.Layer{Overlay: "gone", Revision: "gone"})
	if err == nil {
		t.Error("a layer that is gone has no add-ons, and nobody noticed")
	}
}

// counting counts how often packs are read.
type counting struct {
	addon.Source
	reads int
}

func (c *counting) Read(ctx context.Context, layer content.Layer, file addon.File, report func(addon.Inner)) (addon.Pack, error) {
	c.reads++
	return c.Source.Read(ctx, layer, file, report)
}

func TestLibraryReadsARevisionOnce(t *testing.T) {
	r := rig.New(t)
	layer := made(t, r, "maps", map[string][]byte{"1.vpk": pack("one", "1", "m1")})
	source := &counting{Source: vpkfile.Source{Disk: r.Disk}}
	library := addon.NewLibrary(source)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := library.View(canceled, []addon.Layer{layer}); err == nil {
		t.Error("a canceled look succeeded")
	}
	source.reads = 0
	for range 3 {
		if view, err := library.View(t.Context(), []addon.Layer{layer}); err != nil || len(view.Campaigns) != 1 {
			t.Fatalf("%+v, %v", view, err)
		}
	}
	if source.reads != 1 {
		t.Errorf("the pack was read %d times", source.reads)
	}
}
