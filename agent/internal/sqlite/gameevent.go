package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/server"
)

type gameEventRow struct {
	bun.BaseModel `bun:"table:game_events"`

	ID        int64 `bun:",pk,autoincrement"`
	ServerID  string
	At        int64
	Kind      server.GameEventKind
	Player    string
	SteamID   int64 `bun:"steam_id"`
	Text      string
	Ambiguous bool
}

func (r gameEventRow) event() server.GameEvent {
	return server.GameEvent{ID: r.ID, Server: r.ServerID, Time: time.UnixMicro(r.At).UTC(), Kind: r.Kind, Player: r.Player,
		SteamID: uint64(r.SteamID), Text: r.Text, Ambiguous: r.Ambiguous}
}

type gameCursorRow struct {
	bun.BaseModel `bun:"table:game_cursors"`

	ServerID string `bun:",pk"`
	Cursor   string
}

var _ server.History = (*DB)(nil)

// SaveGameEvents implements server.History.
func (db *DB) SaveGameEvents(ctx context.Context, serverID, cursor string, events []server.GameEvent) error {
	rows := make([]gameEventRow, len(events))
	for i, e := range events {
		rows[i] = gameEventRow{ServerID: serverID, At: e.Time.UnixMicro(), Kind: e.Kind, Player: plain(e.Player),
			SteamID: int64(e.SteamID), Text: plain(e.Text), Ambiguous: e.Ambiguous}
	}
	return db.Update(ctx, func(tx *Tx) error {
		if len(rows) > 0 {
			if _, err := tx.idb.NewInsert().Model(&rows).Exec(ctx); err != nil {
				return tx.explain(err)
			}
		}
		if cursor == "" {
			return nil
		}
		row := gameCursorRow{ServerID: serverID, Cursor: plain(cursor)}
		_, err := tx.idb.NewInsert().Model(&row).On("CONFLICT (server_id) DO UPDATE").Set("cursor = EXCLUDED.cursor").Exec(ctx)
		return tx.explain(err)
	})
}

// GameCursor implements server.History.
func (q queries) GameCursor(ctx context.Context, serverID string) (string, error) {
	var row gameCursorRow
	err := q.idb.NewSelect().Model(&row).Where("server_id = ?", serverID).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return row.Cursor, q.explain(err)
}

// GameEvents implements server.History.
func (q queries) GameEvents(ctx context.Context, serverID string, filter server.GameEventFilter) ([]server.GameEvent, error) {
	var rows []gameEventRow
	query := q.idb.NewSelect().Model(&rows).Where("server_id = ?", serverID).OrderExpr("id DESC").
		Limit(int64(cmp.Or(filter.Limit, 200)))
	if filter.Before > 0 {
		query.Where("id < ?", filter.Before)
	}
	if filter.After > 0 {
		query.Where("id > ?", filter.After)
	}
	if len(filter.Kinds) > 0 {
		query.Where("kind IN (?)", bun.List(filter.Kinds))
	}
	if text := plain(filter.Text); text != "" {
		like := "%" + likeEscaper.Replace(text) + "%"
		query.Where(`(player LIKE ? ESCAPE '\' OR text LIKE ? ESCAPE '\' OR CAST(steam_id AS TEXT) = ?)`, like, like, text)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	return mapRows(rows, gameEventRow.event), nil
}

// likeEscaper makes text mean itself in a LIKE pattern with ESCAPE '\'.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
