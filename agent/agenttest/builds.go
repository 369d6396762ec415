package agenttest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

func (v overlayView) Build(_ context.Context, actor, name string, build api.OverlayBuild) (api.Job, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Job{}, notFound("overlay", name)
	}
	return v.build(actor, o, build.Wipe), nil
}

// wiped begins the parameters of a build from empty.
const wiped = "wipe "

// build queues a build. The lock is held.
func (w *world) build(actor string, o *overlay, wipe bool) api.Job {
	params := string(o.Settings)
	if wipe {
		params = wiped + params
	}
	j := w.queueLike("overlay.build", "overlay/"+o.Name, actor, false, params)
	o.LastJob = j.ID
	return j.show()
}

func (v overlayView) Pin(_ context.Context, actor, name string, pin api.OverlayPin) (api.Revision, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Revision{}, notFound("overlay", name)
	}
	at, err := o.find(pin.Revision)
	if err != nil {
		return api.Revision{}, err
	}
	o.revisions[at].Pinned = pin.Pinned
	v.record("overlay.pinned", "overlay/"+name, actor, "Revision %s of overlay %q is pinned: %t.", pin.Revision, name, pin.Pinned)
	return v.showRevision(o, o.revisions[at]), nil
}

// showRevision fills in what others know about a revision. The lock is held.
func (w *world) showRevision(o *overlay, r revision) api.Revision {
	out := r.Revision
	out.Current = r.ID == o.Revision
	out.OwnBytes = out.Bytes - out.SharedBytes
	for _, s := range sorted(w.servers, func(s *gameServer) *gameServer { return s }) {
		if slices.ContainsFunc(s.Layers, func(l api.Layer) bool { return l.Revision == r.ID }) {
			out.UsedBy = append(out.UsedBy, s.Name)
		}
	}
	return out
}

func (v overlayView) Revisions(_ context.Context, name string) ([]api.Revision, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return nil, notFound("overlay", name)
	}
	var out []api.Revision
	for _, r := range o.revisions {
		out = append(out, v.showRevision(o, r))
	}
	return out, nil
}

// find returns the position of a revision. The lock is held.
func (o *overlay) find(revision string) (int, error) {
	for i, r := range o.revisions {
		if r.ID == revision {
			return i, nil
		}
	}
	return 0, fault.New(fault.NotFound, "Overlay %q has no revision %q.", o.Name, revision).
		WithHint("List its revisions with: left4me overlay revisions %s", o.Name)
}

func (v overlayView) Diff(_ context.Context, name, revision, from string, limit int) ([]api.FileChange, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return nil, notFound("overlay", name)
	}
	at, err := o.find(revision)
	if err != nil {
		return nil, err
	}
	var before map[string]uint64
	if from != "" {
		old, err := o.find(from)
		if err != nil {
			return nil, err
		}
		before = o.revisions[old].files
	} else if at+1 < len(o.revisions) {
		before = o.revisions[at+1].files
	}
	changes := compare(before, o.revisions[at].files)
	return changes[:min(limit, len(changes))], nil
}

func compare(before, after map[string]uint64) []api.FileChange {
	var out []api.FileChange
	for path, size := range after {
		old, existed := before[path]
		switch {
		case !existed:
			out = append(out, api.FileChange{Kind: "added", Path: path, Size: size})
		case old != size:
			out = append(out, api.FileChange{Kind: "changed", Path: path, Size: size})
		}
	}
	for path, size := range before {
		if _, stays := after[path]; !stays {
			out = append(out, api.FileChange{Kind: "removed", Path: path, Size: size})
		}
	}
	slices.SortFunc(out, func(a, b api.FileChange) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func (v overlayView) Rollback(_ context.Context, actor, name, revision string) (api.Overlay, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Overlay{}, notFound("overlay", name)
	}
	at, err := o.find(revision)
	if err != nil {
		return api.Overlay{}, err
	}
	v.choose(o, o.revisions[at])
	v.record("overlay.rolled_back", "overlay/"+name, actor, "Overlay %q went back to revision %s.", name, revision)
	return v.showOverlay(o), nil
}

// choose makes r the present revision. The lock is held.
func (w *world) choose(o *overlay, r revision) {
	created := r.CreatedAt
	o.Revision, o.Bytes, o.Files, o.BuiltAt = r.ID, r.Bytes, r.Files, &created
}

// commit adds a revision of o with files. The lock is held.
func (w *world) commit(o *overlay, jobID string, files map[string]uint64) revision {
	r := revision{Revision: api.Revision{ID: id.New(), Overlay: o.Name, Job: jobID, Files: uint64(len(files)), CreatedAt: time.Now().UTC()}, files: files}
	var before map[string]uint64
	if len(o.revisions) > 0 {
		before = o.revisions[0].files
	}
	for _, size := range files {
		r.Bytes += size
	}
	for _, change := range compare(before, files) {
		switch change.Kind {
		case "added":
			r.Added++
		case "changed":
			r.Changed++
		default:
			r.Removed++
		}
	}
	o.revisions = slices.Insert(o.revisions, 0, r)
	w.choose(o, r)
	return r
}
