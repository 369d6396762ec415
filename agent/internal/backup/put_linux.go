package backup

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// upper writes one entry of a server's upper, beneath the directory of servers.
func (r *reader) upper(h *tar.Header, at location, content io.Reader) error {
	name := path.Join(at.server, upperName, at.below)
	if at.below == "." {
		if err := r.servers.Mkdir(at.server, 0o711); err != nil {
			return err
		}
		if err := r.servers.Lchown(at.server, r.names.uids[mounter], r.names.gids[mounter]); err != nil {
			return err
		}
	}
	uid, gid := r.names.owner(h, "left4me-game")
	mode := fs.FileMode(h.Mode) & 0o777
	switch h.Typeflag {
	case tar.TypeDir:
		return r.directory(name, h, uid, gid, mode)
	case tar.TypeReg:
		return r.regular(name, content, uid, gid, mode, h.ModTime)
	case tar.TypeSymlink:
		return errors.Join(r.servers.Symlink(h.Linkname, name), r.servers.Lchown(name, uid, gid))
	case tar.TypeChar:
		return r.whiteout(name, uid, gid)
	}
	return fmt.Errorf("%s: entries of kind %q have no place in an upper", h.Name, h.Typeflag)
}

func (r *reader) directory(name string, h *tar.Header, uid, gid int, mode fs.FileMode) error {
	if err := r.servers.Mkdir(name, 0o700); err != nil {
		return err
	}
	dir, err := r.servers.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if h.PAXRecords[opaqueRecord] == "y" {
		if err := unix.Fsetxattr(int(dir.Fd()), opaqueMark, []byte("y"), 0); err != nil {
			return err
		}
	}
	return errors.Join(dir.Chown(uid, gid), dir.Chmod(mode))
}

func (r *reader) regular(name string, content io.Reader, uid, gid int, mode fs.FileMode, at time.Time) error {
	file, err := r.servers.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chown(uid, gid), file.Chmod(mode), file.Close(), r.servers.Chtimes(name, at, at))
}

// whiteout marks a file as deleted. It goes through the open parent: a path could be exchanged.
func (r *reader) whiteout(name string, uid, gid int) error {
	parent, err := r.servers.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.Mknodat(int(parent.Fd()), path.Base(name), unix.S_IFCHR, 0); err != nil {
		return &os.PathError{Op: "mknod", Path: name, Err: err}
	}
	return r.servers.Lchown(name, uid, gid)
}
