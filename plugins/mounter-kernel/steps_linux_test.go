package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// stage begins a build over nothing or a revision and changes some files.
func (w *walk) stage(ctx context.Context) (func(bool), error) {
	var base mounter.Layer
	if w.rand.IntN(3) > 0 {
		base, _ = pick(w, w.sets, byName)
	}
	id := w.id("b")
	want := maps.Clone(w.sets[base])
	if want == nil {
		want = files{}
	}
	staging, err := w.m.Stage(ctx, id, base)
	if err != nil {
		w.builds[id] = build{base, nil} // may be there
		return func(bool) {}, err
	}
	for i := range 1 + w.rand.IntN(20) {
		name := fmt.Sprintf("d%d/f%d", w.rand.IntN(3), w.rand.IntN(6))
		if w.rand.IntN(3) == 0 {
			delete(want, name)
			err = os.RemoveAll(filepath.Join(staging.Path, name))
		} else {
			want[name] = fmt.Sprint(id, i)
			err = put(filepath.Join(staging.Path, name), want[name])
		}
		if err != nil {
			w.t.Error(err)
		}
	}
	w.builds[id] = build{base, want}
	return func(bool) {}, nil
}

func put(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func (w *walk) commit(ctx context.Context) (func(bool), error) {
	id, ok := pick(w, w.builds, strings.Compare)
	if !ok || w.builds[id].want == nil {
		return nil, nil
	}
	target := mounter.Layer{Overlay: fmt.Sprint("o", w.rand.IntN(overlays)), Revision: w.id("r")}
	want := w.builds[id].want
	// After a restart the tree has to be staged again, as a builder that resumes does.
	if _, err := w.m.Stage(ctx, id, w.builds[id].base); err != nil {
		return func(bool) {}, err
	}
	_, err := w.m.Commit(ctx, mounter.CommitRequest{Build: id, Target: target})
	return func(ok bool) {
		if ok {
			delete(w.builds, id)
			w.sets[target] = want
			return
		}
		w.maybe[target] = want
	}, err
}

func (w *walk) discard(ctx context.Context) (func(bool), error) {
	id, ok := pick(w, w.builds, strings.Compare)
	if !ok {
		return nil, nil
	}
	_, err := w.m.Discard(ctx, id)
	return func(ok bool) {
		if ok {
			delete(w.builds, id)
		} else {
			w.builds[id] = build{w.builds[id].base, nil}
		}
	}, err
}

func (w *walk) mount(ctx context.Context) (func(bool), error) {
	id := fmt.Sprint("s", w.rand.IntN(3))
	lowers := slices.SortedFunc(maps.Keys(w.sets), byName)
	w.rand.Shuffle(len(lowers), func(i, j int) { lowers[i], lowers[j] = lowers[j], lowers[i] })
	lowers = lowers[:min(len(lowers), 1+w.rand.IntN(4))]
	s := w.server(id)
	if len(lowers) == 0 || s.lowers != nil || s.unsure {
		return nil, nil
	}
	mount, _, err := w.m.Mount(ctx, id, lowers)
	return func(ok bool) {
		s.lowers, s.unsure = lowers, !ok
		if !ok {
			return
		}
		name := fmt.Sprintf("d%d/own", w.rand.IntN(3))
		s.own[name] = w.id("own")
		if err := put(filepath.Join(mount.Path, name), s.own[name]); err != nil {
			w.t.Error(err)
		}
	}, err
}

func (w *walk) server(id string) *server {
	if w.servers[id] == nil {
		w.servers[id] = &server{own: files{}}
	}
	return w.servers[id]
}

func (w *walk) unmount(ctx context.Context) (func(bool), error) {
	id, ok := pick(w, w.servers, strings.Compare)
	if !ok {
		return nil, nil
	}
	_, err := w.m.Unmount(ctx, id, false)
	return func(ok bool) {
		w.servers[id].unsure = !ok
		if ok {
			w.servers[id].lowers = nil
		}
	}, err
}

func (w *walk) write(ctx context.Context) (func(bool), error) {
	id := fmt.Sprint("s", w.rand.IntN(3))
	s := w.server(id)
	name, text := fmt.Sprintf("d%d/cfg", w.rand.IntN(3)), w.id("cfg")
	err := w.m.WriteFiles(ctx, id, []mounter.File{{Path: name, Data: []byte(text)}})
	return func(ok bool) {
		if ok {
			s.own[name] = text
		} else {
			delete(s.own, name) // the old one or the new one
		}
	}, err
}

// remove removes a revision, which is refused while something needs it.
func (w *walk) remove(ctx context.Context) (func(bool), error) {
	l, ok := pick(w, w.sets, byName)
	if !ok || len(w.sets) < 4 {
		return nil, nil
	}
	_, err := w.m.Remove(ctx, mounter.Ref{Layer: l}, false)
	if sdk.CodeOf(err) == sdk.CodePrecondition {
		if !w.needed(l) {
			w.t.Errorf("remove of %s, which nothing needs: %v", l, err)
		}
		return nil, nil
	}
	return func(ok bool) {
		if ok && w.needed(l) {
			w.t.Errorf("%s was removed although it is needed", l)
		}
		if !ok {
			w.maybe[l] = w.sets[l]
		}
		delete(w.sets, l)
	}, err
}

func (w *walk) needed(l mounter.Layer) bool {
	for _, b := range w.builds {
		if b.base == l {
			return true
		}
	}
	for _, s := range w.servers {
		if slices.Contains(s.lowers, l) {
			return true
		}
	}
	return false
}
