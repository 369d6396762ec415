package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/server"
)

// errEnough ends a report that reached its limit.
var errEnough = errors.New("enough")

// overlays serves httpapi.Overlays and httpapi.OverlayBuilds.
type overlays struct {
	manager  *overlay.Manager
	store    overlay.Store
	builders overlay.Builders
	jobs     *job.Runner
	servers  *server.Manager
}

var (
	_ httpapi.Overlays      = overlays{}
	_ httpapi.OverlayBuilds = overlays{}
)

func (o overlays) List(ctx context.Context) ([]api.Overlay, error) {
	rows, err := o.store.Overlays(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Overlay, len(rows))
	for i, row := range rows {
		if out[i], err = o.show(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o overlays) Get(ctx context.Context, name string) (api.Overlay, error) {
	row, err := o.store.OverlayByName(ctx, name)
	if err != nil {
		return api.Overlay{}, err
	}
	return o.show(ctx, row)
}

func (o overlays) Create(ctx context.Context, actor string, create api.OverlayCreate) (api.Overlay, error) {
	draft := overlay.Draft{Name: create.Name, Type: create.Type, Settings: create.Settings, System: create.System}
	if !create.System {
		draft.Owner = ownerOf(actor)
	}
	row, err := o.manager.Create(ctx, actor, draft)
	if err != nil {
		return api.Overlay{}, err
	}
	if create.Build {
		if _, err := o.manager.Build(ctx, actor, row.Name, false); err != nil {
			return api.Overlay{}, err
		}
	}
	return o.Get(ctx, row.Name)
}

func (o overlays) Update(ctx context.Context, actor, name string, update api.OverlayUpdate) (api.Overlay, error) {
	row, err := o.manager.Edit(ctx, actor, name, overlay.Change{Settings: update.Settings, System: update.System})
	if err != nil {
		return api.Overlay{}, err
	}
	return o.show(ctx, row)
}

// Delete waits for the job, because the API answers without one.
func (o overlays) Delete(ctx context.Context, actor, name string) error {
	queued, err := o.manager.Delete(ctx, actor, name)
	if err != nil {
		return err
	}
	done, err := o.jobs.Wait(ctx, queued.ID)
	if err == nil && done.Error != nil {
		return done.Error
	}
	return err
}

func (o overlays) Build(ctx context.Context, actor, name string, build api.OverlayBuild) (api.Job, error) {
	queued, err := o.manager.Build(ctx, actor, name, build.Wipe)
	return showJob(queued), err
}

func (o overlays) Revisions(ctx context.Context, name string) ([]api.Revision, error) {
	row, err := o.store.OverlayByName(ctx, name)
	if err != nil {
		return nil, err
	}
	revisions, err := o.store.Revisions(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	users, err := o.users(ctx)
	out := make([]api.Revision, len(revisions))
	for i, r := range revisions {
		out[i] = showRevision(row, r, users)
	}
	return out, err
}

func (o overlays) Pin(ctx context.Context, actor, name string, pin api.OverlayPin) (api.Revision, error) {
	pinned, err := o.manager.Pin(ctx, actor, name, pin.Revision, pin.Pinned)
	if err != nil {
		return api.Revision{}, err
	}
	row, err := o.store.OverlayByName(ctx, name)
	if err != nil {
		return api.Revision{}, err
	}
	users, err := o.users(ctx)
	return showRevision(row, pinned, users), err
}

// users names the servers that run with each layer.
func (o overlays) users(ctx context.Context) (map[content.Layer][]string, error) {
	servers, err := o.servers.ObserveAll(ctx)
	out := map[content.Layer][]string{}
	for _, v := range servers {
		if v.State == server.Offline || v.State == server.Crashed {
			continue
		}
		for _, layer := range v.Layers {
			out[layer] = append(out[layer], v.Name)
		}
	}
	return out, err
}

func showRevision(o overlay.Overlay, r overlay.Revision, users map[content.Layer][]string) api.Revision {
	return api.Revision{ID: r.ID, Overlay: o.Name, Current: r.ID == o.Revision, Pinned: r.Pinned, UsedBy: users[r.Layer()],
		Bytes: r.Usage.Bytes, OwnBytes: r.Usage.Bytes - min(r.Usage.Bytes, r.Usage.SharedBytes), SharedBytes: r.Usage.SharedBytes,
		Files: r.Usage.Files, Added: r.Added, Removed: r.Removed, Changed: r.Changed, Notes: r.Notes, Job: r.ID, CreatedAt: r.CreatedAt}
}

func (o overlays) Diff(ctx context.Context, name, id, from string, limit int) ([]api.FileChange, error) {
	if from == "" {
		row, err := o.store.OverlayByName(ctx, name)
		if err != nil {
			return nil, err
		}
		revisions, err := o.store.Revisions(ctx, row.ID)
		if err != nil {
			return nil, err
		}
		for i, r := range revisions { // newest first
			if r.ID == id && i+1 < len(revisions) {
				from = revisions[i+1].ID
			}
		}
	}
	var out []api.FileChange
	err := o.manager.Diff(ctx, name, from, id, func(change content.Change) error {
		if len(out) == limit {
			return errEnough
		}
		out = append(out, api.FileChange(change))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

func (o overlays) Rollback(ctx context.Context, actor, name, revision string) (api.Overlay, error) {
	row, err := o.manager.Rollback(ctx, actor, name, revision)
	if err != nil {
		return api.Overlay{}, err
	}
	return o.show(ctx, row)
}

func (o overlays) show(ctx context.Context, row overlay.Overlay) (api.Overlay, error) {
	out := api.Overlay{ID: row.ID, Name: row.Name, Type: row.Type, System: row.System, Owner: row.Owner,
		Settings: row.Settings, Revision: row.Revision, LastJob: row.LastJob, DiskBytes: row.DiskBytes,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	_, err := o.builders.Builder(row.Type)
	out.TypeMissing = err != nil
	if out.UsedBy, err = o.store.OverlayUsers(ctx, row.ID); err != nil {
		return out, err
	}
	if row.LastJob != "" {
		if last, err := o.jobs.Get(ctx, row.LastJob); err == nil {
			out.LastStatus = string(last.Status)
		}
	}
	if row.Revision == "" {
		return out, nil
	}
	revisions, err := o.store.Revisions(ctx, row.ID)
	for _, r := range revisions {
		if r.ID == row.Revision {
			out.Bytes, out.Files, out.BuiltAt = r.Usage.Bytes, r.Usage.Files, optional(r.CreatedAt)
		}
	}
	return out, err
}

// optional gives a time that may be missing its wire form.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
