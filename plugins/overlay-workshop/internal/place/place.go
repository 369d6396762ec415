// Package place puts a file from the cache into a staging tree.
//
// It clones the file where the file system can (btrfs, XFS: no bytes are copied, no space is used) and copies it
// elsewhere, also across file systems. It never makes hard links: a committed revision's files get
// another owner and mode, so a link would hand the cache's content over to the user that the game runs as, who
// could then change what every other overlay gets; and the mounter refuses files with names outside of the tree.
package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

// Way tells how a file was placed.
type Way string

// Ways.
const (
	Cloned Way = "cloned"
	Copied Way = "copied"
)

// chunk is how much is copied between two looks at the context.
const chunk = 16 << 20

// File makes name beneath root a file with the content of source. It replaces a file that is there as a whole, never
// in place: the old one may be part of an earlier revision. report is called with the number of bytes done.
func File(ctx context.Context, root *os.Root, name string, source *os.File, report func(done int64)) (Way, error) {
	temporary := path.Join(path.Dir(name), "."+path.Base(name)+".tmp")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return "", err
	}
	target, err := create(root, temporary)
	if err != nil {
		return "", err
	}
	way, err := fill(ctx, target, source, report)
	if err == nil {
		err = target.Chmod(0o644)
	}
	err = errors.Join(err, target.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return "", errors.Join(err, root.Remove(temporary))
	}
	return way, nil
}

// Data makes name beneath root a file with the given content, as a whole.
func Data(root *os.Root, name string, data []byte) error {
	temporary := path.Join(path.Dir(name), "."+path.Base(name)+".tmp")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	target, err := create(root, temporary)
	if err != nil {
		return err
	}
	_, err = target.Write(data)
	err = errors.Join(err, target.Chmod(0o644), target.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return nil
}

// create makes a new file; what a killed build left at its name goes away.
func create(root *os.Root, name string) (*os.File, error) {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func fill(ctx context.Context, target, source *os.File, report func(int64)) (Way, error) {
	info, err := source.Stat()
	if err != nil {
		return "", err
	}
	if clone(target, source) == nil {
		report(info.Size())
		return Cloned, nil
	}
	for done := int64(0); done < info.Size(); report(done) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := io.CopyN(target, source, min(chunk, info.Size()-done)) // in the kernel, where it can
		done += n
		if err != nil {
			return "", err
		}
	}
	return Copied, nil
}
