package overlayfs

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// Released reports whether no live file system uses work any more, by asking for a mount that claims
// it: a lazily ended mount is out of sight, but lives as long as somebody has a file of it open.
// scratch is an empty directory on the same mount. On true, work is left empty.
func (a Abilities) Released(ctx context.Context, scratch, work *beneath.Dir) (bool, error) {
	dirs := make([]*beneath.Dir, 0, 3)
	defer func() {
		for _, d := range dirs {
			d.Close()
		}
	}()
	for _, name := range []string{"lower", "upper", "tree"} {
		d, err := scratch.Ensure(name, 0o755)
		if err != nil {
			return false, err
		}
		dirs = append(dirs, d)
	}
	stack := Stack{
		Source: "left4me-probe", Lowers: []int{dirs[0].FD()}, Upper: dirs[1].FD(), Work: work.FD(),
		Target: dirs[2].FD(), UserXattr: a.UserXattr, Claim: true,
	}
	err := a.claim(ctx, scratch, stack)
	if errors.Is(err, unix.ESTALE) {
		// A process that died here left an index of another upper. The kernel looks at that only after
		// it found the directory unused.
		if err = work.Clear(); err == nil {
			err = a.claim(ctx, scratch, stack)
		}
	}
	if errors.Is(err, unix.EBUSY) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, work.Clear()
}

func (a Abilities) claim(ctx context.Context, scratch *beneath.Dir, stack Stack) error {
	if a.Rung == ByNumber {
		if err := a.Rung.Mount(stack); err != nil {
			return err
		}
		return Unmount(ctx, scratch, "tree")
	}
	fd, err := a.Rung.create(stack)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
