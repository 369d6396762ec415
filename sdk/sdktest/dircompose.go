package sdktest

import (
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk/mounter"
)

// merged is a stack of layers seen as one tree, by path.
type merged struct {
	from map[string]string // the file each entry comes from
	tree Tree
	err  error
}

// compose stacks layers, highest first, takes away the paths in gone, and puts upper on top. As with
// overlayfs, directories merge and anything else hides what lies below.
func (d *DirMounter) compose(layers []mounter.Layer, upper string, gone []string) merged {
	m := merged{from: map[string]string{}, tree: Tree{}}
	for _, layer := range slices.Backward(layers) {
		m.add(d.layerDir(layer))
	}
	for _, name := range gone {
		m.remove(name)
	}
	if upper != "" {
		m.add(upper)
	}
	return m
}

func (m *merged) add(dir string) {
	if m.err != nil {
		return
	}
	tree, err := ReadTree(dir)
	if err != nil {
		m.err = err
		return
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		entry := tree[name]
		if old, was := m.tree[name]; was && (!entry.Mode.IsDir() || !old.Mode.IsDir()) {
			m.remove(name)
		}
		m.tree[name], m.from[name] = entry, filepath.Join(dir, filepath.FromSlash(name))
	}
}

func (m *merged) remove(name string) {
	below := name + "/"
	maps.DeleteFunc(m.tree, func(key string, _ Entry) bool {
		return key == name || strings.HasPrefix(key, below)
	})
}

// materialise makes dir an independent copy of m, replacing what a crash may have left there.
func (d *DirMounter) materialise(ctx context.Context, dir string, m merged) error {
	if m.err != nil {
		return m.err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.tree)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyEntry(m.from[name], filepath.Join(dir, filepath.FromSlash(name)), m.tree[name]); err != nil {
			return err
		}
	}
	return nil
}

// copyEntry copies one entry and its permissions. Directories are made without what they hold.
func copyEntry(from, to string, entry Entry) error {
	switch {
	case entry.Mode.IsDir():
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return os.Chmod(to, entry.Mode.Perm()|0o700) // its entries follow
	case entry.Mode&fs.ModeSymlink != 0:
		return os.Symlink(entry.Link, to)
	case entry.Mode.IsRegular():
		if err := copyFile(from, to); err != nil {
			return err
		}
	default:
		return nil // pipes and the like of a game are not worth keeping
	}
	return os.Chmod(to, entry.Mode.Perm())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close() // the copy's error matters more
		return err
	}
	return out.Close()
}

// delta splits what a game did to a mounted tree into what it added or changed, with the directories
// that lead there, and the paths that are gone.
func delta(below, now Tree) (upper Tree, gone []string) {
	upper = Tree{}
	for name, entry := range now {
		if below[name] == entry {
			continue
		}
		upper[name] = entry
		for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
			upper[dir] = now[dir]
		}
	}
	for name := range below {
		if _, is := now[name]; !is {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return upper, gone
}
