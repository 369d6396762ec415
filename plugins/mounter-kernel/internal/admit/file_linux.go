package admit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
)

// link gives a file or symbolic link of from a second name in to. On another disk, or when the file
// has as many names as the file system allows, it is copied.
func link(from, to *beneath.Dir, name string) error {
	err := unix.Linkat(from.FD(), name, to.FD(), name, 0)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EMLINK) {
		return copyEntry(from, to, name)
	}
	if err != nil {
		return fmt.Errorf("link %s/%s: %w", from.Name(), name, err)
	}
	return nil
}

// file takes a new file or link from the upper and gives it its final owner, mode and no attributes.
func (c *composer) file(upper, to *beneath.Dir, e fs.DirEntry, name string) error {
	if err := link(upper, to, e.Name()); err != nil {
		return err
	}
	got, err := tree.Look(to, e.Name())
	if err != nil {
		return err
	}
	switch got.Kind() {
	case unix.S_IFLNK:
		c.link(name)
	case unix.S_IFREG:
	default:
		return fmt.Errorf("%s changed its kind while it was admitted", name)
	}
	c.mu.Lock()
	c.fresh.Add(got.Stat)
	c.mu.Unlock()
	return c.normalize(got, name)
}

func (c *composer) normalize(e tree.Entry, name string) error {
	if err := e.Dir.Chown(e.Name, c.owner.UID, c.owner.GID); err != nil { // also ends file capabilities
		return err
	}
	foreign, err := strip(e.Dir.Proc() + "/" + e.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if foreign > 0 {
		c.mu.Lock()
		c.plan.note("Removed %d extended attributes from %s.", foreign, show(name))
		c.mu.Unlock()
	}
	if e.Kind() == unix.S_IFLNK {
		return nil
	}
	mode := uint32(fileMode)
	if e.Executable() {
		mode = execMode
	}
	// Nobody else can write to the directory, and the entry is known to be a regular file.
	if err := unix.Fchmodat(e.Dir.FD(), e.Name, mode, 0); err != nil {
		return fmt.Errorf("chmod %s: %w", name, err)
	}
	return nil
}

func copyEntry(from, to *beneath.Dir, name string) error {
	e, err := tree.Look(from, name)
	if err != nil {
		return err
	}
	switch e.Kind() {
	case unix.S_IFLNK:
		target, err := from.Readlink(name)
		if err != nil {
			return err
		}
		return unix.Symlinkat(target, to.FD(), name)
	case unix.S_IFREG:
		if err := copyData(e, to); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
		return to.Chown(name, int(e.Stat.Uid), int(e.Stat.Gid))
	}
	return fmt.Errorf("%s changed its kind while it was admitted", name)
}

func copyData(e tree.Entry, to *beneath.Dir) error {
	in, err := e.Dir.OpenFile(e.Name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(e.Name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	fd := int(out.Fd())
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, e.Stat.Mtim}
	err = errors.Join(err,
		unix.Fchmod(fd, e.Stat.Mode&0o777),
		unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), times, 0))
	return errors.Join(err, out.Close())
}
