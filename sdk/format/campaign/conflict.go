package campaign

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk/format/vpk"
)

// Pack is one add-on in the load order of a server.
type Pack struct {
	Name   string // file name, for the answer
	Reader *vpk.Reader
}

// Conflict is a file that several packs hold. The game takes the one of the pack that is first in load order.
type Conflict struct {
	Path   string // lower case, as the game compares names
	Map    bool   // it is a map
	Winner string
	Losers []string
}

// perPack are files that each pack has for itself; the game does not mix them up.
var perPack = [...]string{"addoninfo.txt", "addonimage.jpg", "addonimage.vtf"}

// Conflicts lists the files that more than one pack holds with different content, maps first, then by path.
// packs are in load order.
func Conflicts(packs []Pack) []Conflict {
	type holder struct {
		pack int
		sum  uint32
		size int64
	}
	holders := make(map[string][]holder)
	for i, pack := range packs {
		for _, file := range pack.Reader.Files() {
			name := strings.ToLower(strings.ReplaceAll(file.Name, `\`, "/"))
			if slices.Contains(perPack[:], name) {
				continue
			}
			if known := holders[name]; len(known) > 0 && known[len(known)-1].pack == i {
				continue
			}
			holders[name] = append(holders[name], holder{i, file.CRC, file.Size})
		}
	}
	var out []Conflict
	for _, name := range slices.Sorted(maps.Keys(holders)) {
		held := holders[name]
		first := held[0]
		found := Conflict{Path: name, Map: isMap(name), Winner: packs[first.pack].Name}
		for _, other := range held[1:] {
			if other.sum != first.sum || other.size != first.size {
				found.Losers = append(found.Losers, packs[other.pack].Name)
			}
		}
		if len(found.Losers) > 0 {
			out = append(out, found)
		}
	}
	slices.SortStableFunc(out, func(a, b Conflict) int { return -cmp.Compare(rank(a.Map), rank(b.Map)) })
	return out
}

func isMap(name string) bool {
	directory, base := path.Split(name)
	return directory == "maps/" && path.Ext(base) == ".bsp"
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}
