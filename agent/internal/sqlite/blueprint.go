package sqlite

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
)

// BlueprintStore returns the store of package blueprint.
func (db *DB) BlueprintStore() blueprint.Store { return blueprintStore{db} }

type blueprintStore struct{ *DB }

func (s blueprintStore) Update(ctx context.Context, change func(blueprint.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type blueprintRow struct {
	bun.BaseModel `bun:"table:blueprints"`

	ID        string `bun:",pk"`
	Name      string
	Owner     string
	Arguments *string
	Config    *string
	Settings  string
	CreatedAt int64
	UpdatedAt int64

	Overlays string `bun:",scanonly"` // ids, in order, as a JSON list
}

// withOverlays makes one query of a blueprint and its list, so that both are of the same moment.
const withOverlays = `(SELECT json_group_array(overlay_id) FROM (SELECT overlay_id FROM blueprint_overlays
	WHERE blueprint_id = blueprint_row.id ORDER BY position)) AS overlays`

func (r blueprintRow) blueprint() (blueprint.Blueprint, error) {
	b := blueprint.Blueprint{ID: r.ID, Name: r.Name, Owner: r.Owner,
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC()}
	for _, column := range []struct {
		text *string
		to   any
	}{{&r.Overlays, &b.Overlays}, {r.Arguments, &b.Arguments}, {r.Config, &b.Config}, {&r.Settings, &b.Settings}} {
		if err := decode(column.text, column.to); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (q queries) blueprintWhere(ctx context.Context, column, value string) (blueprint.Blueprint, error) {
	var row blueprintRow
	err := q.idb.NewSelect().Model(&row).ColumnExpr("*").ColumnExpr(withOverlays).Where("? = ?", bun.Ident(column), plain(value)).Scan(ctx)
	if err != nil {
		return blueprint.Blueprint{}, q.absent(err, "blueprint", value)
	}
	return row.blueprint()
}

// BlueprintByName returns the blueprint with name, or a NotFound fault.
func (q queries) BlueprintByName(ctx context.Context, name string) (blueprint.Blueprint, error) {
	return q.blueprintWhere(ctx, "name", name)
}

// BlueprintByID returns the blueprint with id, or a NotFound fault.
func (q queries) BlueprintByID(ctx context.Context, id string) (blueprint.Blueprint, error) {
	return q.blueprintWhere(ctx, "id", id)
}

// Blueprints returns all blueprints, sorted by name.
func (q queries) Blueprints(ctx context.Context) ([]blueprint.Blueprint, error) {
	var rows []blueprintRow
	if err := q.idb.NewSelect().Model(&rows).ColumnExpr("*").ColumnExpr(withOverlays).OrderExpr("name").Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	out := make([]blueprint.Blueprint, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.blueprint(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// BlueprintUsers returns the names of the servers made from the blueprint, sorted.
func (q queries) BlueprintUsers(ctx context.Context, blueprintID string) ([]string, error) {
	var names []string
	err := q.idb.NewRaw(`SELECT name FROM servers WHERE blueprint_id = ? ORDER BY name`, plain(blueprintID)).Scan(ctx, &names)
	return names, q.explain(err)
}

// PutBlueprint inserts or replaces by ID, its list of overlays included. Conflict: the name is taken.
// NotFound: an overlay does not exist.
func (tx *Tx) PutBlueprint(ctx context.Context, b blueprint.Blueprint) error {
	row := blueprintRow{ID: b.ID, Name: plain(b.Name), Owner: plain(b.Owner), Arguments: pointer(encode(b.Arguments)),
		Config: pointer(encode(b.Config)), Settings: encode(b.Settings), CreatedAt: b.CreatedAt.UnixMicro(), UpdatedAt: b.UpdatedAt.UnixMicro()}
	err := tx.put(ctx, &row, "name", "owner", "arguments", "config", "settings", "updated_at")
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "There is a blueprint named %q already.", b.Name).WithHint("Choose another name.").WithField("name")
	}
	if err != nil {
		return err
	}
	if _, err := tx.idb.NewRaw(`DELETE FROM blueprint_overlays WHERE blueprint_id = ?`, b.ID).Exec(ctx); err != nil {
		return tx.explain(err)
	}
	for position, overlayID := range b.Overlays {
		_, err := tx.idb.NewRaw(`INSERT INTO blueprint_overlays (blueprint_id, position, overlay_id) VALUES (?, ?, ?)`,
			b.ID, position, plain(overlayID)).Exec(ctx)
		if err = tx.explain(err); fault.Is(err, fault.Precondition) {
			return fault.Wrap(err, fault.NotFound, "There is no overlay %q.", overlayID).WithField("overlays")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteBlueprint removes the blueprint; an unknown one is fine. Precondition: a server is made from it.
func (tx *Tx) DeleteBlueprint(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*blueprintRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	if err = tx.explain(err); !fault.Is(err, fault.Precondition) {
		return err
	}
	return fault.Wrap(err, fault.Precondition, "A server is made from this blueprint.").WithHint("Delete the server first.")
}
