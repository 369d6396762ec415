package backup

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Marks that overlayfs keeps in an upper (Documentation/filesystems/overlayfs.rst): a character device 0:0 stands for
// a deleted file, and this attribute for a directory that hides what is below.
const (
	opaqueMark   = "trusted.overlay.opaque"
	opaqueRecord = "SCHILY.xattr." + opaqueMark
)

// servers takes the upper of every server. The game owns and changes what is in it, so nothing follows a link.
func (w *writer) servers() error {
	root, err := os.OpenRoot(filepath.Join(w.Root, contentDir, serversDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() || !serverID.MatchString(entry.Name()) {
			continue
		}
		if err := w.server(root, entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) server(servers *os.Root, id string) error {
	upper, err := servers.OpenRoot(path.Join(id, upperName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // never started
	}
	if err != nil {
		return err
	}
	defer upper.Close()
	w.result.Servers++
	prefix := path.Join(serversDir, id, upperName)
	return fs.WalkDir(upper.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the game removed it meanwhile
		}
		if err != nil {
			return err
		}
		err = w.entry(upper, prefix, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func (w *writer) entry(upper *os.Root, prefix, name string) error {
	info, err := upper.Lstat(name)
	if err != nil {
		return err
	}
	header := w.names.header(info)
	header.Name = path.Join(prefix, name)
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return w.regular(upper, name, header)
	case mode.IsDir():
		header.Typeflag = tar.TypeDir
		if opaque(upper, name) {
			header.PAXRecords = map[string]string{opaqueRecord: "y"}
		}
	case mode&fs.ModeSymlink != 0:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = upper.Readlink(name); err != nil {
			return err
		}
	case isWhiteout(info):
		header.Typeflag = tar.TypeChar
	default:
		w.note("%s is no file, directory or link and was left out.", header.Name)
		return nil
	}
	return w.tar.WriteHeader(&header)
}

func (w *writer) regular(upper *os.Root, name string, header tar.Header) error {
	// Without waiting: it may have become a pipe since.
	file, err := upper.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ELOOP) {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	return w.file(header, file, info.Size())
}

func isWhiteout(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && st.Rdev == 0
}

func opaque(upper *os.Root, name string) bool {
	dir, err := upper.Open(name)
	if err != nil {
		return false
	}
	defer dir.Close()
	var value [1]byte
	n, err := unix.Fgetxattr(int(dir.Fd()), opaqueMark, value[:])
	return err == nil && n == 1 && value[0] == 'y'
}
