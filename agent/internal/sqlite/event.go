package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/event"
)

type eventRow struct {
	bun.BaseModel `bun:"table:events"`

	ID      int64 `bun:",pk,autoincrement"`
	At      int64
	Kind    string
	Subject string
	Actor   string
	Message string
	Data    *string
}

func (r eventRow) event() event.Event {
	return event.Event{ID: r.ID, Time: time.UnixMicro(r.At).UTC(), Kind: r.Kind, Subject: r.Subject, Actor: r.Actor,
		Message: r.Message, Data: rawOf(r.Data)}
}

// AddEvent appends e; a zero Time is now. Followers see it after the commit.
func (tx *Tx) AddEvent(ctx context.Context, e event.Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	row := eventRow{At: e.Time.UnixMicro(), Kind: plain(e.Kind), Subject: plain(e.Subject), Actor: plain(e.Actor),
		Message: plain(e.Message), Data: textOrNull(e.Data)}
	if _, err := tx.idb.NewInsert().Model(&row).Returning("id").Exec(ctx); err != nil {
		return tx.explain(err)
	}
	tx.events = append(tx.events, row.event())
	return nil
}

// AddEvent appends e in a transaction of its own.
func (db *DB) AddEvent(ctx context.Context, e event.Event) error {
	return db.Update(ctx, func(tx *Tx) error { return tx.AddEvent(ctx, e) })
}

// Events returns what filter selects, oldest first: with After the next ones above it, without it the
// newest ones.
func (q queries) Events(ctx context.Context, filter event.Filter) ([]event.Event, error) {
	limit := cmp.Or(filter.Limit, 200)
	if filter.After > 0 {
		return q.EventsAfter(ctx, filter.Subject, filter.After, limit)
	}
	var rows []eventRow
	query := q.idb.NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(limit))
	if filter.Subject != "" {
		query.Where("subject = ?", plain(filter.Subject))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	slices.Reverse(rows)
	return mapRows(rows, eventRow.event), nil
}

// EventsAfter returns the first limit events above after, oldest first. subject "" means all.
func (q queries) EventsAfter(ctx context.Context, subject string, after int64, limit int) ([]event.Event, error) {
	var rows []eventRow
	query := q.idb.NewSelect().Model(&rows).Where("id > ?", after).OrderExpr("id").Limit(int64(limit))
	if subject != "" {
		query.Where("subject = ?", plain(subject))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	return mapRows(rows, eventRow.event), nil
}

// LastEvent returns the id of the newest event, 0 when there is none.
func (q queries) LastEvent(ctx context.Context) (int64, error) {
	var id int64
	err := q.idb.NewRaw(`SELECT coalesce(max(id), 0) FROM events`).Scan(ctx, &id)
	return id, q.explain(err)
}

func mapRows[Row, Value any](rows []Row, value func(Row) Value) []Value {
	out := make([]Value, len(rows))
	for i, row := range rows {
		out[i] = value(row)
	}
	return out
}
