package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
)

// treeName is where a server's or build's merged view is mounted, in its own directory.
const treeName = "tree"

// lockSubject opens the directory of a server or build and takes its lock, which ends with Close. With
// create it is made when absent; otherwise absent gives fs.ErrNotExist.
func lockSubject(ctx context.Context, parent *beneath.Dir, id string, create bool) (*beneath.Dir, error) {
	for {
		if err := ctx.Err(); err != nil { // whoever asked may have asked for the removal since
			return nil, err
		}
		if create {
			if _, err := parent.Mkdir(id, 0o711); err != nil {
				return nil, err
			}
		}
		dir, err := parent.Open(id)
		if err != nil {
			if create && errors.Is(err, fs.ErrNotExist) {
				continue // removed in between
			}
			return nil, err
		}
		if err := dir.Lock(ctx, true); err != nil {
			dir.Close()
			return nil, err
		}
		if dir.StillAt(parent, id) {
			return dir, nil
		}
		dir.Close() // it was removed while we waited
	}
}

// subject is a directory whose tree can be mounted.
type subject struct {
	dir    *beneath.Dir
	kind   string // "server" or "build", for messages
	id     string
	source string // prefix of the mount's source
}

// Prefixes of the source of a mount. What follows is the fingerprint of the stack.
func serverSource(id string) string { return "left4me:" + id + ":" }
func buildSource(id string) string  { return "left4me-build:" + id + ":" }

// busy says who holds a tree. device is that of its file system, mount its id or 0.
func (s subject) busy(verb, device string, mount uint64) error {
	holders, err := overlayfs.Holders(device, mount)
	if err != nil {
		return err
	}
	const most = 8
	names := ""
	for i, h := range holders {
		if i == most {
			names += fmt.Sprintf(" and %d more", len(holders)-most)
			break
		}
		if i > 0 {
			names += ", "
		}
		names += h.String()
	}
	if names == "" {
		names = "something that the mounter may not see"
	}
	return sdk.Errorf(sdk.CodePrecondition, "Cannot %s the tree of %s %q: it is in use by %s.", verb, s.kind, s.id, names).
		WithHint("Stop what uses it, then try again.")
}

// unmount ends the tree of s, if it is one of ours. device of what was mounted is "" when nothing was.
func (s subject) unmount(ctx context.Context) (device string, err error) {
	info, found, err := overlayfs.At(s.dir, treeName)
	if err != nil || !found {
		return "", err
	}
	if !s.owns(info) {
		return "", s.foreign(info)
	}
	err = overlayfs.Unmount(ctx, s.dir, treeName)
	if errors.Is(err, unix.EBUSY) {
		return "", s.busy("unmount", info.Device, info.ID)
	}
	if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: somebody else was faster
		return "", fmt.Errorf("unmount %s/%s: %w", s.dir.Name(), treeName, err)
	}
	return info.Device, nil
}

func (s subject) owns(info overlayfs.Info) bool {
	return info.Type == "overlay" && len(info.Source) > len(s.source) && info.Source[:len(s.source)] == s.source
}

func (s subject) foreign(info overlayfs.Info) error {
	return sdk.Errorf(sdk.CodePrecondition, "On the tree of %s %q, something else is mounted: %s, of type %s.", s.kind, s.id, info.Source, info.Type).
		WithHint("Look at it with findmnt and unmount it by hand; the mounter does not touch what it did not make.")
}

// clearWork removes what overlayfs leaves in a work directory, which belongs to nobody a person could be.
func (s subject) clearWork() error {
	work, err := s.dir.Open("work")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer work.Close()
	return work.Clear()
}

// stack collects descriptors for a mount and closes them.
type stack struct {
	overlayfs.Stack
	open []int
}

func (s *stack) add(fd int, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	s.open = append(s.open, fd)
	return fd, nil
}

func (s *stack) close() {
	for _, fd := range s.open {
		unix.Close(fd)
	}
}

// mount mounts st on the tree of s and looks whether the kernel did what was asked.
func (e *engine) mount(ctx context.Context, s subject, st *stack) error {
	st.UserXattr = e.can.UserXattr
	if err := e.can.Rung.Mount(st.Stack); err != nil {
		return fmt.Errorf("mount %d layers on %s/%s: %w", len(st.Lowers), s.dir.Name(), treeName, err)
	}
	if err := e.can.Rung.Check(s.dir, treeName, st.Stack); err != nil {
		return errors.Join(fmt.Errorf("%s/%s: %w", s.dir.Name(), treeName, err), overlayfs.Unmount(ctx, s.dir, treeName))
	}
	return nil
}

// A file system that lives on is looked at this often before it counts as in use: a sandbox that is being
// set up for another build has a copy of every mount for a moment.
const (
	releaseTries = 40
	releasePause = 25 * time.Millisecond
)

// released makes sure that no file system lives on unseen with the upper of s: a lazily ended mount, or
// a copy of it in another mount namespace.
func (e *engine) released(ctx context.Context, s subject, verb, device string) error {
	for try := 1; ; try++ {
		free, err := e.free(ctx, s)
		if err != nil {
			return fmt.Errorf("look whether %s %s is in use: %w", s.kind, s.id, err)
		}
		if free {
			return nil
		}
		if try == releaseTries {
			return s.busy(verb, device, 0)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(releasePause):
		}
	}
}

func (e *engine) free(ctx context.Context, s subject) (bool, error) {
	scratch, remove, err := e.root.Scratch()
	if err != nil {
		return false, err
	}
	free, err := e.workFree(ctx, s, scratch)
	return free, errors.Join(err, remove())
}

func (e *engine) workFree(ctx context.Context, s subject, scratch *beneath.Dir) (bool, error) {
	work, err := s.dir.Open("work")
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer work.Close()
	return e.can.Released(ctx, scratch, work)
}
