package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// Totals of a tree, without its top directory.
type Totals struct {
	Files  uint64 // regular files and links
	Dirs   uint64
	Bytes  uint64 // lengths of the regular files
	Shared uint64 // Bytes of files that have names outside the tree
	// Repeated is what Bytes counts more than once: further names of the same files.
	Repeated uint64
	// Weight is what limits look at. It counts for each file its length or what it takes on the disk,
	// whichever is more, so that neither a sparse file nor many tiny ones look small.
	Weight uint64
}

// Entries is how many names there are.
func (t Totals) Entries() uint64 { return t.Files + t.Dirs }

// Add counts a file or link.
func (t *Totals) Add(st unix.Stat_t) {
	t.Files++
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		t.Bytes += uint64(st.Size)
		t.Weight += uint64(max(st.Size, st.Blocks*512))
	}
}

// Subtract takes away what part counts.
func (t *Totals) Subtract(part Totals) {
	t.Files -= min(part.Files, t.Files)
	t.Dirs -= min(part.Dirs, t.Dirs)
	t.Bytes -= min(part.Bytes, t.Bytes)
	t.Weight -= min(part.Weight, t.Weight)
}

// inode identifies a file on one machine.
type inode struct{ dev, ino uint64 }

type linked struct {
	names, inside uint64
	bytes         uint64
}

type measurer struct {
	ctx    context.Context
	totals Totals
	linked map[inode]linked
}

// Measure adds up trees. A file with several names in them counts once in Bytes for each. What vanishes
// meanwhile is left out, so a tree that somebody writes to can be measured as well.
func Measure(ctx context.Context, dirs ...*beneath.Dir) (Totals, error) {
	m := measurer{ctx: ctx, linked: map[inode]linked{}}
	for _, dir := range dirs {
		if err := m.walk(dir); err != nil {
			return Totals{}, err
		}
	}
	for _, l := range m.linked {
		m.totals.Repeated += l.bytes * (l.inside - 1)
		if l.names > l.inside {
			m.totals.Shared += l.bytes * l.inside
		}
	}
	return m.totals, nil
}

func (m *measurer) walk(dir *beneath.Dir) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	entries, err := dir.Entries()
	if errors.Is(err, fs.ErrNotExist) { // it was removed while it was open
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := m.entry(dir, e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (m *measurer) entry(dir *beneath.Dir, name string) error {
	st, err := dir.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		m.totals.Dirs++
		sub, err := dir.Open(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return nil
		}
		if err != nil {
			return err
		}
		defer sub.Close()
		return m.walk(sub)
	}
	m.totals.Add(st)
	if st.Nlink > 1 {
		key := inode{st.Dev, st.Ino}
		l := m.linked[key]
		m.linked[key] = linked{names: st.Nlink, inside: l.inside + 1, bytes: uint64(st.Size)}
	}
	return nil
}

// MeasureEntry adds up one entry of dir and, if it is a directory, all below it, the entry included.
func MeasureEntry(ctx context.Context, dir *beneath.Dir, name string) (Totals, error) {
	m := measurer{ctx: ctx, linked: map[inode]linked{}}
	if err := m.entry(dir, name); err != nil {
		return Totals{}, fmt.Errorf("measure: %w", err)
	}
	return m.totals, nil
}
