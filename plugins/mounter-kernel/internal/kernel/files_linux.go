package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// WriteFiles implements mounter.Stacker. All paths are checked before the first file is written. A
// server that is not there yet is made. Secret files belong to the mounter and are readable by the
// game's group; the others belong to the game.
func (m *Mounter) WriteFiles(ctx context.Context, server string, files []mounter.File) error {
	e, err := m.engine()
	if err != nil {
		return err
	}
	if err := disk.CheckID("server", server); err != nil {
		return err
	}
	for _, f := range files {
		if err := checkPath(f.Path, e.limits.MaxPath); err != nil {
			return err
		}
	}
	dir, err := lockSubject(ctx, e.root.Servers, server, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	top, mounted, err := e.writable(ctx, serverSubject(dir, server))
	if err != nil {
		return err
	}
	defer top.Close()
	w := writer{owners: e.root.Owners(), can: e.can, raw: !mounted}
	for _, f := range files {
		if err := errors.Join(ctx.Err(), w.write(top, f)); err != nil {
			return explainWrite(f.Path, err)
		}
	}
	return nil
}

func checkPath(name string, most int) error {
	if name == "" || len(name) > most || !fs.ValidPath(name) || name == "." ||
		!utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return sdk.Errorf(sdk.CodeInvalid, "%.200q is not the path of a file in a server's tree.", name).
			WithHint(`Give a relative path such as "left4dead2/cfg/server.cfg".`)
	}
	return nil
}

func explainWrite(name string, err error) error {
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EXDEV):
		return sdk.Wrap(err, sdk.CodeConflict, fmt.Sprintf("Cannot write %q: on its way is a link or a file where a directory should be.", name)).
			WithHint("Remove what is in the way from the server's files, or reset the server.")
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENOTEMPTY):
		return sdk.Wrap(err, sdk.CodeConflict, fmt.Sprintf("Cannot write %q: there is a directory of that name.", name)).
			WithHint("Remove the directory from the server's files, or reset the server.")
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return sdk.Wrap(err, sdk.CodeUnavailable, fmt.Sprintf("Cannot write %q: the disk is full.", name)).
			WithHint("Free some space, then try again.")
	}
	return fmt.Errorf("write %s: %w", name, err)
}

// writable opens the tree of a server if it is mounted, else its upper.
func (e *engine) writable(ctx context.Context, s subject) (top *beneath.Dir, mounted bool, err error) {
	info, mounted, err := overlayfs.At(s.dir, treeName)
	if err != nil {
		return nil, false, err
	}
	if mounted {
		if !s.owns(info) {
			return nil, false, s.foreign(info)
		}
		top, err = s.dir.OpenMount(treeName, false)
		return top, true, err
	}
	state, err := disk.ReadState(s.dir)
	if err != nil {
		return nil, false, err
	}
	if err := e.makeEmpty(ctx, s, state); err != nil {
		return nil, false, err
	}
	top, err = s.dir.Open(upperName)
	return top, false, err
}

// writer puts files below a directory that the game can change at any moment.
type writer struct {
	owners disk.Owners
	can    overlayfs.Abilities
	raw    bool // below is an upper, whose deletions and marks are to be respected
}

func (w writer) write(top *beneath.Dir, f mounter.File) error {
	dir := top
	parts := strings.Split(f.Path, "/")
	for _, name := range parts[:len(parts)-1] {
		next, err := w.enter(dir, name)
		if dir != top {
			dir.Close()
		}
		if err != nil {
			return err
		}
		dir = next
	}
	if dir != top {
		defer dir.Close()
	}
	return w.put(dir, path.Base(f.Path), f)
}

// enter opens a directory and makes it when absent.
func (w writer) enter(dir *beneath.Dir, name string) (*beneath.Dir, error) {
	deleted := false
	if st, err := dir.Stat(name); w.raw && err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 {
		deleted = true
		if err := dir.Unlink(name); err != nil {
			return nil, err
		}
	}
	made, err := dir.Mkdir(name, 0o755)
	if err != nil {
		return nil, err
	}
	sub, err := dir.Open(name)
	if err != nil || !made {
		return sub, err
	}
	if err := w.adorn(sub, deleted); err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// adorn gives a directory just made to the game. Where one was deleted, it must stay as empty as that
// one was: what the layers below have must not come back.
func (w writer) adorn(dir *beneath.Dir, opaque bool) error {
	if err := unix.Fchown(dir.FD(), w.owners.GameUID, w.owners.GameGID); err != nil {
		return err
	}
	if !opaque {
		return nil
	}
	mark := "trusted.overlay.opaque"
	if w.can.UserXattr {
		mark = "user.overlay.opaque"
	}
	return unix.Fsetxattr(dir.FD(), mark, []byte("y"), 0)
}

// put writes beside the target and renames over it. The name of the new file depends only on the
// target, so what a killed mounter left is replaced by the next try. What the game puts there in the
// meantime cannot be followed, only overwritten or fail us.
func (w writer) put(dir *beneath.Dir, name string, f mounter.File) error {
	sum := sha256.Sum256([]byte(name))
	temp := ".left4me-" + hex.EncodeToString(sum[:6])
	if err := dir.RemoveAll(temp); err != nil {
		return err
	}
	out, err := dir.OpenFile(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	err = errors.Join(err, w.give(out, f.Secret), out.Sync(), out.Close())
	if err == nil {
		err = unix.Renameat(dir.FD(), temp, dir.FD(), name)
	}
	if err != nil {
		return errors.Join(err, dir.Unlink(temp))
	}
	return nil
}

func (w writer) give(f *os.File, secret bool) error {
	uid, mode := w.owners.GameUID, uint32(0o644)
	if secret {
		uid, mode = os.Geteuid(), 0o640
	}
	fd := int(f.Fd())
	return errors.Join(unix.Fchown(fd, uid, w.owners.GameGID), unix.Fchmod(fd, mode))
}
