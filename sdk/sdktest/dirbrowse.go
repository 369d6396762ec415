package sdktest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// ReadFile implements mounter.Browser.
func (d dirMounter) ReadFile(_ context.Context, layer mounter.Layer, name string, offset, length int64) ([]byte, int64, error) {
	root, err := d.browse(layer)
	if err != nil {
		return nil, 0, err
	}
	return readPart(root, name, offset, length)
}

// readPart reads from a regular file and closes root.
func readPart(root *os.Root, name string, offset, length int64) ([]byte, int64, error) {
	defer root.Close()
	if err := plainPath(root, name, false); err != nil {
		return nil, 0, err
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	data := make([]byte, max(min(length, info.Size()-offset), 0))
	_, err = io.ReadFull(io.NewSectionReader(file, offset, int64(len(data))), data)
	return data, info.Size(), err
}

// ReadDir implements mounter.Browser.
func (d dirMounter) ReadDir(_ context.Context, layer mounter.Layer, name string, report func(mounter.Entry) error) error {
	root, err := d.browse(layer)
	if err != nil {
		return err
	}
	found, err := listDir(root, name)
	if err != nil {
		return err
	}
	return reportAll(found, report)
}

func reportAll(entries []mounter.Entry, report func(mounter.Entry) error) error {
	for _, entry := range entries {
		if err := report(entry); err != nil {
			return err
		}
	}
	return nil
}

// listDir lists a directory, sorted by name, and closes root.
func listDir(root *os.Root, name string) ([]mounter.Entry, error) {
	defer root.Close()
	if name == "" {
		name = "."
	} else if err := plainPath(root, name, true); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return nil, err
	}
	out := make([]mounter.Entry, 0, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		found := mounter.Entry{Name: entry.Name(), Kind: mounter.Other}
		switch {
		case info.IsDir():
			found.Kind = mounter.Directory
		case info.Mode()&fs.ModeSymlink != 0:
			found.Kind = mounter.Link
		case info.Mode().IsRegular():
			found.Kind, found.Size = mounter.RegularFile, info.Size()
		}
		out = append(out, found)
	}
	return out, nil
}

func (d *DirMounter) browse(layer mounter.Layer) (*os.Root, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, err := d.needLayer(layer)
	if err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// plainPath refuses a path with a link in it, and one that leads to something of the wrong kind.
func plainPath(root *os.Root, name string, directory bool) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return sdk.Errorf(sdk.CodeNotFound, "There is no %.200q.", name)
	}
	if err != nil || info.IsDir() != directory || !directory && !info.Mode().IsRegular() {
		return sdk.Errorf(sdk.CodePrecondition, "%.200q is of another kind.", name)
	}
	for outer := path.Dir(name); outer != "."; outer = path.Dir(outer) {
		if info, err := root.Lstat(outer); err != nil || !info.IsDir() {
			return sdk.Errorf(sdk.CodePrecondition, "A link leads to %.200q.", name)
		}
	}
	return nil
}
