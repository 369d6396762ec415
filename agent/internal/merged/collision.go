package merged

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/left4me/left4me/agent/internal/content"
)

// Limits of a look for collisions.
const (
	MaxCollisions = 500       // listed; all are counted
	maxFiles      = 2_000_000 // of all overlays together
	maxKept       = 64        // results that are remembered
)

// Files lists what revisions hold.
type Files interface {
	// Diff reports every file of revision to, by path, when from is "".
	Diff(ctx context.Context, overlay, from, to string, report func(content.Change) error) error
}

// Holder is a layer that has a file.
type Holder struct {
	Layer string // label
	Size  uint64
}

// Collision is a path that several overlays have; the game sees the winner's file.
type Collision struct {
	Path   string
	Winner Holder
	Losers []Holder
}

// Collisions are those of one stack of overlays.
type Collisions struct {
	List  []Collision // by path, at most MaxCollisions
	Total int
	Files int  // looked at
	Cut   bool // there were too many files to look at all
}

// Collider finds the files that overlays of a stack have in common. Revisions never change, so what was found once for
// a stack is remembered. It is safe for concurrent use; one look runs at a time.
type Collider struct {
	Files Files

	mu    sync.Mutex
	known map[string]Collisions
	order []string
}

// Look compares the overlays of a stack, highest first. The game is left out: overlays are there to change it.
func (c *Collider) Look(ctx context.Context, layers []Layer) (Collisions, error) {
	var key strings.Builder
	for _, layer := range layers {
		if layer.Overlay != "" {
			key.WriteString(layer.Label + " " + layer.Overlay + "/" + layer.Revision + "\n")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, known := c.known[key.String()]; known {
		return found, nil
	}
	found, err := look(ctx, c.Files, layers)
	if err != nil {
		return Collisions{}, err
	}
	if c.known == nil {
		c.known = map[string]Collisions{}
	}
	if len(c.order) >= maxKept {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
	c.known[key.String()] = found
	c.order = append(c.order, key.String())
	return found, nil
}

// look goes through all files once. Paths are kept as hashes: a stack can have hundreds of thousands.
func look(ctx context.Context, files Files, layers []Layer) (Collisions, error) {
	type first struct {
		layer int
		size  uint64
	}
	var out Collisions
	seed, held, found := maphash.MakeSeed(), map[uint64]first{}, map[string]*Collision{}
	for at, layer := range layers {
		if layer.Overlay == "" {
			continue
		}
		err := files.Diff(ctx, layer.Overlay, "", layer.Revision, func(file content.Change) error {
			key := maphash.String(seed, file.Path)
			owner, taken := held[key]
			switch {
			case !taken && len(held) >= maxFiles:
				out.Cut = true
			case !taken:
				out.Files++
				held[key] = first{at, file.Size}
			default:
				known := found[file.Path]
				if known == nil {
					out.Total++
					if len(found) >= 20*MaxCollisions {
						return nil
					}
					known = &Collision{Path: file.Path, Winner: Holder{layers[owner.layer].Label, owner.size}}
					found[file.Path] = known
				}
				known.Losers = append(known.Losers, Holder{layer.Label, file.Size})
			}
			return nil
		})
		if err != nil {
			return Collisions{}, err
		}
	}
	for _, collision := range found {
		out.List = append(out.List, *collision)
	}
	slices.SortFunc(out.List, func(a, b Collision) int { return strings.Compare(a.Path, b.Path) })
	out.List = out.List[:min(len(out.List), MaxCollisions)]
	return out, nil
}
