package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// maxUpperEntries bounds a listing of a directory that a game can fill without end.
const maxUpperEntries = 100_000

// ReadUpperFile implements mounter.Upper.
func (m *Mounter) ReadUpperFile(_ context.Context, server, name string, offset, length int64) ([]byte, int64, error) {
	if err := mounter.CheckPath(name); err != nil {
		return nil, 0, err
	}
	top, _, err := m.upper(server)
	if err != nil {
		return nil, 0, err
	}
	defer top.Close()
	return readPart(top, name, "the files of server "+server, offset, length)
}

// ReadUpperDir implements mounter.Upper.
func (m *Mounter) ReadUpperDir(ctx context.Context, server, name string, report func(mounter.Entry) error) (bool, error) {
	if name != "" {
		if err := mounter.CheckPath(name); err != nil {
			return false, err
		}
	}
	top, e, err := m.upper(server)
	if err != nil {
		return false, err
	}
	defer top.Close()
	dir, opaque, err := e.enterUpper(top, name)
	if err != nil {
		return false, unseenIn("the files of server "+server, name, err)
	}
	defer dir.Close()
	names, whole, err := dir.Names(maxUpperEntries)
	if err != nil {
		return false, err
	}
	if !whole {
		return false, sdk.Errorf(sdk.CodeConflict, "%.200q in the files of server %s has more than %d entries.", name, server, maxUpperEntries).
			WithHint("Reset the whole directory, or look at it on the host.")
	}
	entries, err := e.describeUpper(ctx, dir, names)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if err := report(entry); err != nil {
			return false, err
		}
	}
	return opaque, ctx.Err()
}

// upper opens the upper of a server, which is there whether the server is mounted or not.
func (m *Mounter) upper(server string) (*beneath.Dir, *engine, error) {
	e, err := m.engine()
	if err != nil {
		return nil, nil, err
	}
	if err := disk.CheckID("server", server); err != nil {
		return nil, nil, err
	}
	top, err := e.root.Servers.Open(server + "/" + upperName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, sdk.Errorf(sdk.CodeNotFound, "Server %q has no files of its own.", server)
	}
	return top, e, err
}

// enterUpper opens a directory step by step, and tells whether it or one on the way is marked as opaque.
func (e *engine) enterUpper(top *beneath.Dir, name string) (dir *beneath.Dir, opaque bool, err error) {
	if dir, err = top.Open("."); err != nil {
		return nil, false, err
	}
	if name == "" {
		return dir, false, nil
	}
	for step := range strings.SplitSeq(name, "/") {
		next, err := dir.Open(step)
		dir.Close()
		if err != nil {
			return nil, false, err
		}
		dir = next
		opaque = opaque || e.isOpaque(dir)
	}
	return dir, opaque, nil
}

// isOpaque reports whether a directory hides what the layers below have in it.
func (e *engine) isOpaque(dir *beneath.Dir) bool {
	mark := "trusted.overlay.opaque"
	if e.can.UserXattr {
		mark = "user.overlay.opaque"
	}
	var value [2]byte
	n, err := unix.Fgetxattr(dir.FD(), mark, value[:])
	return err == nil && n == 1 && value[0] == 'y'
}

// describeUpper says what each name is. Names that are gone by now are left out. The order is that of the names as
// they can be sent.
func (e *engine) describeUpper(ctx context.Context, dir *beneath.Dir, names []string) ([]mounter.Entry, error) {
	entries := make([]mounter.Entry, 0, len(names))
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		entry, err := e.describeOne(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entry.Name = strings.ToValidUTF8(name, "\uFFFD")
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, func(a, b mounter.Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

func (e *engine) describeOne(dir *beneath.Dir, name string) (mounter.Entry, error) {
	st, err := dir.Stat(name)
	if err != nil {
		return mounter.Entry{}, err
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case kind == unix.S_IFREG:
		return mounter.Entry{Kind: mounter.RegularFile, Size: st.Size}, nil
	case kind == unix.S_IFLNK:
		return mounter.Entry{Kind: mounter.Link}, nil
	case kind == unix.S_IFCHR && st.Rdev == 0:
		return mounter.Entry{Kind: mounter.Whiteout}, nil
	case kind == unix.S_IFDIR:
		sub, err := dir.Open(name)
		if err != nil { // it was exchanged since
			return mounter.Entry{Kind: mounter.Directory}, nil
		}
		defer sub.Close()
		return mounter.Entry{Kind: mounter.Directory, Opaque: e.isOpaque(sub)}, nil
	}
	return mounter.Entry{Kind: mounter.Other}, nil
}

// RemovePath implements mounter.Upper.
func (m *Mounter) RemovePath(ctx context.Context, server, name string) (bool, error) {
	e, err := m.engine()
	if err != nil {
		return false, err
	}
	if err := disk.CheckID("server", server); err != nil {
		return false, err
	}
	if err := mounter.CheckPath(name); err != nil {
		return false, err
	}
	dir, err := lockSubject(ctx, e.root.Servers, server, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	if err := e.atRest(ctx, serverSubject(dir, server)); err != nil {
		return false, err
	}
	parent, err := dir.Open(path.Join(upperName, path.Dir(name)))
	if errors.Is(err, fs.ErrNotExist) || sdk.CodeOf(unseenIn("", name, err)) == sdk.CodePrecondition || errors.Is(err, unix.ENAMETOOLONG) {
		return false, nil // nothing is there; what a link leads to is elsewhere
	}
	if err != nil {
		return false, err
	}
	defer parent.Close()
	existed, err := parent.Exists(path.Base(name))
	if err != nil || !existed {
		return false, err
	}
	if err := parent.RemoveAll(path.Base(name)); err != nil {
		return false, fmt.Errorf("remove %q: %w", name, err)
	}
	return true, parent.Sync()
}

// atRest refuses a server whose upper a file system may still use.
func (e *engine) atRest(ctx context.Context, s subject) error {
	_, mounted, err := overlayfs.At(s.dir, treeName)
	if err != nil {
		return err
	}
	if mounted {
		return sdk.Errorf(sdk.CodePrecondition, "Server %q is mounted.", s.id).WithHint("Stop it first.")
	}
	state, err := disk.ReadState(s.dir)
	if err != nil || state.Detached == "" {
		return err
	}
	return e.released(ctx, s, "change", state.Detached)
}
