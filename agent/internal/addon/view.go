package addon

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
)

// MaxConflicts is how many conflicts a View lists; it counts all.
const MaxConflicts = 500

// Layer is one overlay of a stack, with its name.
type Layer struct {
	Overlay string
	content.Layer
}

// View is what a stack of overlays brings to the game.
type View struct {
	Packs     []Placed   // in load order
	Campaigns []Offered  // of packs that are seen, in load order
	Conflicts []Conflict // maps first, then by path
	Total     int        // conflicts found, also those that are not listed
}

// Placed is a pack and where it comes from.
type Placed struct {
	Pack
	Overlay  string
	HiddenBy string // overlay above that has a file of the same name; "" = the game sees it
}

// Offered is a campaign and where it comes from.
type Offered struct {
	Campaign
	Overlay string
	Pack    string // file name
}

// Holder is a pack that holds a file of a conflict.
type Holder struct {
	Overlay string
	Pack    string
}

// Conflict is a file that several packs hold with different content: the game takes the winner's, which is the first in
// load order. With Kind "addon" it is the whole VPK file that two overlays have.
type Conflict struct {
	Kind   string // addon, map, file
	Path   string
	Winner Holder
	Losers []Holder
}

// Look reads the stack, highest overlay first. Within an overlay packs are in order of their names.
func Look(ctx context.Context, source Source, layers []Layer) (View, error) {
	b := &viewer{source: source, seed: maphash.MakeSeed(), placed: map[string]int{}, held: map[uint64]held{}, conflicts: map[string]*Conflict{}}
	for _, layer := range layers {
		files, err := source.Files(ctx, layer.Layer)
		if err != nil {
			return View{}, err
		}
		for _, file := range files {
			if err := b.add(ctx, layer, file); err != nil {
				return View{}, err
			}
		}
	}
	return b.finish(), nil
}

// held is who holds an inner file first. Paths are kept as hashes: a stack can hold hundreds of thousands.
type held struct {
	pack int
	crc  uint32
	size int64
}

type viewer struct {
	source    Source
	view      View
	seed      maphash.Seed
	placed    map[string]int // file name in lower case to the pack that the game sees
	held      map[uint64]held
	conflicts map[string]*Conflict
	total     int
}

func (v *viewer) add(ctx context.Context, layer Layer, file File) error {
	key := strings.ToLower(file.Name)
	if first, taken := v.placed[key]; taken && v.view.Packs[first].Name == file.Name {
		above := v.view.Packs[first]
		v.view.Packs = append(v.view.Packs, Placed{Pack: Pack{File: file}, Overlay: layer.Overlay, HiddenBy: above.Overlay})
		v.conflict("addon", Dir+"/"+file.Name, first, Holder{layer.Overlay, file.Name})
		return nil
	}
	at := len(v.view.Packs)
	v.placed[key] = at
	v.view.Packs = append(v.view.Packs, Placed{Pack: Pack{File: file}, Overlay: layer.Overlay})
	pack, err := v.source.Read(ctx, layer.Layer, file, func(inner Inner) { v.inner(at, inner) })
	if err != nil {
		return err
	}
	v.view.Packs[at].Pack = pack
	for _, campaign := range pack.Campaigns {
		v.view.Campaigns = append(v.view.Campaigns, Offered{Campaign: campaign, Overlay: layer.Overlay, Pack: file.Name})
	}
	return nil
}

// inner compares a file inside a pack with what packs before have.
func (v *viewer) inner(at int, inner Inner) {
	if ownFile(inner.Path) {
		return
	}
	key := maphash.String(v.seed, inner.Path)
	first, taken := v.held[key]
	switch {
	case !taken:
		v.held[key] = held{at, inner.CRC, inner.Size}
	case first.pack != at && (first.crc != inner.CRC || first.size != inner.Size):
		kind := "file"
		if strings.HasPrefix(inner.Path, "maps/") && strings.HasSuffix(inner.Path, ".bsp") {
			kind = "map"
		}
		v.conflict(kind, inner.Path, first.pack, Holder{v.view.Packs[at].Overlay, v.view.Packs[at].Name})
	}
}

// ownFile is what each pack has for itself; the game does not mix these up.
func ownFile(path string) bool {
	return path == "addoninfo.txt" || path == "addonimage.jpg" || path == "addonimage.vtf"
}

func (v *viewer) conflict(kind, path string, winner int, loser Holder) {
	known := v.conflicts[path]
	if known == nil {
		v.total++
		if kind == "file" && len(v.conflicts) >= 20*MaxConflicts {
			return // maps and whole add-ons are always kept
		}
		won := v.view.Packs[winner]
		known = &Conflict{Kind: kind, Path: path, Winner: Holder{won.Overlay, won.Name}}
		v.conflicts[path] = known
	}
	if !slices.Contains(known.Losers, loser) {
		known.Losers = append(known.Losers, loser)
	}
}

func (v *viewer) finish() View {
	ranks := map[string]int{"addon": 0, "map": 1, "file": 2}
	for _, conflict := range v.conflicts {
		v.view.Conflicts = append(v.view.Conflicts, *conflict)
	}
	slices.SortFunc(v.view.Conflicts, func(a, b Conflict) int {
		return cmp.Or(cmp.Compare(ranks[a.Kind], ranks[b.Kind]), strings.Compare(a.Path, b.Path))
	})
	v.view.Conflicts = v.view.Conflicts[:min(len(v.view.Conflicts), MaxConflicts)]
	v.view.Total = v.total
	return v.view
}
