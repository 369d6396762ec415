package beneath

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Mkdir makes a directory with exactly this mode and returns whether it was made or there.
func (d *Dir) Mkdir(name string, mode uint32) (made bool, err error) {
	err = unix.Mkdirat(d.FD(), name, mode)
	if err == unix.EEXIST {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "mkdir", Path: d.join(name), Err: err}
	}
	return true, d.Chmod(name, mode)
}

// Ensure opens a directory below d and makes it when absent.
func (d *Dir) Ensure(name string, mode uint32) (*Dir, error) {
	if _, err := d.Mkdir(name, mode); err != nil {
		return nil, err
	}
	return d.Open(name)
}

// Chmod sets the mode of a file or directory. It refuses symbolic links.
func (d *Dir) Chmod(name string, mode uint32) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: strict}
	fd, err := openat2(d.FD(), name, &how)
	if err != nil {
		return &fs.PathError{Op: "chmod", Path: d.join(name), Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return &fs.PathError{Op: "chmod", Path: d.join(name), Err: unix.ELOOP}
	}
	// fchmod refuses O_PATH descriptors; through /proc the very same inode is reached.
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

// Chown sets the owner of an entry without following it.
func (d *Dir) Chown(name string, uid, gid int) error {
	if err := unix.Fchownat(d.FD(), name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "chown", Path: d.join(name), Err: err}
	}
	return nil
}

// Rename moves an entry to another directory. It never replaces: EEXIST when the new name is taken.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	err := unix.Renameat2(d.FD(), name, to.FD(), newName, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: d.join(name), New: to.join(newName), Err: err}
	}
	return nil
}

// Unlink removes a file or link. Absent is fine.
func (d *Dir) Unlink(name string) error {
	return gone(unix.Unlinkat(d.FD(), name, 0), "unlink", d.join(name))
}

// Rmdir removes an empty directory. Absent is fine.
func (d *Dir) Rmdir(name string) error {
	return gone(unix.Unlinkat(d.FD(), name, unix.AT_REMOVEDIR), "rmdir", d.join(name))
}

func gone(err error, op, path string) error {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// RemoveAll removes an entry and all below it. It does not follow links and fails with EXDEV or
// EBUSY at a mount, leaving what is mounted alone.
func (d *Dir) RemoveAll(name string) error {
	err := d.Unlink(name)
	if err == nil || (!errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM)) {
		return err
	}
	sub, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = sub.Clear()
	sub.Close()
	if err != nil {
		return err
	}
	return d.Rmdir(name)
}

// Clear removes everything in d.
func (d *Dir) Clear() error {
	entries, err := d.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := d.RemoveAll(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile puts data under name in one step, durable when it returns. What was there is replaced.
func (d *Dir) WriteFile(name string, data []byte, mode uint32) error {
	temp := ".tmp-" + name
	if err := d.Unlink(temp); err != nil {
		return err
	}
	f, err := d.OpenFile(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, d.Unlink(temp))
	}
	if err := unix.Renameat(d.FD(), temp, d.FD(), name); err != nil {
		return &fs.PathError{Op: "rename", Path: d.join(name), Err: err}
	}
	return d.Sync()
}

// ReadFile returns at most limit bytes of a regular file, and an error when there are more.
func (d *Dir) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := d.OpenFile(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: d.join(name), Err: unix.EFBIG}
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
