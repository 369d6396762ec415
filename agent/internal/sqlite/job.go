package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/job"
)

var _ job.Store = (*DB)(nil)

// AddJob queues spec, or with Coalesce returns the job that already stands, and records the event.
func (tx *Tx) AddJob(ctx context.Context, spec job.Spec) (job.Job, bool, error) {
	if spec.Kind == "" || spec.Subject == "" {
		return job.Job{}, false, errors.New("queue job: kind or subject is missing")
	}
	var params *string
	if spec.Params != nil {
		data, err := json.Marshal(spec.Params)
		if err != nil {
			return job.Job{}, false, err
		}
		params = pointer(string(data))
	}
	if spec.Coalesce {
		if standing, err := tx.standing(ctx, spec, params); err != nil || standing.ID != "" {
			return standing, err == nil, err
		}
	}
	row := jobRow{ID: id.New(), Kind: plain(spec.Kind), Subject: plain(spec.Subject), Label: plain(cmp.Or(spec.Label, spec.Subject)),
		Status: job.Queued, Actor: plain(spec.Actor), Urgent: spec.Urgent, RetryOf: spec.RetryOf, CreatedAt: time.Now().UnixMicro()}
	row.Params = params
	added, err := tx.insertJob(ctx, row)
	return added, false, err
}

func (tx *Tx) insertJob(ctx context.Context, row jobRow) (job.Job, error) {
	if _, err := tx.idb.NewInsert().Model(&row).Exec(ctx); err != nil {
		return job.Job{}, tx.explain(err)
	}
	added, err := row.job()
	if err != nil {
		return added, err
	}
	return added, tx.AddEvent(ctx, job.Fact(added))
}

// standing returns the job that spec coalesces with, or a zero one. A start that was asked for after a stop is another one
// than the start before it: what came later on the same subject, even if it is over by now, stands between them.
func (tx *Tx) standing(ctx context.Context, spec job.Spec, params *string) (job.Job, error) {
	var row jobRow
	err := tx.idb.NewSelect().Model(&row).Where("finished_at IS NULL AND status IN ('queued', 'running') AND NOT canceling").
		Where("kind = ? AND subject = ? AND params IS ?", plain(spec.Kind), plain(spec.Subject), params).
		Where("NOT EXISTS (SELECT 1 FROM jobs AS later WHERE later.subject = ? AND later.kind <> ?"+
			" AND coalesce(later.place, later.seq) > coalesce(?TableAlias.place, ?TableAlias.seq))", plain(spec.Subject), plain(spec.Kind)).
		OrderExpr("seq").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return job.Job{}, nil
	}
	if err != nil {
		return job.Job{}, tx.explain(err)
	}
	return row.job()
}

// Queue does what Tx.AddJob does, in a transaction of its own.
func (db *DB) Queue(ctx context.Context, spec job.Spec) (added job.Job, existed bool, err error) {
	err = db.Update(ctx, func(tx *Tx) error {
		added, existed, err = tx.AddJob(ctx, spec)
		return err
	})
	return added, existed, err
}

// SaveJob records the present state of a job that is not final yet, together with events.
func (db *DB) SaveJob(ctx context.Context, j job.Job, events ...event.Event) error {
	return db.Update(ctx, func(tx *Tx) error { return tx.saveJob(ctx, j, events) })
}

func (tx *Tx) saveJob(ctx context.Context, j job.Job, events []event.Event) error {
	var row jobRow
	row.state(j)
	result, err := tx.idb.NewUpdate().Model(&row).
		Column("status", "canceling", "summary", "result", "started_at", "finished_at", "steps", "progress", "error").
		Where("id = ? AND finished_at IS NULL", plain(j.ID)).Exec(ctx)
	if err != nil {
		return tx.explain(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Precondition, "Job %s is final or unknown.", j.ID))
	}
	for _, e := range events {
		if err := tx.AddEvent(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Interrupt records an interrupted job, and with again queues its work once more in its place.
func (db *DB) Interrupt(ctx context.Context, j job.Job, again bool, events ...event.Event) (retry job.Job, err error) {
	err = db.Update(ctx, func(tx *Tx) error {
		if err := tx.saveJob(ctx, j, events); err != nil || !again {
			return err
		}
		var old jobRow
		if err := tx.idb.NewSelect().Model(&old).Where("id = ?", j.ID).Scan(ctx); err != nil {
			return tx.explain(err)
		}
		place := old.Seq
		if old.Place != nil {
			place = *old.Place
		}
		retry, err = tx.insertJob(ctx, jobRow{ID: id.New(), Place: &place, Kind: old.Kind, Subject: old.Subject, Label: old.Label,
			Params: old.Params, Status: job.Queued, Actor: old.Actor, Urgent: old.Urgent, Attempt: old.Attempt + 1,
			RetryOf: old.ID, CreatedAt: time.Now().UnixMicro()})
		return err
	})
	return retry, err
}

// Pending returns the jobs that wait and were added after a position, in queue order, and the new position.
func (q queries) Pending(ctx context.Context, after int64) ([]job.Job, int64, error) {
	var rows []jobRow
	err := q.idb.NewSelect().Model(&rows).Where("status = 'queued' AND finished_at IS NULL AND seq > ?", after).
		OrderExpr("coalesce(place, seq), seq").Scan(ctx)
	if err != nil {
		return nil, after, q.explain(err)
	}
	for _, row := range rows {
		after = max(after, row.Seq)
	}
	jobs, err := jobsOf(rows)
	return jobs, after, err
}

// Job returns the job with id, or a NotFound fault.
func (q queries) Job(ctx context.Context, id string) (job.Job, error) {
	var row jobRow
	if err := q.idb.NewSelect().Model(&row).Where("id = ?", plain(id)).Scan(ctx); err != nil {
		return job.Job{}, q.absent(err, "job", id)
	}
	return row.job()
}

// Jobs returns what filter selects, newest first.
func (q queries) Jobs(ctx context.Context, filter job.Filter) ([]job.Job, error) {
	var rows []jobRow
	query := q.idb.NewSelect().Model(&rows).OrderExpr("seq DESC").Limit(int64(cmp.Or(filter.Limit, 100)))
	for column, value := range map[string]string{"subject": filter.Subject, "label": filter.Label, "kind": filter.Kind, "status": string(filter.Status)} {
		if value != "" {
			query.Where("? = ?", bun.Ident(column), plain(value))
		}
	}
	if s := filter.Status; s != "" && !s.Final() {
		query.Where("finished_at IS NULL") // for the index
	}
	if filter.Before != "" {
		query.Where("seq < (SELECT seq FROM jobs WHERE id = ?)", plain(filter.Before))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	return jobsOf(rows)
}
