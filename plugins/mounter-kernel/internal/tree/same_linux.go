package tree

import (
	"bytes"
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// chunk is how much of two files is compared at a time.
const chunk = 256 << 10

// Entry is a name in a directory, with its description.
type Entry struct {
	Dir  *beneath.Dir
	Name string
	Stat unix.Stat_t
}

// Look describes a name in dir.
func Look(dir *beneath.Dir, name string) (Entry, error) {
	st, err := dir.Stat(name)
	return Entry{Dir: dir, Name: name, Stat: st}, err
}

// Kind is the file type bits of the mode.
func (e Entry) Kind() uint32 { return e.Stat.Mode & unix.S_IFMT }

// Executable reports whether anybody may run it. Of all mode bits, content keeps only this.
func (e Entry) Executable() bool { return e.Stat.Mode&0o111 != 0 }

// Same reports whether two files or links have equal content and are both executable or both not.
// Directories are never the same.
func Same(ctx context.Context, a, b Entry) (bool, error) {
	if a.Kind() != b.Kind() {
		return false, nil
	}
	switch a.Kind() {
	case unix.S_IFLNK:
		return sameLink(a, b)
	case unix.S_IFREG:
		if a.Stat.Dev == b.Stat.Dev && a.Stat.Ino == b.Stat.Ino {
			return true, nil
		}
		if a.Stat.Size != b.Stat.Size || a.Executable() != b.Executable() {
			return false, nil
		}
		return sameData(ctx, a, b)
	}
	return false, nil
}

func sameLink(a, b Entry) (bool, error) {
	x, err := a.Dir.Readlink(a.Name)
	if err != nil {
		return false, err
	}
	y, err := b.Dir.Readlink(b.Name)
	return x == y, err
}

func sameData(ctx context.Context, a, b Entry) (bool, error) {
	x, err := a.Dir.OpenFile(a.Name, unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := b.Dir.OpenFile(b.Name, unix.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer y.Close()
	return sameStream(ctx, x, y)
}

func sameStream(ctx context.Context, x, y io.Reader) (bool, error) {
	left, right := make([]byte, chunk), make([]byte, chunk)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, errX := io.ReadFull(x, left)
		m, errY := io.ReadFull(y, right)
		if !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		for _, err := range []error{errX, errY} {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return false, err
			}
		}
		if errX != nil || errY != nil {
			return true, nil
		}
	}
}
