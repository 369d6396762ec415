package provision

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// install brings the files of a tree to the host, and takes away what an earlier version installed and this one has
// not. A program that runs goes on with its old file, because a new one takes its name.
func (h *host) install(list []file) error {
	for _, dir := range directories(list) {
		if err := os.MkdirAll(h.path(dir), 0o755); err != nil {
			return err
		}
	}
	wanted := map[string]bool{}
	for _, f := range list {
		wanted[f.to] = true
		if err := h.installFile(f); err != nil {
			return err
		}
	}
	for path, sum := range h.record.Files {
		if wanted[path] {
			continue
		}
		if err := h.uninstallFile(path, sum); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) installFile(f file) error {
	data, err := os.ReadFile(f.from)
	if err != nil {
		return err
	}
	h.record.Files[f.to] = digest(data)
	return h.put(f.to, data, f.mode, -1)
}

// uninstallFile removes a file that nobody has changed since.
func (h *host) uninstallFile(path, sum string) error {
	delete(h.record.Files, path)
	found, err := digestFile(h.path(path))
	if err != nil || found == "" {
		return err
	}
	if found != sum {
		h.note("%s is of an earlier version and was changed; remove it when you do not need it.", path)
		return nil
	}
	h.changed(path + " (removed)")
	return os.Remove(h.path(path))
}

// put makes path hold data with this mode and group, and reports it if it did not. gid -1 leaves the group alone.
func (h *host) put(path string, data []byte, mode fs.FileMode, gid int) error {
	full := h.path(path)
	same, err := holds(full, data)
	if err != nil {
		return err
	}
	changed := !same
	if !same {
		if err := writeFile(full, data, mode); err != nil {
			return err
		}
	}
	info, err := os.Lstat(full)
	if err != nil {
		return err
	}
	if gid >= 0 && group(info) != gid {
		changed = true
		if err := os.Lchown(full, 0, gid); err != nil {
			return err
		}
	}
	if info.Mode().Perm() != mode {
		changed = true
		if err := os.Chmod(full, mode); err != nil {
			return err
		}
	}
	if changed {
		h.changed(path)
	}
	return nil
}

// holds says whether path is a regular file with this content.
func holds(path string, data []byte) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
		return false, err
	}
	found, err := digestFile(path)
	return found == digest(data), err
}

// writeFile replaces path as a whole: a reader sees the old content or the new one, also after a power cut.
func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".left4me-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
