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
	Current     bool
	Files       uint64
	Bytes       uint64
	SharedBytes uint64
	CreatedAt   int64
}

func (r releaseRow) release() installation.Release {
	return installation.Release{ID: r.ID, Version: r.Version, Current: r.Current,
		Usage:     content.Usage{Files: r.Files, Bytes: r.Bytes, SharedBytes: r.SharedBytes},
		CreatedAt: time.UnixMicro(r.CreatedAt).UTC()}
}

// CurrentRelease returns what new starts use, or a NotFound fault when nothing is installed.
func (q queries) CurrentRelease(ctx context.Context) (installation.Release, error) {
	var row releaseRow
	err := q.idb.NewSelect().Model(&row).Where("current = 1").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return installation.Release{}, fault.New(fault.NotFound, "The game is not installed yet.").
			WithHint("Install it with: left4me release install")
	}
	return row.release(), q.explain(err)
}

// Releases returns all releases, newest first.
func (q queries) Releases(ctx context.Context) ([]installation.Release, error) {
	var rows []releaseRow
	err := q.idb.NewSelect().Model(&rows).OrderExpr("created_at DESC, id DESC").Scan(ctx)
	return mapRows(rows, releaseRow.release), q.explain(err)
}

// PutRelease inserts or replaces by ID. A current one takes that from every other.
func (tx *Tx) PutRelease(ctx context.Context, r installation.Release) error {
	if r.Current {
		if _, err := tx.idb.NewRaw(`UPDATE releases SET current = 0 WHERE current = 1 AND id <> ?`, r.ID).Exec(ctx); err != nil {
			return tx.explain(err)
		}
	}
	row := releaseRow{ID: r.ID, Version: plain(r.Version), Current: r.Current, Files: r.Usage.Files, Bytes: r.Usage.Bytes,
		SharedBytes: r.Usage.SharedBytes, CreatedAt: r.CreatedAt.UnixMicro()}
	return tx.put(ctx, &row, "version", "current", "files", "bytes", "shared_bytes")
}

// DeleteRelease removes a release; an unknown one is fine.
func (tx *Tx) DeleteRelease(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*releaseRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	return tx.explain(err)
}
