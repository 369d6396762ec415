package beneath

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// strict is how everything below a root is resolved.
const strict = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// maxAgain bounds the retries of openat2, which gives EAGAIN while something else renames.
const maxAgain = 128

// Dir is an open directory. The name is for messages only. Methods are safe for concurrent use, but
// for Entries and Lock, which use the position and the lock of the one open file.
type Dir struct {
	file *os.File
}

// OpenRoot opens an absolute path, none of whose elements may be a symbolic link.
func OpenRoot(path string) (*Dir, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	return open(unix.AT_FDCWD, path, path, &how)
}

// Open opens a directory below d for reading, on the same mount.
func (d *Dir) Open(name string) (*Dir, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: strict}
	return open(d.FD(), name, d.join(name), &how)
}

// OpenPath opens a directory below d as a mere reference (O_PATH), on the same mount.
func (d *Dir) OpenPath(name string) (*Dir, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: strict}
	return open(d.FD(), name, d.join(name), &how)
}

// OpenRef is OpenPath for many directories: it returns the bare descriptor, which the caller closes.
func (d *Dir) OpenRef(name string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: strict}
	fd, err := openat2(d.FD(), name, &how)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: d.join(name), Err: err}
	}
	return fd, nil
}

// OpenMount opens a directory below d that may be the root of another mount. ref asks for a mere
// reference, which holds a mount busy just as any descriptor does.
func (d *Dir) OpenMount(name string, ref bool) (*Dir, error) {
	how := unix.OpenHow{Flags: unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: strict &^ unix.RESOLVE_NO_XDEV}
	if ref {
		how.Flags |= unix.O_PATH
	}
	return open(d.FD(), name, d.join(name), &how)
}

// OpenFile opens a file below d with the given flags, on the same mount. A FIFO does not block it.
func (d *Dir) OpenFile(name string, flags int, mode uint32) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags) | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK,
		Mode:    uint64(mode),
		Resolve: strict,
	}
	fd, err := openat2(d.FD(), name, &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.join(name), Err: err}
	}
	return os.NewFile(uintptr(fd), d.join(name)), nil
}

// Resolve follows name, links included, as long as it stays below d. It returns syscall errors:
// EXDEV when a link leads out, ELOOP, ENOENT.
func (d *Dir) Resolve(name string) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := openat2(d.FD(), name, &how)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func open(at int, name, label string, how *unix.OpenHow) (*Dir, error) {
	fd, err := openat2(at, name, how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: label, Err: err}
	}
	return FromFD(fd, label), nil
}

func openat2(at int, name string, how *unix.OpenHow) (int, error) {
	for try := 0; ; try++ {
		fd, err := unix.Openat2(at, name, how)
		if (err == unix.EAGAIN && try < maxAgain) || err == unix.EINTR {
			continue
		}
		return fd, err
	}
}

// FromFD takes over a directory descriptor.
func FromFD(fd int, label string) *Dir { return &Dir{file: os.NewFile(uintptr(fd), label)} }

// FD returns the descriptor, valid until Close.
func (d *Dir) FD() int { return int(d.file.Fd()) }

// Name returns the path the directory was opened by.
func (d *Dir) Name() string { return d.file.Name() }

// Proc returns a path that names the open directory itself in this process.
func (d *Dir) Proc() string { return "/proc/self/fd/" + strconv.Itoa(d.FD()) }

// Close releases the descriptor. Closing nil is fine.
func (d *Dir) Close() error {
	if d == nil {
		return nil
	}
	return d.file.Close()
}

// Sync makes the entries of d durable.
func (d *Dir) Sync() error { return d.file.Sync() }

// SyncFS makes everything on the file system of d durable.
func (d *Dir) SyncFS() error { return unix.Syncfs(d.FD()) }

func (d *Dir) join(name string) string { return d.Name() + "/" + name }

// Stat describes an entry without following it.
func (d *Dir) Stat(name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.FD(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return st, &fs.PathError{Op: "stat", Path: d.join(name), Err: err}
	}
	return st, nil
}

// StatSelf describes d.
func (d *Dir) StatSelf() (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstat(d.FD(), &st)
	return st, err
}

// Exists reports whether there is an entry, of whatever kind.
func (d *Dir) Exists(name string) (bool, error) {
	_, err := d.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Readlink returns the target of a symbolic link.
func (d *Dir) Readlink(name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.FD(), name, buf)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: d.join(name), Err: err}
	}
	return string(buf[:n]), nil
}

// Entries lists d in no particular order. The directory is read from its start each time.
func (d *Dir) Entries() ([]fs.DirEntry, error) {
	if _, err := d.file.Seek(0, 0); err != nil {
		return nil, fmt.Errorf("rewind: %w", err)
	}
	return d.file.ReadDir(-1)
}

// Names lists at most limit names of d in no particular order, and tells whether these are all.
func (d *Dir) Names(limit int) (names []string, whole bool, err error) {
	if _, err := d.file.Seek(0, 0); err != nil {
		return nil, false, fmt.Errorf("rewind: %w", err)
	}
	names, err = d.file.Readdirnames(limit + 1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names[:min(len(names), limit)], len(names) <= limit, err
}
