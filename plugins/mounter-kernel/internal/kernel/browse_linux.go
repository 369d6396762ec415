package kernel

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// ReadFile implements mounter.Browser.
func (m *Mounter) ReadFile(_ context.Context, layer mounter.Layer, path string, offset, length int64) ([]byte, int64, error) {
	dir, err := m.layer(layer)
	if err != nil {
		return nil, 0, err
	}
	defer dir.Close()
	return readPart(dir, path, layer.String(), offset, length)
}

// readPart reads from a regular file below dir. What is there can be exchanged at any moment; what was opened is looked at.
func readPart(dir *beneath.Dir, path, where string, offset, length int64) ([]byte, int64, error) {
	file, err := dir.OpenFile(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, 0, unseenIn(where, path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, sdk.Errorf(sdk.CodePrecondition, "%.200q in %s is not a file.", path, where)
	}
	data := make([]byte, max(min(length, info.Size()-offset), 0))
	n, err := io.ReadFull(io.NewSectionReader(file, offset, int64(len(data))), data)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) { // it was cut meanwhile
		return data[:n], offset + int64(n), nil
	}
	return data, info.Size(), err
}

// ReadDir implements mounter.Browser.
func (m *Mounter) ReadDir(ctx context.Context, layer mounter.Layer, path string, report func(mounter.Entry) error) error {
	dir, err := m.layer(layer)
	if err != nil {
		return err
	}
	defer dir.Close()
	if path != "" {
		inner, err := dir.Open(path)
		if err != nil {
			return unseenIn(layer.String(), path, err)
		}
		defer inner.Close()
		dir = inner
	}
	entries, err := dir.Entries()
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found, ok, err := describe(dir, entry.Name())
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := report(found); err != nil {
			return err
		}
	}
	return nil
}

// layer opens a layer for reading.
func (m *Mounter) layer(l mounter.Layer) (*beneath.Dir, error) {
	e, err := m.engine()
	if err != nil {
		return nil, err
	}
	if err := disk.CheckLayer(l); err != nil {
		return nil, err
	}
	return e.root.Content(l)
}

// describe is not ok for what layers should not hold: admission refuses it.
func describe(dir *beneath.Dir, name string) (entry mounter.Entry, ok bool, err error) {
	st, err := dir.Stat(name)
	if err != nil {
		return mounter.Entry{}, false, err
	}
	entry = mounter.Entry{Name: name}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		entry.Kind, entry.Size = mounter.RegularFile, st.Size
	case unix.S_IFDIR:
		entry.Kind = mounter.Directory
	case unix.S_IFLNK:
		entry.Kind = mounter.Link
	default:
		return entry, false, nil
	}
	return entry, true, nil
}

// unseenIn says why something cannot be opened. A link on the way, or one that leads out, gives ELOOP or EXDEV.
func unseenIn(l, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENAMETOOLONG):
		return sdk.Errorf(sdk.CodeNotFound, "There is no %.200q in %s.", path, l)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENXIO):
		return sdk.Errorf(sdk.CodePrecondition, "%.200q in %s is of another kind, or a link leads there.", path, l)
	}
	return err
}
