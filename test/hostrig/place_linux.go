package hostrig

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// directories of one host, below boots in the cache: overlayfs needs its upper directory on the disk of the base, and
// a later run must find what a killed one left.
type directories struct {
	own, upper, work, root, console, state string
}

func bootsDir() string { return filepath.Join(cacheDir(), "boots") }

func directoriesOf(id string) directories {
	own := filepath.Join(bootsDir(), id)
	return directories{own, filepath.Join(own, "upper"), filepath.Join(own, "work"), filepath.Join(own, "root"), filepath.Join(own, "console.log"),
		filepath.Join(own, "state")}
}

// prepare makes the host's root directory, cgroups and network namespace.
func (h *Host) prepare(base string) error {
	if err := os.MkdirAll(bootsDir(), 0o755); err != nil {
		return err
	}
	h.id = newID()
	var err error
	if h.lock, err = lockFile(lockOf(h.id), unix.LOCK_EX); err != nil {
		return err
	}
	h.dirs = directoriesOf(h.id)
	for _, dir := range []string{h.dirs.own, h.dirs.upper, h.dirs.work, h.dirs.root, h.dirs.state} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := layOver(base, h.dirs); err != nil {
		return err
	}
	if err := h.personalize(); err != nil {
		return err
	}
	if h.groups, err = makeCgroups(h.id); err != nil {
		return err
	}
	h.network, err = newNamespace()
	return err
}

// layOver shows the base at root, writable. Where the file system cannot carry an overlayfs, root is a copy.
func layOver(base string, d directories) error {
	options := "lowerdir=" + base + ",upperdir=" + d.upper + ",workdir=" + d.work
	failure := unix.Mount("left4me-host", d.root, "overlay", 0, options)
	if failure == nil {
		return nil
	}
	if out, err := exec.Command("cp", "-a", "--reflink=auto", base+"/.", d.root).CombinedOutput(); err != nil {
		return fmt.Errorf("mount an overlayfs: %w; copy instead: %w: %s", failure, err, out)
	}
	return nil
}

// maskedUnits work in the background at times of their own, or need what a container has not.
func maskedUnits() []string {
	return []string{
		"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
		"fstrim.timer", "console-getty.service", "systemd-timesyncd.service", "systemd-modules-load.service",
	}
}

// personalize gives the host a name, and an id, without which systemd takes each boot for the first one.
func (h *Host) personalize() error {
	for path, text := range map[string]string{
		"etc/hostname": h.options.Name + "\n", "etc/hosts": "127.0.0.1 localhost " + h.options.Name + "\n::1 localhost\n",
		"etc/machine-id": newID() + newID() + "\n",
	} {
		path = filepath.Join(h.dirs.root, path)
		if err := errors.Join(removeIfThere(path), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	for _, unit := range maskedUnits() {
		path := filepath.Join(h.dirs.root, "etc/systemd/system", unit)
		if err := errors.Join(removeIfThere(path), os.Symlink("/dev/null", path)); err != nil {
			return err
		}
	}
	return nil
}

// newID is 16 hexadecimal digits.
func newID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

func lockOf(id string) string { return filepath.Join(bootsDir(), id+".lock") }

// remove ends what still runs in the host's cgroups and removes its mount, directories and cgroups.
func remove(id string) error {
	d := directoriesOf(id)
	if err := removeCgroups(id); err != nil {
		return err
	}
	for {
		err := unix.Unmount(d.root, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
			break // no more a mount
		}
		if err != nil {
			return fmt.Errorf("unmount %s: %w", d.root, err)
		}
	}
	return errors.Join(os.RemoveAll(d.own), removeIfThere(lockOf(id)))
}

// sweep removes what runs left that were killed: their locks are free.
func sweep() error {
	entries, err := os.ReadDir(bootsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".lock")
		if !ok {
			continue
		}
		lock, err := lockFile(lockOf(id), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		err = remove(id)
		_ = lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
