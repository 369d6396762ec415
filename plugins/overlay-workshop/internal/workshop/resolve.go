package workshop

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Limits of one overlay.
const (
	MaxDepth = 3     // collections inside collections
	MaxItems = 4_000 // items of one overlay; their names must fit the annotations of a revision
)

// ErrTooMany is wrapped when a list stands for more items than one overlay can have.
var ErrTooMany = errors.New("too many items")

// Known is what an earlier resolution found out. It saves API calls: an id never changes between item and
// collection, so known items are not asked about again and all known collections go into one call.
type Known struct {
	Items       []string
	Collections []string
}

// Resolution is what a list of ids stands for.
type Resolution struct {
	Items       []string            // in order: as listed, collections in their own order, each once
	Collections []string            // in the order they were met
	Origin      map[string][]string // item to the collections it was found in; listed ones have none
	TooDeep     []string            // collections that were left out
}

// CollectionSource answers which ids are collections.
type CollectionSource interface {
	Collections(ctx context.Context, ids []string) (map[string][]Child, error)
}

// Resolve turns listed ids into items. Collections may be nested up to MaxDepth, and may contain themselves.
func Resolve(ctx context.Context, source CollectionSource, listed []string, known Known) (Resolution, error) {
	r := &resolver{source: source, members: make(map[string][]Child), asked: make(map[string]bool)}
	for _, id := range known.Items {
		r.asked[id] = true
	}
	// What is asked for in the first round: everything that is listed and not a known item, and the collections
	// that were inside of them last time.
	if err := r.ask(ctx, append(slices.Clone(listed), known.Collections...)); err != nil {
		return Resolution{}, err
	}
	for range MaxDepth {
		next := r.unknown(listed)
		if len(next) == 0 {
			break
		}
		if err := r.ask(ctx, next); err != nil {
			return Resolution{}, err
		}
	}
	out := Resolution{Origin: make(map[string][]string)}
	w := walk{resolver: r, out: &out, seen: make(map[string]bool)}
	for _, id := range listed {
		w.visit(id, "", 0)
	}
	if len(out.Items) > MaxItems {
		return Resolution{}, fmt.Errorf("%w: %d, but one overlay can have %d", ErrTooMany, len(out.Items), MaxItems)
	}
	return out, nil
}

type resolver struct {
	source  CollectionSource
	members map[string][]Child
	asked   map[string]bool
}

func (r *resolver) ask(ctx context.Context, ids []string) error {
	var ask []string
	for _, id := range ids {
		if !r.asked[id] {
			r.asked[id] = true
			ask = append(ask, id)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	found, err := r.source.Collections(ctx, ask)
	for id, children := range found {
		r.members[id] = children
	}
	return err
}

// unknown returns the nested collections that can be reached and have not been asked about.
func (r *resolver) unknown(listed []string) []string {
	var out []string
	seen := make(map[string]bool)
	var visit func(id string, depth int)
	visit = func(id string, depth int) {
		if seen[id] || depth >= MaxDepth {
			return
		}
		seen[id] = true
		for _, child := range r.members[id] {
			switch {
			case !child.Collection:
			case !r.asked[child.ID]:
				out = append(out, child.ID)
			default:
				visit(child.ID, depth+1)
			}
		}
	}
	for _, id := range listed {
		visit(id, 0)
	}
	return out
}

// walk lists items depth first.
type walk struct {
	*resolver
	out  *Resolution
	seen map[string]bool
}

func (w *walk) visit(id, parent string, depth int) {
	children, isCollection := w.members[id]
	if !isCollection {
		if !w.seen[id] {
			w.seen[id] = true
			w.out.Items = append(w.out.Items, id)
		}
		if parent != "" && !slices.Contains(w.out.Origin[id], parent) {
			w.out.Origin[id] = append(w.out.Origin[id], parent)
		}
		return
	}
	if w.seen[id] {
		return
	}
	if depth > MaxDepth {
		if !slices.Contains(w.out.TooDeep, id) {
			w.out.TooDeep = append(w.out.TooDeep, id)
		}
		return
	}
	w.seen[id] = true
	w.out.Collections = append(w.out.Collections, id)
	for _, child := range children {
		if child.Collection && w.members[child.ID] == nil {
			if depth >= MaxDepth && !slices.Contains(w.out.TooDeep, child.ID) {
				w.out.TooDeep = append(w.out.TooDeep, child.ID)
			}
			continue // removed, private, or deeper than was asked
		}
		w.visit(child.ID, id, depth+1)
	}
}
