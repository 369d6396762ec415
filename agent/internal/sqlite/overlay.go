package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// OverlayStore returns the store of package overlay.
func (db *DB) OverlayStore() overlay.Store { return overlayStore{db} }

type overlayStore struct{ *DB }

func (s overlayStore) Update(ctx context.Context, change func(overlay.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type overlayRow struct {
	bun.BaseModel `bun:"table:overlays"`

	ID        string `bun:",pk"`
	Name      string
	Type      string
	Settings  string
	System    bool
	Owner     string
	Revision  string
	LastJob   string
	DiskBytes uint64
	CreatedAt int64
	UpdatedAt int64
}

func (r overlayRow) overlay() overlay.Overlay {
	return overlay.Overlay{ID: r.ID, Name: r.Name, Type: r.Type, Settings: json.RawMessage(r.Settings), System: r.System, Owner: r.Owner,
		Revision: r.Revision, LastJob: r.LastJob, DiskBytes: r.DiskBytes, CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC()}
}

func (q queries) overlayWhere(ctx context.Context, column, value string) (overlay.Overlay, error) {
	var row overlayRow
	err := q.idb.NewSelect().Model(&row).Where("? = ?", bun.Ident(column), plain(value)).Scan(ctx)
	return row.overlay(), q.absent(err, "overlay", value)
}

// OverlayByName returns the overlay with name, or a NotFound fault.
func (q queries) OverlayByName(ctx context.Context, name string) (overlay.Overlay, error) {
	return q.overlayWhere(ctx, "name", name)
}

// OverlayByID returns the overlay with id, or a NotFound fault.
func (q queries) OverlayByID(ctx context.Context, id string) (overlay.Overlay, error) {
	return q.overlayWhere(ctx, "id", id)
}

// Overlays returns all overlays, sorted by name.
func (q queries) Overlays(ctx context.Context) ([]overlay.Overlay, error) {
	var rows []overlayRow
	err := q.idb.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx)
	return mapRows(rows, overlayRow.overlay), q.explain(err)
}

// OverlayUsers returns the names of the blueprints that list the overlay, sorted.
func (q queries) OverlayUsers(ctx context.Context, overlayID string) ([]string, error) {
	var names []string
	err := q.idb.NewRaw(`SELECT DISTINCT name FROM blueprints JOIN blueprint_overlays ON blueprint_id = id
		WHERE overlay_id = ? ORDER BY name`, plain(overlayID)).Scan(ctx, &names)
	return names, q.explain(err)
}

// PutOverlay inserts or replaces by ID. Conflict: the name is taken.
func (tx *Tx) PutOverlay(ctx context.Context, o overlay.Overlay) error {
	settings := string(o.Settings)
	if settings == "" {
		settings = "{}"
	}
	row := overlayRow{ID: o.ID, Name: plain(o.Name), Type: plain(o.Type), Settings: plain(settings), System: o.System, Owner: plain(o.Owner),
		Revision: o.Revision, LastJob: o.LastJob, DiskBytes: o.DiskBytes, CreatedAt: o.CreatedAt.UnixMicro(), UpdatedAt: o.UpdatedAt.UnixMicro()}
	err := tx.put(ctx, &row, "name", "type", "settings", "system", "owner", "revision", "last_job", "disk_bytes", "updated_at")
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "There is an overlay named %q already.", o.Name).WithHint("Choose another name.").WithField("name")
	}
	return err
}

// UnlistOverlay takes the overlay out of all blueprints. Their other overlays keep their order.
func (tx *Tx) UnlistOverlay(ctx context.Context, id string) error {
	_, err := tx.idb.NewRaw(`DELETE FROM blueprint_overlays WHERE overlay_id = ?`, plain(id)).Exec(ctx)
	return tx.explain(err)
}

// DeleteOverlay removes the overlay and its revisions; an unknown one is fine. Precondition: a blueprint lists it.
func (tx *Tx) DeleteOverlay(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*overlayRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	if err = tx.explain(err); !fault.Is(err, fault.Precondition) {
		return err
	}
	return fault.Wrap(err, fault.Precondition, "A blueprint lists this overlay.").WithHint("Take it out of the blueprint first.")
}

type revisionRow struct {
	bun.BaseModel `bun:"table:revisions"`

	OverlayID   string
	ID          string
	Files       uint64
	Bytes       uint64
	SharedBytes uint64
	Added       uint64
	Removed     uint64
	Changed     uint64
	Notes       *string
	Annotations *string
	Addons      *string
	CacheKey    string
	Pinned      bool
	CreatedAt   int64
}

func (r revisionRow) revision() (overlay.Revision, error) {
	revision := overlay.Revision{Overlay: r.OverlayID, ID: r.ID, Usage: content.Usage{Files: r.Files, Bytes: r.Bytes, SharedBytes: r.SharedBytes},
		Added: r.Added, Removed: r.Removed, Changed: r.Changed, CacheKey: r.CacheKey, Pinned: r.Pinned, CreatedAt: time.UnixMicro(r.CreatedAt).UTC()}
	if err := errors.Join(decode(r.Notes, &revision.Notes), decode(r.Addons, &revision.Addons)); err != nil {
		return revision, err
	}
	return revision, decode(r.Annotations, &revision.Annotations)
}

// Revisions returns those of one overlay, newest first.
func (q queries) Revisions(ctx context.Context, overlayID string) ([]overlay.Revision, error) {
	var rows []revisionRow
	err := q.idb.NewSelect().Model(&rows).Where("overlay_id = ?", plain(overlayID)).OrderExpr("created_at DESC, id DESC").Scan(ctx)
	if err != nil {
		return nil, q.explain(err)
	}
	out := make([]overlay.Revision, len(rows))
	for i, row := range rows {
		if out[i], err = row.revision(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AddRevision records a revision. Precondition: its overlay does not exist. Conflict: it is recorded already.
func (tx *Tx) AddRevision(ctx context.Context, r overlay.Revision) error {
	row := revisionRow{OverlayID: r.Overlay, ID: r.ID, Files: r.Usage.Files, Bytes: r.Usage.Bytes, SharedBytes: r.Usage.SharedBytes,
		Added: r.Added, Removed: r.Removed, Changed: r.Changed, Notes: pointer(encode(r.Notes)), Annotations: pointer(encode(r.Annotations)),
		Addons: pointer(encode(r.Addons)), CacheKey: plain(r.CacheKey), Pinned: r.Pinned, CreatedAt: r.CreatedAt.UnixMicro()}
	_, err := tx.idb.NewInsert().Model(&row).Exec(ctx)
	return tx.explain(err)
}

// PutRevision stores pin and usage of a revision; an unknown one is fine.
func (tx *Tx) PutRevision(ctx context.Context, r overlay.Revision) error {
	row := revisionRow{Files: r.Usage.Files, Bytes: r.Usage.Bytes, SharedBytes: r.Usage.SharedBytes, Pinned: r.Pinned}
	_, err := tx.idb.NewUpdate().Model(&row).Column("files", "bytes", "shared_bytes", "pinned").
		Where("overlay_id = ? AND id = ?", plain(r.Overlay), plain(r.ID)).Exec(ctx)
	return tx.explain(err)
}

// DeleteRevision removes a revision; an unknown one is fine.
func (tx *Tx) DeleteRevision(ctx context.Context, overlayID, id string) error {
	_, err := tx.idb.NewDelete().Model((*revisionRow)(nil)).Where("overlay_id = ? AND id = ?", plain(overlayID), plain(id)).Exec(ctx)
	return tx.explain(err)
}
