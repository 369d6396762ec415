package kernel

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk"
)

// checkUpper refuses an upper that another program marked: fuse-overlayfs and a kernel mount with the
// other kind of marks record deletions in ways that this mount would not see, so deleted files would
// come back. An upper not made here is searched through once; then its top directory is enough,
// because what a game sets itself means nothing to overlayfs.
func (e *engine) checkUpper(ctx context.Context, s subject, own bool) error {
	return inDir(s.dir, upperName, func(upper *beneath.Dir) error {
		if err := e.checkMarks(s, upper); err != nil || own {
			return err
		}
		return eachDir(ctx, upper, func(parent *beneath.Dir, name string) error {
			return inDir(parent, name, func(sub *beneath.Dir) error { return e.checkMarks(s, sub) })
		})
	})
}

func (e *engine) checkMarks(s subject, dir *beneath.Dir) error {
	names, err := attributes(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !e.foreignMark(name) {
			continue
		}
		return sdk.Errorf(sdk.CodePrecondition,
			"The writable files of server %q were made by another overlay program (%s), and what was deleted there would come back.", s.id, name).
			WithHint("Reset the server, which empties its writable files, or move what you need out of " + s.dir.Name() + "/upper first.")
	}
	return nil
}

func (e *engine) foreignMark(name string) bool {
	return strings.HasPrefix(name, "user.fuseoverlayfs.") || strings.HasPrefix(name, "trusted.fuseoverlayfs.") ||
		(strings.HasPrefix(name, "user.overlay.") && !e.can.UserXattr)
}

// attributes lists the extended attributes of a directory.
func attributes(dir *beneath.Dir) ([]string, error) {
	size, err := unix.Flistxattr(dir.FD(), nil)
	if errors.Is(err, unix.EOPNOTSUPP) || (err == nil && size == 0) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	buf := make([]byte, size+256) // it may grow in between
	size, err = unix.Flistxattr(dir.FD(), buf)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(buf[:size]), "\x00"), "\x00"), nil
}
