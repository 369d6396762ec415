package srcds

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk/format/campaign"
	"github.com/left4me/left4me/sdk/format/keyvalues"
	"github.com/left4me/left4me/sdk/format/vpk"
)

// pack is one VPK that the game has loaded.
type pack struct {
	path  string
	maps  []string
	title string
}

// addons is what was found in addons/.
type addons struct{ packs []pack }

// vanished reports whether a loaded pack is no longer where it was.
func (a addons) vanished() bool {
	return slices.ContainsFunc(a.packs, func(p pack) bool { _, err := os.Stat(p.path); return err != nil })
}

// scanAddons loads the packs and writes addonlist.txt: entries keep their place, new ones are appended with
// "1". What the real engine skips without a word is skipped without a word: links that lead nowhere, names
// with more than one dot, and files that are no packs.
func (g *Game) scanAddons() {
	listed, enabled := g.readAddonList()
	found := g.findPacks()
	for _, name := range found {
		if _, ok := enabled[strings.ToLower(name)]; !ok {
			listed = append(listed, name)
			enabled[strings.ToLower(name)] = true
		}
	}
	g.addons.packs = nil
	var out strings.Builder
	out.WriteString("\"AddonList\"\n{\n")
	for _, name := range listed {
		on := enabled[strings.ToLower(name)]
		fmt.Fprintf(&out, "\t\"%s\"\t\t\"%d\"\n", name, btoi(on))
		if on && slices.Contains(found, name) {
			g.loadPack(name)
		}
	}
	out.WriteString("}\n")
	if err := os.WriteFile(filepath.Join(g.dir, "addonlist.txt"), []byte(out.String()), 0o644); err != nil {
		g.consoleOnly("Unable to write addonlist.txt\n")
	}
}

func (g *Game) readAddonList() (names []string, enabled map[string]bool) {
	enabled = map[string]bool{}
	data, err := os.ReadFile(filepath.Join(g.dir, "addonlist.txt"))
	if err != nil {
		return nil, enabled
	}
	list := keyvalues.Parse(data).Find("AddonList")
	if list == nil {
		return nil, enabled
	}
	for _, n := range list.Children {
		names = append(names, n.Key)
		enabled[strings.ToLower(n.Key)] = n.Value != "0"
	}
	return names, enabled
}

// findPacks returns the names of packs that can be loaded, in the order of the directory.
func (g *Game) findPacks() []string {
	dir := filepath.Join(g.dir, "addons")
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".vpk") || strings.Count(name, ".") != 1 {
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if r, err := vpk.Open(filepath.Join(dir, name)); err == nil {
			_ = r.Close()
			names = append(names, name)
		}
	}
	return names
}

func (g *Game) loadPack(name string) {
	path := filepath.Join(g.dir, "addons", name)
	r, err := vpk.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = r.Close() }()
	listing := campaign.Read(r)
	p := pack{path: path, title: listing.Addon.Title, maps: listing.Maps}
	g.addons.packs = append(g.addons.packs, p)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// listAddons prints what is loaded; the command is the demo game's own.
func listAddons(g *Game, _ []string) {
	for _, p := range g.addons.packs {
		g.printf("%s \"%s\" %d maps\n", filepath.Base(p.path), p.title, len(p.maps))
	}
	g.printf("%d addons\n", len(g.addons.packs))
}
