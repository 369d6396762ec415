package disk

import (
	"slices"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk/mounter"
)

// List calls report for all content, sorted by name within each kind. What uses other content comes
// before it, so that everything can be removed in this order.
func (r *Root) List(report func(mounter.Ref) error) error {
	for _, kind := range []struct {
		dir *beneath.Dir
		ref func(string) mounter.Ref
	}{
		{r.Servers, func(id string) mounter.Ref { return mounter.Ref{Server: id} }},
		{r.Builds, func(id string) mounter.Ref { return mounter.Ref{Build: id} }},
	} {
		ids, err := IDs(kind.dir)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := report(kind.ref(id)); err != nil {
				return err
			}
		}
	}
	return r.listLayers(report)
}

func (r *Root) listLayers(report func(mounter.Ref) error) error {
	overlays, err := IDs(r.Overlays)
	if err != nil {
		return err
	}
	for _, overlay := range overlays {
		revisions, err := r.Revisions(overlay)
		if err != nil {
			return err
		}
		for _, id := range revisions {
			if err := report(mounter.Ref{Layer: mounter.Layer{Overlay: overlay, Revision: id}}); err != nil {
				return err
			}
		}
	}
	releases, err := IDs(r.Installations)
	if err != nil {
		return err
	}
	for _, id := range releases {
		if err := report(mounter.Ref{Layer: mounter.Layer{Release: id}}); err != nil {
			return err
		}
	}
	return nil
}

// Revisions lists the ids of an overlay's revisions, sorted.
func (r *Root) Revisions(overlay string) ([]string, error) {
	dir, err := r.Overlays.Open(overlay)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return IDs(dir)
}

// IDs lists the directories in dir that are named by an id, sorted.
func IDs(dir *beneath.Dir) ([]string, error) {
	return names(dir, mounter.ValidID)
}

func names(dir *beneath.Dir, want func(string) bool) ([]string, error) {
	own, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	entries, err := own.Entries()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if want(e.Name()) {
			out = append(out, e.Name())
		}
	}
	slices.Sort(out)
	return out, nil
}
