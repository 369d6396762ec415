package overlayfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// An unmount that finds the mount busy is tried again this often: processes that have just been
// killed, or a scan by somebody else, hold a mount for a moment.
const (
	unmountTries = 20
	unmountPause = 25 * time.Millisecond
)

// At looks at the directory name of parent: the mount whose root it is, or found false. Of the info,
// Root, Point, Shared, Slave and the layers among the options may be missing.
func At(parent *beneath.Dir, name string) (info Info, found bool, err error) {
	return at(parent, name, false)
}

// Inspect is At with all options, to be verified.
func Inspect(parent *beneath.Dir, name string) (info Info, found bool, err error) {
	return at(parent, name, true)
}

func at(parent *beneath.Dir, name string, options bool) (info Info, found bool, err error) {
	id, isRoot, err := mountID(parent.FD(), name)
	if err != nil || !isRoot {
		return Info{}, false, err
	}
	if info, known := statmount(parent.FD(), name, options); known {
		return info, true, nil
	}
	mounts, err := ReadMounts()
	if err != nil {
		return Info{}, false, err
	}
	i := slices.IndexFunc(mounts, func(m Info) bool { return m.ID == id })
	if i < 0 {
		return Info{}, false, fmt.Errorf("mount %d at %s/%s is not in mountinfo", id, parent.Name(), name)
	}
	return mounts[i], true, nil
}

func mountID(dir int, name string) (id uint64, isRoot bool, err error) {
	var st unix.Statx_t
	err = unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st)
	if err == unix.ENOENT {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("statx %s: %w", name, err)
	}
	if st.Mask&unix.STATX_MNT_ID == 0 || st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return 0, false, fmt.Errorf("statx: this kernel does not tell mounts, Linux 5.8 is needed")
	}
	return st.Mnt_id, st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}

// Verify compares what the kernel shows of a mount, with all its options, with what was asked for.
func Verify(got Info, want Stack) error {
	return complain(want, append(basics(got, want),
		check{fmt.Sprintf("%d layers", got.Layers()), got.Layers() == len(want.Lowers)},
		check{"no upper or work directory", HasOption(got.Super, "upperdir") && HasOption(got.Super, "workdir")}))
}

// Check looks at the mount that r has just made of want at name below parent. Only a rung that gives all layers in one
// text can lose some of them unseen, so only then the kernel is asked to write them all out again, which takes longer
// than everything else about a mount of many layers.
func (r Rung) Check(parent *beneath.Dir, name string, want Stack) error {
	info, found, err := at(parent, name, r == ByNumber)
	switch {
	case err != nil:
		return err
	case !found:
		return errors.New("mounted, but not to be seen")
	case r == ByNumber:
		return Verify(info, want)
	}
	return complain(want, basics(info, want))
}

type check struct {
	what string
	good bool
}

func basics(got Info, want Stack) []check {
	return []check{
		{"type " + got.Type, got.Type == "overlay"},
		{"source " + got.Source, got.Source == want.Source},
		{"options " + got.Options, HasOption(got.Options, "nosuid") && HasOption(got.Options, "nodev")},
		{"a read-only mount", HasOption(got.Super, "rw")},
	}
}

func complain(want Stack, checks []check) error {
	for _, c := range checks {
		if !c.good {
			return fmt.Errorf("the kernel shows %s, asked for were %d layers as %s", c.what, len(want.Lowers), want.Source)
		}
	}
	return nil
}

// Unmount ends the mount at name below parent. EBUSY comes back after some tries.
func Unmount(ctx context.Context, parent *beneath.Dir, name string) error {
	for try := 1; ; try++ {
		err := unmount(parent, name, 0)
		if !errors.Is(err, unix.EBUSY) || try == unmountTries {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(unmountPause):
		}
	}
}

// Detach takes the mount at name out of sight although it is in use.
func Detach(parent *beneath.Dir, name string) error { return unmount(parent, name, unix.MNT_DETACH) }

func unmount(parent *beneath.Dir, name string, flags int) error {
	if strings.Contains(name, "/") {
		return unix.EINVAL
	}
	// The last element alone is looked up by name, below a descriptor, and no link is followed.
	return unix.Unmount(parent.Proc()+"/"+name, flags|unix.UMOUNT_NOFOLLOW)
}
