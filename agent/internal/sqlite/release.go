package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"github.com/left4me/left4me/agent/internal/fault"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/installation"
)

// ReleaseStore returns the store of package installation.
func (db *DB) ReleaseStore() installation.Store { return releaseStore{db} }

type releaseStore struct{ *DB }

func (s releaseStore) Update(ctx context.Context, change func(installation.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type releaseRow struct {
	bun.BaseModel `bun:"table:releases"`

	ID          string `bun:",pk"`
	Version     string
	Build       string
	Current     bool
	Held        bool
	Files       uint64
	Bytes       uint64
	SharedBytes uint64
	Annotations *string
	CreatedAt   int64
}

func (r releaseRow) release() (installation.Release, error) {
	out := installation.Release{ID: r.ID, Version: r.Version, Build: r.Build, Current: r.Current, Held: r.Held,
		Usage:     content.Usage{Files: r.Files, Bytes: r.Bytes, SharedBytes: r.SharedBytes},
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC()}
	return out, decode(r.Annotations, &out.Annotations)
}

// CurrentRelease returns what new starts use, or a NotFound fault when nothing is installed.
func (q queries) CurrentRelease(ctx context.Context) (installation.Release, error) {
	var row releaseRow
	err := q.idb.NewSelect().Model(&row).Where("current = 1").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return installation.Release{}, fault.New(fault.NotFound, "The game is not installed yet.").
			WithHint("Install it with: left4me release update")
	}
	if err != nil {
		return installation.Release{}, q.explain(err)
	}
	return row.release()
}

// Releases returns all releases, newest first.
func (q queries) Releases(ctx context.Context) ([]installation.Release, error) {
	var rows []releaseRow
	if err := q.idb.NewSelect().Model(&rows).OrderExpr("created_at DESC, id DESC").Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	out := make([]installation.Release, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.release(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ReleasePins returns the names of the servers that stay at a release, sorted.
func (q queries) ReleasePins(ctx context.Context, id string) ([]string, error) {
	var names []string
	err := q.idb.NewSelect().Model((*serverRow)(nil)).Column("name").Where("release = ?", plain(id)).OrderExpr("name").Scan(ctx, &names)
	return names, q.explain(err)
}

type knowledgeRow struct {
	bun.BaseModel `bun:"table:installation"`

	ID        int `bun:",pk"`
	CheckedAt *int64
	Newest    string
	Notes     *string
	Problem   string
	HintedAt  *int64
	HintedBy  string
}

// Knowledge returns what is known of updates; it is zero before the first check.
func (q queries) Knowledge(ctx context.Context) (installation.Knowledge, error) {
	var row knowledgeRow
	err := q.idb.NewSelect().Model(&row).Where("id = 1").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return installation.Knowledge{}, nil
	}
	if err != nil {
		return installation.Knowledge{}, q.explain(err)
	}
	out := installation.Knowledge{CheckedAt: timeOf(row.CheckedAt), Newest: row.Newest, Problem: row.Problem,
		HintedAt: timeOf(row.HintedAt), HintedBy: row.HintedBy}
	return out, decode(row.Notes, &out.Notes)
}

// PutKnowledge replaces what is known of updates.
func (tx *Tx) PutKnowledge(ctx context.Context, k installation.Knowledge) error {
	row := knowledgeRow{ID: 1, CheckedAt: micros(k.CheckedAt), Newest: plain(k.Newest), Problem: plain(k.Problem),
		HintedAt: micros(k.HintedAt), HintedBy: plain(k.HintedBy)}
	if len(k.Notes) > 0 {
		row.Notes = pointer(plain(encode(k.Notes)))
	}
	return tx.put(ctx, &row, "checked_at", "newest", "notes", "problem", "hinted_at", "hinted_by")
}

// PutRelease inserts or replaces by ID. A current one takes that, and the hold, from every other.
func (tx *Tx) PutRelease(ctx context.Context, r installation.Release) error {
	if r.Current {
		if _, err := tx.idb.NewRaw(`UPDATE releases SET current = 0, held = 0 WHERE current = 1 AND id <> ?`, r.ID).Exec(ctx); err != nil {
			return tx.explain(err)
		}
	}
	row := releaseRow{ID: r.ID, Version: plain(r.Version), Build: plain(r.Build), Current: r.Current, Held: r.Held, Files: r.Usage.Files, Bytes: r.Usage.Bytes,
		SharedBytes: r.Usage.SharedBytes, CreatedAt: r.CreatedAt.UnixMicro()}
	if len(r.Annotations) > 0 {
		row.Annotations = pointer(plain(encode(r.Annotations)))
	}
	return tx.put(ctx, &row, "version", "build", "current", "held", "annotations", "files", "bytes", "shared_bytes")
}

// DeleteRelease removes a release; an unknown one is fine.
func (tx *Tx) DeleteRelease(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*releaseRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	return tx.explain(err)
}
