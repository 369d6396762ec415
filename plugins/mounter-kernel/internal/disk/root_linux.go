package disk

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk"
)

// Root is an open content tree. It is safe for concurrent use.
type Root struct {
	Path          string
	Overlays      *beneath.Dir
	Installations *beneath.Dir
	Builds        *beneath.Dir
	Servers       *beneath.Dir
	owners        Owners
}

// Owners are the users and groups of what is made here.
type Owners struct {
	StagingUID, StagingGID int
	GameUID, GameGID       int
	ReaderGID              int // -1: nobody
}

// Open opens the tree and makes what is missing of it.
func Open(path string, owners Owners) (*Root, error) {
	if err := makeRoot(path); err != nil {
		return nil, err
	}
	top, err := beneath.OpenRoot(path)
	if errors.Is(err, unix.ELOOP) {
		return nil, sdk.Errorf(sdk.CodeInvalid, "The content directory %s is reached through a symbolic link.", path).
			WithHint("Give its real path as root.").WithField("/root")
	}
	if err != nil {
		return nil, sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("Cannot open the content directory %s.", path)).WithField("/root")
	}
	defer top.Close()
	r := &Root{Path: path, owners: owners}
	if err := r.openParts(top); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func makeRoot(path string) error {
	err := os.Mkdir(path, 0o755)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	return sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("Cannot make the content directory %s.", path)).
		WithHint("Make its parent directory, or set another root.").WithField("/root")
}

func (r *Root) openParts(top *beneath.Dir) error {
	content := uint32(0o700)
	if r.owners.ReaderGID >= 0 {
		content = 0o750
	}
	for _, part := range []struct {
		name string
		mode uint32
		dir  **beneath.Dir
	}{
		{"overlays", content, &r.Overlays},
		{"installations", content, &r.Installations},
		{"builds", 0o711, &r.Builds},
		{"servers", 0o711, &r.Servers},
	} {
		dir, err := openPart(top, part.name, part.mode)
		if err != nil {
			return err
		}
		*part.dir = dir
		if part.mode == 0o750 {
			if err := r.readable(top, part.name); err != nil {
				return err
			}
		}
	}
	return r.ensureEmpty()
}

// openPart allows for a part on a disk of its own, and for what an administrator made as a mount.
func openPart(top *beneath.Dir, name string, mode uint32) (*beneath.Dir, error) {
	if _, err := top.Mkdir(name, mode); err != nil {
		return nil, sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("Cannot make %s/%s.", top.Name(), name))
	}
	dir, err := top.OpenMount(name, false)
	if err != nil {
		return nil, sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("Cannot open %s/%s.", top.Name(), name))
	}
	if err := private(dir); err != nil {
		dir.Close()
		return nil, err
	}
	if err := unix.Fchmod(dir.FD(), mode); err != nil {
		dir.Close()
		return nil, fmt.Errorf("chmod %s: %w", dir.Name(), err)
	}
	return dir, nil
}

// private refuses a directory that others than the mounter can change.
func private(dir *beneath.Dir) error {
	st, err := dir.StatSelf()
	if err != nil {
		return err
	}
	if int(st.Uid) == os.Geteuid() && st.Mode&0o022 == 0 {
		return nil
	}
	return sdk.Errorf(sdk.CodePrecondition, "%s belongs to user %d with mode %o, so others than the mounter can change what it holds.",
		dir.Name(), st.Uid, st.Mode&0o7777).
		WithHint(fmt.Sprintf("Run: chown %d %s; chmod go-w %s", os.Geteuid(), dir.Name(), dir.Name()))
}

func (r *Root) readable(parent *beneath.Dir, name string) error {
	if r.owners.ReaderGID < 0 {
		return nil
	}
	if err := parent.Chown(name, -1, r.owners.ReaderGID); err != nil {
		return err
	}
	return parent.Chmod(name, 0o750)
}

// emptyName is a directory that stands for "no base": what is built always goes through overlayfs, so
// the same rules hold for the first revision and the tenth.
const emptyName = ".empty"

func (r *Root) ensureEmpty() error {
	_, err := r.Builds.Mkdir(emptyName, 0o755)
	return err
}

// Empty opens a directory that has nothing in it, as a mere reference. The caller closes it.
func (r *Root) Empty() (int, error) { return r.Builds.OpenRef(emptyName) }

// Owners returns whom things made here belong to.
func (r *Root) Owners() Owners { return r.owners }

// Close releases the tree's descriptors. Calls that run go on with an error.
func (r *Root) Close() {
	for _, d := range []*beneath.Dir{r.Overlays, r.Installations, r.Builds, r.Servers} {
		d.Close()
	}
}

// Guard takes a lock that all mounters of this tree respect: shared by who begins to use content,
// exclusive by who takes content away. Call the returned function to release it.
func (r *Root) Guard(ctx context.Context, exclusive bool) (release func(), err error) {
	// A lock belongs to one open file, so each holder opens its own.
	dir, err := r.Builds.Open(".")
	if err != nil {
		return nil, err
	}
	if err := dir.Lock(ctx, exclusive); err != nil {
		dir.Close()
		return nil, err
	}
	return func() { dir.Close() }, nil
}
