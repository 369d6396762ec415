package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk/mounter"
)

// check compares everything on disk and in the mount table with what must be true.
func (w *walk) check() {
	w.t.Helper()
	w.checkLayers()
	w.checkServers()
	w.checkRubbish()
}

func (w *walk) checkLayers() {
	w.t.Helper()
	there := map[mounter.Layer]bool{}
	staged := map[string]bool{}
	err := w.m.List(w.t.Context(), func(ref mounter.Ref) error {
		if ref.Build != "" {
			staged[ref.Build] = true
		} else if !ref.Layer.IsZero() {
			there[ref.Layer] = true
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for l, want := range w.maybe { // now it is known
		if there[l] {
			w.sets[l] = want
		}
	}
	clear(w.maybe)
	for l, want := range w.sets {
		if diff := cmp.Diff(want, w.read(filepath.Join(w.root, "overlays", l.Overlay, l.Revision))); diff != "" {
			w.t.Errorf("%s (-want +got): %s", l, diff)
		}
		delete(there, l)
	}
	if len(there) > 0 {
		w.t.Error("revisions nobody committed:", there)
	}
	for id, b := range w.builds {
		if !staged[id] && b.want != nil {
			if !w.wasCommitted(b.want) {
				w.t.Errorf("the build %s is gone", id)
			}
			delete(w.builds, id)
		}
		if !staged[id] {
			delete(w.builds, id)
		}
	}
}

// wasCommitted reports whether some revision has this content: a killed commit may have come to its end.
func (w *walk) wasCommitted(want files) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(w.sets)), func(f files) bool { return maps.Equal(f, want) })
}

func (w *walk) read(dir string) files {
	out := files{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode() != 0o664 {
			w.t.Errorf("%s has mode %v", path, info.Mode())
		}
		data, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir+"/")] = string(data)
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	return out
}

func (w *walk) checkServers() {
	w.t.Helper()
	mounts, err := w.m.Mounts(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	mounted := map[string]mounter.Mount{}
	for _, m := range mounts {
		mounted[m.Server] = m
	}
	for id, s := range w.servers {
		m, is := mounted[id]
		if s.unsure {
			s.unsure = false
			if !is {
				s.lowers = nil
			}
		}
		if is != (s.lowers != nil) || is && !slices.Equal(m.Lowers, s.lowers) {
			w.t.Errorf("server %s is mounted %t with %v, want %v", id, is, m.Lowers, s.lowers)
		}
		if !is {
			continue
		}
		want := files{}
		for _, l := range slices.Backward(m.Lowers) {
			maps.Copy(want, w.sets[l])
		}
		maps.Copy(want, s.own)
		for name, text := range want {
			if got, err := os.ReadFile(filepath.Join(m.Path, name)); err != nil || string(got) != text {
				w.t.Errorf("server %s: %s is %q, %v, want %q", id, name, got, err, text)
			}
		}
	}
}

// checkRubbish looks for what no crash may leave once a new process has started.
func (w *walk) checkRubbish() {
	w.t.Helper()
	for _, pattern := range []string{
		"overlays/*/.new-*", "overlays/*/.gone-*", "builds/.gone-*", "servers/.gone-*", "servers/*/.gone-*",
	} {
		if left, _ := filepath.Glob(filepath.Join(w.root, pattern)); len(left) > 0 {
			w.t.Error("left:", left)
		}
	}
	records, _ := filepath.Glob(filepath.Join(w.root, "overlays/*/.rev-*.json"))
	for _, path := range records {
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), ".rev-"), ".json")
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), id)); err != nil {
			w.t.Error("a record without content:", path)
		}
	}
	mounts, err := overlayfs.ReadMounts()
	if err != nil {
		w.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range mounts {
		if !strings.HasPrefix(m.Point, w.root+"/") {
			continue
		}
		if filepath.Base(m.Point) != "tree" || seen[m.Point] {
			w.t.Error("mounted:", m.Point)
		}
		seen[m.Point] = true
	}
}
