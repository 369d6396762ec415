package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// databases gives databases, their sidecars and copies back to the program that writes them, with no rights for
// others (S12). A person who once ran a tool as root leaves a "-wal" of root behind, and the program can write no
// more; a command line in the unit of the agent runs this before each start.
func (h *host) databases() error {
	for _, d := range []struct{ dir, user string }{{agentDir, "left4me"}, {panelDir, "left4me-web"}} {
		uid, err := h.uid(d.user)
		if err != nil {
			return err
		}
		gid, err := h.gid(d.user)
		if err != nil {
			return err
		}
		if err := h.mendDatabases(d.dir, uid, gid); err != nil {
			return fmt.Errorf("%s: %w", d.dir, err)
		}
	}
	return nil
}

// Databases does this one step, without a report.
func Databases() error { return (&host{root: "/"}).databases() }

func (h *host) mendDatabases(dir string, uid, gid int) error {
	root, err := os.OpenRoot(h.path(dir))
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
		if entry.Type().IsRegular() && isDatabase(entry.Name()) {
			if err := h.mendDatabase(root, dir, entry.Name(), uid, gid); err != nil {
				return err
			}
		}
	}
	return nil
}

// isDatabase tells databases, sidecars and the copies that a migration keeps.
func isDatabase(name string) bool {
	return slices.ContainsFunc([]string{".db", ".db-wal", ".db-shm", ".db-journal", ".db.lock"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	}) || strings.Contains(name, ".db.")
}

// mendDatabase works on the open file, because the directory belongs to the user who may be the attacker: what has
// another name elsewhere, such as a hard link to a file of root, is left alone.
func (h *host) mendDatabase(root *os.Root, dir, name string, uid, gid int) error {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a sidecar that went away with its last user
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || links(info) != 1 {
		if h.options.Progress != nil || h.record.Files != nil {
			h.note("%s is no plain file of its own and was left alone.", path.Join(dir, name))
		}
		return nil
	}
	changed := false
	if owner(info) != uid || group(info) != gid {
		changed = true
		err = file.Chown(uid, gid)
	}
	if mode := info.Mode().Perm() & 0o640; err == nil && mode != info.Mode().Perm() {
		changed = true
		err = file.Chmod(mode)
	}
	if changed {
		h.changed(path.Join(dir, name))
	}
	return err
}
