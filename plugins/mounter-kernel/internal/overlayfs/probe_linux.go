package overlayfs

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// Abilities is what trying found out.
type Abilities struct {
	Rung      Rung            // the best that works
	Works     map[Rung]string // "yes", or why not
	UserXattr bool            // trusted.* attributes cannot be written here
}

// Probe mounts small stacks below the empty directory scratch, whose file system is the one uppers
// will be on. It fails when no rung works.
func Probe(ctx context.Context, scratch *beneath.Dir) (Abilities, error) {
	out := Abilities{Works: map[Rung]string{}, UserXattr: !trustedXattr(scratch)}
	var causes []error
	for _, rung := range Rungs() {
		err := try(ctx, scratch, rung, out.UserXattr)
		if err != nil {
			out.Works[rung] = err.Error()
			causes = append(causes, fmt.Errorf("%s: %w", rung, err))
			continue
		}
		out.Works[rung] = "yes"
		if out.Rung == "" {
			out.Rung = rung
		}
	}
	if out.Rung == "" {
		return out, errors.Join(causes...)
	}
	return out, nil
}

// trustedXattr tries to set what overlayfs needs to mark directories.
func trustedXattr(dir *beneath.Dir) bool {
	const name = "trusted.overlay.probe"
	if unix.Fsetxattr(dir.FD(), name, []byte("y"), 0) != nil {
		return false
	}
	return unix.Fremovexattr(dir.FD(), name) == nil
}

func try(ctx context.Context, scratch *beneath.Dir, rung Rung, userXattr bool) (err error) {
	dirs := map[string]*beneath.Dir{}
	defer func() {
		for _, d := range dirs {
			d.Close()
		}
		err = errors.Join(err, scratch.Clear())
	}()
	for _, name := range []string{"a", "b", "upper", "work", "tree"} {
		d, err := scratch.Ensure(name, 0o755)
		if err != nil {
			return err
		}
		dirs[name] = d
	}
	if _, err := dirs["b"].Mkdir("gone", 0o755); err != nil {
		return err
	}
	stack := Stack{
		Source: "left4me-probe", Lowers: []int{dirs["a"].FD(), dirs["b"].FD()}, UserXattr: userXattr,
		Upper: dirs["upper"].FD(), Work: dirs["work"].FD(), Target: dirs["tree"].FD(),
	}
	if err := rung.Mount(stack); err != nil {
		return err
	}
	return errors.Join(tryUse(scratch, stack), Unmount(ctx, scratch, "tree"))
}

// tryUse looks whether the mount is the one asked for and removes a directory in it, which needs
// marks in extended attributes and a whiteout.
func tryUse(scratch *beneath.Dir, stack Stack) error {
	info, found, err := Inspect(scratch, "tree") // all of it, once, whatever the rung
	if err != nil {
		return err
	}
	if !found {
		return errors.New("mounted, but not to be seen")
	}
	if err := Verify(info, stack); err != nil {
		return err
	}
	tree, err := scratch.OpenMount("tree", false)
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := tree.Rmdir("gone"); err != nil {
		return err
	}
	_, err = tree.Mkdir("gone", 0o755)
	return err
}
