package overlay

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // a picture is JPEG or PNG
	_ "image/png"
	"slices"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Describer is what a Builder may be too: one that knows more of items than stands in the content. A builder that is not
// able to gives nothing, without an error.
type Describer interface {
	Describe(ctx context.Context, overlay string, items []string) ([]Description, error)
	// Picture is NotFound if there is none.
	Picture(ctx context.Context, overlay, item string) ([]byte, error)
}

// Description is what a builder knows of an item. Empty texts mean unknown.
type Description struct {
	Item    string
	Author  string // name
	Picture string // changes whenever the picture does
}

// describeFor bounds the wait for a builder that is only asked for what is nice to have.
const describeFor = 2 * time.Second

// describe completes items. The list is worth showing without, so a builder that is down costs nothing but that.
func (m *Manager) describe(ctx context.Context, o Overlay, items []Item) {
	if len(items) == 0 {
		return
	}
	found, err := m.builders.Builder(o.Type)
	describer, able := found.(Describer)
	if err != nil || !able {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, describeFor)
	defer cancel()
	ids, at := make([]string, len(items)), make(map[string]int, len(items))
	for i, item := range items {
		ids[i], at[item.ID] = item.ID, i
	}
	known, _ := describer.Describe(ctx, o.ID, ids)
	for _, d := range known {
		if i, asked := at[d.Item]; asked {
			if d.Author != "" {
				items[i].Author = oneLine(d.Author)
			}
			items[i].Picture = oneLine(d.Picture)
		}
	}
}

// Bounds of a picture. It goes to browsers, so it must be one that no browser has trouble with.
const (
	maxPicture       = 64 << 10 // bytes
	maxPictureLength = 512      // pixels of the longer side
)

// Picture is a small picture of an item.
type Picture struct {
	Data []byte
	Type string // image/jpeg or image/png
}

// Picture returns the picture of an item of an overlay. NotFound: there is none, or no such item. Internal: what the
// builder has is no picture.
func (m *Manager) Picture(ctx context.Context, name, item string) (Picture, error) {
	o, err := m.store.OverlayByName(ctx, name)
	if err != nil {
		return Picture{}, err
	}
	items, err := m.list(ctx, o)
	if err != nil {
		return Picture{}, err
	}
	missing := fault.New(fault.NotFound, "Overlay %q has no picture of an item %q.", name, oneLine(item)).WithHint("List its items.")
	if !slices.ContainsFunc(items, func(i Item) bool { return i.ID == item }) {
		return Picture{}, missing
	}
	found, err := m.builders.Builder(o.Type)
	if err != nil {
		return Picture{}, err
	}
	describer, able := found.(Describer)
	if !able {
		return Picture{}, missing
	}
	data, err := describer.Picture(ctx, o.ID, item)
	if fault.Is(err, fault.NotFound) {
		return Picture{}, missing
	}
	if err != nil {
		return Picture{}, err
	}
	return checkPicture(data)
}

// checkPicture believes what the bytes are, not what a builder says of them.
func checkPicture(data []byte) (Picture, error) {
	if len(data) > maxPicture {
		return Picture{}, fault.New(fault.Internal, "The builder's picture has %d bytes.", len(data))
	}
	size, kind, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || kind != "jpeg" && kind != "png" || max(size.Width, size.Height) > maxPictureLength {
		return Picture{}, fault.New(fault.Internal, "The builder's picture is none.")
	}
	return Picture{Data: data, Type: "image/" + kind}, nil
}

// keptLists is how many lists of items are remembered. A page of a large overlay asks for many pictures, and each asks
// whether the item is listed.
const keptLists = 4

// recent remembers the items of revisions, which never change. It is safe for concurrent use; the zero value is empty.
type recent struct {
	mu    sync.Mutex
	lists []knownList // last used last
}

type knownList struct {
	layer content.Layer
	items []Item
}

// get returns a copy of the list of a revision, from memory or from read.
func (r *recent) get(layer content.Layer, read func() ([]Item, error)) ([]Item, error) {
	if known, ok := r.find(layer); ok {
		return known, nil
	}
	items, err := read()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = append(slices.DeleteFunc(r.lists, func(l knownList) bool { return l.layer == layer }), knownList{layer, items})
	r.lists = slices.Delete(r.lists, 0, max(len(r.lists)-keptLists, 0))
	return slices.Clone(items), nil
}

func (r *recent) find(layer content.Layer) ([]Item, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, known := range r.lists {
		if known.layer == layer {
			r.lists = append(slices.Delete(r.lists, i, i+1), known)
			return slices.Clone(known.items), true
		}
	}
	return nil, false
}
