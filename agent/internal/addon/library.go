package addon

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// keepViews is how many stacks a Library remembers.
const keepViews = 32

// Library remembers views. A revision never changes, so what was seen once stays true. It is safe for concurrent use.
type Library struct {
	source Source

	mu    sync.Mutex
	views []*entry // least recently used first
}

type entry struct {
	key  string
	done chan struct{} // closed when view or err is there
	view View
	err  error
}

// NewLibrary returns a Library over source.
func NewLibrary(source Source) *Library { return &Library{source: source} }

// View returns what a stack brings, highest overlay first. The first look reads every VPK's list of files; callers that
// come meanwhile wait for it.
func (l *Library) View(ctx context.Context, layers []Layer) (View, error) {
	for {
		found, mine := l.claim(keyOf(layers))
		if mine {
			found.view, found.err = Look(ctx, l.source, layers)
			if found.err != nil {
				l.drop(found)
			}
			close(found.done)
			return found.view, found.err
		}
		select {
		case <-found.done:
		case <-ctx.Done():
			return View{}, ctx.Err()
		}
		if found.err == nil {
			return found.view, nil
		}
		if ctx.Err() != nil {
			return View{}, ctx.Err()
		} // else whoever looked may have given up; look again
	}
}

// claim returns the entry of a stack, and whether the caller must fill it.
func (l *Library) claim(key string) (*entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := slices.IndexFunc(l.views, func(e *entry) bool { return e.key == key }); at >= 0 {
		found := l.views[at]
		l.views = append(slices.Delete(l.views, at, at+1), found)
		return found, false
	}
	if len(l.views) >= keepViews {
		l.views = slices.Delete(l.views, 0, 1)
	}
	made := &entry{key: key, done: make(chan struct{})}
	l.views = append(l.views, made)
	return made, true
}

func (l *Library) drop(gone *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.views = slices.DeleteFunc(l.views, func(e *entry) bool { return e == gone })
}

func keyOf(layers []Layer) string {
	var key strings.Builder
	for _, layer := range layers {
		key.WriteString(layer.Overlay + "=" + layer.Layer.Overlay + "/" + layer.Revision + "\n")
	}
	return key.String()
}
