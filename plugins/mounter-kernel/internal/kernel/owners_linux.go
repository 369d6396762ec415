package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/idmap"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
)

type scratchDir = *beneath.Dir

// ownersMode is how a builder gets to change files that belong to the game's user.
type ownersMode string

const (
	ownersSame    ownersMode = "same-user" // builder and game are one user
	ownersByIDMap ownersMode = "idmap"     // the base is shown as the builder's
	// ownersByGroup: content is group-writable for the builder, and directories are made its own in
	// the upper. A builder can change and replace everything, but cannot set mode and time of files
	// that it did not make itself. For a mounter without CAP_SETUID and CAP_SETGID.
	ownersByGroup ownersMode = "group"
)

// stagingOwners makes a base usable for the builder.
type stagingOwners struct {
	how       ownersMode
	namespace *os.File // for ownersByIDMap
}

func probeOwners(ctx context.Context, o disk.Owners, scratch scratchDir, can overlayfs.Abilities) (stagingOwners, error) {
	if err := canGive(scratch, o); err != nil {
		return stagingOwners{}, err
	}
	if o.StagingUID == o.GameUID {
		return stagingOwners{how: ownersSame}, nil
	}
	namespace, err := idmap.Namespace(idmap.Map{DiskUID: o.GameUID, ShownUID: o.StagingUID, GID: o.StagingGID})
	if err != nil {
		return stagingOwners{how: ownersByGroup}, nil
	}
	out := stagingOwners{how: ownersByIDMap, namespace: namespace}
	if tryMapped(ctx, out, o, scratch, can) != nil {
		namespace.Close()
		return stagingOwners{how: ownersByGroup}, nil
	}
	return out, nil
}

// canGive finds out whether files can be given to the users that are configured: a user namespace may
// not have them.
func canGive(scratch scratchDir, o disk.Owners) error {
	if _, err := scratch.Mkdir("owner", 0o700); err != nil {
		return err
	}
	for _, owner := range [][2]int{{o.StagingUID, o.StagingGID}, {o.GameUID, o.StagingGID}, {o.GameUID, o.GameGID}, {os.Geteuid(), o.GameGID}} {
		if err := scratch.Chown("owner", owner[0], owner[1]); err != nil {
			return sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("The mounter cannot give files to user %d and group %d.", owner[0], owner[1])).
				WithHint("Give it CAP_CHOWN, CAP_FOWNER and CAP_DAC_OVERRIDE, or set the owners to users it has; in a user namespace leave them out.").
				WithField("/owners")
		}
	}
	return scratch.Rmdir("owner")
}

// tryMapped mounts an overlay over an exchanged base and looks whose the file is.
func tryMapped(ctx context.Context, s stagingOwners, o disk.Owners, scratch scratchDir, can overlayfs.Abilities) (err error) {
	dirs := map[string]*beneath.Dir{}
	defer func() {
		for _, d := range dirs {
			d.Close()
		}
		err = errors.Join(err, scratch.Clear())
	}()
	for _, name := range []string{"base", "mapped", "upper", "work", "tree"} {
		if dirs[name], err = scratch.Ensure(name, 0o755); err != nil {
			return err
		}
	}
	if _, err := dirs["base"].Mkdir("dir", 0o755); err != nil {
		return err
	}
	if err := dirs["base"].Chown("dir", o.GameUID, o.StagingGID); err != nil {
		return err
	}
	fd, err := idmap.Attach(dirs["base"].FD(), dirs["mapped"].FD(), s.namespace)
	if err != nil {
		return err
	}
	err = can.Rung.Mount(overlayfs.Stack{
		Source: "left4me-probe", Lowers: []int{fd}, UserXattr: can.UserXattr,
		Upper: dirs["upper"].FD(), Work: dirs["work"].FD(), Target: dirs["tree"].FD(),
	})
	err = errors.Join(err, unix.Close(fd), overlayfs.Detach(scratch, "mapped"))
	if err != nil {
		return err
	}
	return errors.Join(shownAs(scratch, o.StagingUID), overlayfs.Unmount(ctx, scratch, "tree"))
}

func shownAs(scratch scratchDir, uid int) error {
	tree, err := scratch.OpenMount("tree", false)
	if err != nil {
		return err
	}
	defer tree.Close()
	st, err := tree.Stat("dir")
	if err != nil {
		return err
	}
	if int(st.Uid) != uid {
		return fmt.Errorf("a mapped file shows user %d instead of %d", st.Uid, uid)
	}
	// Copying up must work too.
	return tree.Chmod("dir", 0o750)
}
