package cache

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile locks file for this process without waiting. The kernel unlocks it when the process ends.
func lockFile(file *os.File) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// isOurs reports whether only this process's user can change a file. A content that was linked into an overlay
// may have got another owner there; that user could have changed it.
func isOurs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == uint32(os.Geteuid()) && info.Mode().Perm()&0o022 == 0
}

// Free returns how many bytes an unprivileged user can still write to the file system that holds dir.
func Free(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// SameSpace reports whether two directories use up the same free space. Device numbers do not tell: a staging tree is
// an overlayfs mount with one of its own, but the figures it gives are those of the file system below.
func SameSpace(a, b string) bool {
	var x, y unix.Statfs_t
	return unix.Statfs(a, &x) == nil && unix.Statfs(b, &y) == nil && x.Blocks == y.Blocks && x.Bsize == y.Bsize && x.Files == y.Files
}
