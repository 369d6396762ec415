package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/job"
)

// rowsPerInsert was measured: fewer cost time, more gain nothing.
const rowsPerInsert = 200

type lineRow struct {
	bun.BaseModel `bun:"table:job_lines"`

	Job   int64
	Seq   int64
	At    int64
	Level string
	Text  string
}

func (r lineRow) line() job.Line {
	return job.Line{Seq: r.Seq, Time: time.UnixMicro(r.At).UTC(), Level: r.Level, Text: r.Text}
}

// AddLines appends lines, whose Seq rise, to the log of the job with id.
func (db *DB) AddLines(ctx context.Context, id string, lines []job.Line) error {
	return db.Update(ctx, func(tx *Tx) error {
		var seq int64
		if err := tx.idb.NewRaw(`SELECT seq FROM jobs WHERE id = ?`, plain(id)).Scan(ctx, &seq); err != nil {
			return tx.absent(err, "job", id)
		}
		for part := range slices.Chunk(lines, rowsPerInsert) {
			rows := mapRows(part, func(l job.Line) lineRow {
				return lineRow{Job: seq, Seq: l.Seq, At: l.Time.UnixMicro(), Level: l.Level, Text: plain(l.Text)}
			})
			if _, err := tx.idb.NewInsert().Model(&rows).Exec(ctx); err != nil {
				return tx.explain(err)
			}
		}
		return nil
	})
}

// Lines returns up to limit lines of the job with id with a Seq above after, in order.
func (q queries) Lines(ctx context.Context, id string, after int64, limit int) ([]job.Line, error) {
	var rows []lineRow
	err := q.idb.NewSelect().Model(&rows).Where("job = (SELECT seq FROM jobs WHERE id = ?) AND seq > ?", plain(id), after).
		OrderExpr("seq").Limit(int64(limit)).Scan(ctx)
	return mapRows(rows, lineRow.line), q.explain(err)
}

// Prune deletes final jobs with their logs, events and game events that ended before a time, and says how many of
// the first two.
func (db *DB) Prune(ctx context.Context, before time.Time) (jobs, events int64, err error) {
	err = db.Update(ctx, func(tx *Tx) error {
		var gameEvents int64
		for query, count := range map[string]*int64{
			`DELETE FROM game_events WHERE at < ?`:   &gameEvents,
			`DELETE FROM jobs WHERE finished_at < ?`: &jobs,
			`DELETE FROM events WHERE at < ?`:        &events,
		} {
			result, err := tx.idb.NewRaw(query, before.UnixMicro()).Exec(ctx)
			if err != nil {
				return tx.explain(err)
			}
			if *count, err = result.RowsAffected(); err != nil {
				return err
			}
		}
		return nil
	})
	return jobs, events, err
}
