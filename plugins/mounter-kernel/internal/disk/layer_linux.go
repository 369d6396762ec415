package disk

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// CheckLayer refuses a layer that does not name exactly one revision or release in the strict form.
func CheckLayer(l mounter.Layer) error {
	revision := l.Release == "" && mounter.ValidID(l.Overlay) && mounter.ValidID(l.Revision)
	release := l.Overlay == "" && l.Revision == "" && mounter.ValidID(l.Release)
	if revision || release {
		return nil
	}
	return sdk.Errorf(sdk.CodeInvalid, "%.100q does not name a revision or release.", l.String())
}

// CheckID refuses an id that is not in the strict form.
func CheckID(kind, id string) error {
	if mounter.ValidID(id) {
		return nil
	}
	return sdk.Errorf(sdk.CodeInvalid, "%.100q is not a %s id: it has 1 to %d characters of a-z, 0-9 and \"-\".", id, kind, mounter.MaxID)
}

// NotFound says that a layer is not on disk.
func NotFound(l mounter.Layer) error {
	if l.Release != "" {
		return sdk.Errorf(sdk.CodeNotFound, "Release %q of the game is not on disk.", l.Release).
			WithHint("Install it again.")
	}
	return sdk.Errorf(sdk.CodeNotFound, "Revision %q of overlay %q is not on disk.", l.Revision, l.Overlay).
		WithHint("Build the overlay again.")
}

// Name is the layer's own directory name.
func Name(l mounter.Layer) string {
	if l.Release != "" {
		return l.Release
	}
	return l.Revision
}

// Parent opens the directory that holds the layer. With create it is made when absent.
func (r *Root) Parent(l mounter.Layer, create bool) (*beneath.Dir, error) {
	if l.Release != "" {
		return r.Installations.Open(".")
	}
	if create {
		made, err := r.Overlays.Mkdir(l.Overlay, 0o700)
		if err != nil {
			return nil, err
		}
		if made {
			if err := r.readable(r.Overlays, l.Overlay); err != nil {
				return nil, err
			}
		}
	}
	dir, err := r.Overlays.Open(l.Overlay)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, NotFound(l)
	}
	if err != nil {
		return nil, fmt.Errorf("open overlay %s: %w", l.Overlay, err)
	}
	if err := private(dir); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// Layer opens a revision or release as a mere reference, to be mounted. The caller closes it. All
// directories on the way are the mounter's own, and nobody else can write to them.
func (r *Root) Layer(l mounter.Layer) (int, error) {
	top, path := r.Overlays, l.Overlay+"/"+l.Revision
	if l.Release != "" {
		top, path = r.Installations, l.Release
	}
	fd, err := top.OpenRef(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, NotFound(l)
	}
	return fd, err
}

// Content opens a revision or release for reading.
func (r *Root) Content(l mounter.Layer) (*beneath.Dir, error) {
	parent, err := r.Parent(l, false)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	dir, err := parent.Open(Name(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, NotFound(l)
	}
	return dir, err
}
