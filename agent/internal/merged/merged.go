// Package merged shows a server's upper and the layers below it as the one tree that its game sees: which layer each
// entry comes from, what it hides, and what the server deleted.
//
// Nothing is mounted for it, so it tells the same of a server that runs and one that does not. What the mounter reports
// about an upper was put there by a game, and is shown, never followed.
package merged

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Disk is what is needed of the mounter.
type Disk interface {
	content.Browser
	content.Upper
}

// Labels of what an entry can come from; those of overlays are "overlay/NAME".
const (
	Upper = "server" // what the server wrote itself
	Game  = "game"
)

// Layer is one layer of a stack, with its label.
type Layer struct {
	Label string
	content.Layer
}

// Stack is the upper of a server over layers, highest first.
type Stack struct {
	Disk   Disk
	Server string // id
	Layers []Layer
}

// Item is one entry of a directory.
type Item struct {
	Name  string
	Kind  string // file, directory, link, other; of what was deleted, what it was
	Size  int64  // of a file
	Layer string // label of where it comes from; of a directory, the highest that has it
	// Deleted: the server deleted it. It is listed, because it can be brought back.
	Deleted bool
	// Also are labels of further layers that a directory is put together from.
	Also []string
	// Hides are labels of layers below whose entry of that name is not seen.
	Hides []string
	// Unnamed: its name has bytes that are not UTF-8, so that no request can name it.
	Unnamed bool
}

// Limits of one listing.
const (
	MaxEntries = 100_000 // of one layer
	MaxPath    = 1024    // bytes
	MaxDepth   = 64
)

// CheckPath refuses what is no path of a file within a tree. Control characters pass: games make such names.
func CheckPath(name string) error {
	if name != "." && len(name) <= MaxPath && fs.ValidPath(name) && !strings.ContainsRune(name, 0) && strings.Count(name, "/") < MaxDepth {
		return nil
	}
	return fault.New(fault.Invalid, "%.200q is not the path of a file of a server.", name).WithField("path").
		WithHint(`Give a relative path such as "left4dead2/cfg/server.cfg", of at most %d bytes and %d directories.`, MaxPath, MaxDepth)
}

// listing is what one layer has in a directory.
type listing struct {
	label   string
	entries map[string]content.Entry
}

// List returns the entries of a directory, sorted by name; path "" is the top. NotFound: no directory is there, or the
// server deleted it; Conflict: too many entries.
func (s Stack) List(ctx context.Context, name string) ([]Item, error) {
	if name != "" {
		if err := CheckPath(name); err != nil {
			return nil, err
		}
	}
	found, err := s.listings(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && name != "" {
		return nil, fault.New(fault.NotFound, "The server has no directory %.200q.", name).
			WithHint("It may be deleted, a file or a link. Look at the directory above it.")
	}
	names := map[string]bool{}
	for _, l := range found {
		for entry := range l.entries {
			names[entry] = true
		}
	}
	out := make([]Item, 0, len(names))
	for entry := range names {
		if item, shown := merge(entry, found); shown {
			out = append(out, item)
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// listings reads a directory from the top down, as far as the layers merge.
func (s Stack) listings(ctx context.Context, name string) ([]listing, error) {
	var out []listing
	upper := listing{label: Upper, entries: map[string]content.Entry{}}
	opaque, err := s.Disk.ReadUpperDir(ctx, s.Server, name, upper.add)
	switch {
	case err == nil:
		out = append(out, upper)
	case fault.Is(err, fault.Precondition): // a deletion, a link or a file is in the way
		return nil, nil
	case fault.Is(err, fault.NotFound):
		if opaque, err = s.hiddenAbove(ctx, name); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	if opaque {
		return out, nil
	}
	for _, layer := range s.Layers {
		l := listing{label: layer.Label, entries: map[string]content.Entry{}}
		err := s.Disk.ReadDir(ctx, layer.Layer, name, l.add)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if fault.Is(err, fault.Precondition) { // something else is on its way: directories below do not merge
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// hiddenAbove tells of a directory that the upper lacks, whether one above it that the upper has hides it.
func (s Stack) hiddenAbove(ctx context.Context, name string) (bool, error) {
	for name != "" {
		name = strings.TrimPrefix(path.Dir(name), ".")
		opaque, err := s.Disk.ReadUpperDir(ctx, s.Server, name, func(content.Entry) error { return nil })
		switch {
		case err == nil:
			return opaque, nil
		case fault.Is(err, fault.Precondition):
			return true, nil
		case !fault.Is(err, fault.NotFound):
			return false, err
		}
	}
	return false, nil
}

var errTooMany = errors.New("too many entries")

func (l *listing) add(e content.Entry) error {
	if len(l.entries) >= MaxEntries {
		return fault.Wrap(errTooMany, fault.Conflict, "There are more than %d entries in this directory.", MaxEntries).
			WithHint("Look at it on the host.")
	}
	l.entries[e.Name] = e
	return nil
}

// merge puts the entries of one name together. It is not shown when a server deleted what no layer has.
func merge(name string, found []listing) (Item, bool) {
	item := Item{Name: name, Unnamed: strings.ContainsRune(name, '\uFFFD')}
	closed := false // what follows is hidden
	for _, l := range found {
		e, has := l.entries[name]
		switch {
		case !has:
		case item.Layer == "":
			item.Layer, item.Kind, item.Size, item.Deleted = l.label, e.Kind, e.Size, e.Kind == "whiteout"
			closed = e.Kind != "directory" || e.Opaque
		case closed || e.Kind != "directory":
			closed = true
			item.Hides = append(item.Hides, l.label)
			if item.Kind == "whiteout" {
				item.Kind, item.Size = e.Kind, e.Size
			}
		default:
			item.Also = append(item.Also, l.label)
		}
	}
	return item, item.Kind != "whiteout"
}

// Find returns one entry by its path.
func (s Stack) Find(ctx context.Context, name string) (Item, error) {
	if err := CheckPath(name); err != nil {
		return Item{}, err
	}
	items, err := s.List(ctx, strings.TrimPrefix(path.Dir(name), "."))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Item{}, err
	}
	for _, item := range items {
		if item.Name == path.Base(name) && !item.Unnamed {
			return item, nil
		}
	}
	return Item{}, fault.New(fault.NotFound, "The server has no file %.200q.", name).WithHint("Look at the directory it should be in.")
}
