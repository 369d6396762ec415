package sqlite

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/schedule"
)

// ScheduleStore returns the store of package schedule.
func (db *DB) ScheduleStore() schedule.Store { return scheduleStore{db} }

type scheduleStore struct{ *DB }

func (s scheduleStore) Update(ctx context.Context, change func(schedule.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type scheduleRow struct {
	bun.BaseModel `bun:"table:schedules"`

	ID         string `bun:",pk"`
	Name       string
	Owner      string
	Enabled    bool
	Reason     string
	Definition string
	LastJob    string
	LastFired  *int64
	CreatedAt  int64
	UpdatedAt  int64
}

// definition is the part of a schedule that nothing is looked up by.
type definition struct {
	Trigger    schedule.Trigger
	Conditions schedule.Conditions
	Actions    []schedule.Action
	Overlap    schedule.Overlap
	CatchUp    bool
}

func (r scheduleRow) schedule() (schedule.Schedule, error) {
	var d definition
	err := decode(&r.Definition, &d)
	return schedule.Schedule{ID: r.ID, Name: r.Name, Owner: r.Owner, Enabled: r.Enabled, Reason: r.Reason, Trigger: d.Trigger,
		Conditions: d.Conditions, Actions: d.Actions, Overlap: d.Overlap, CatchUp: d.CatchUp, LastJob: r.LastJob,
		LastFired: timeOf(r.LastFired), CreatedAt: time.UnixMicro(r.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(r.UpdatedAt).UTC()}, err
}

func (q queries) scheduleWhere(ctx context.Context, column, value string) (schedule.Schedule, error) {
	var row scheduleRow
	if err := q.idb.NewSelect().Model(&row).Where("? = ?", bun.Ident(column), plain(value)).Scan(ctx); err != nil {
		return schedule.Schedule{}, q.absent(err, "schedule", value)
	}
	return row.schedule()
}

// ScheduleByName returns the schedule with name, or a NotFound fault.
func (q queries) ScheduleByName(ctx context.Context, name string) (schedule.Schedule, error) {
	return q.scheduleWhere(ctx, "name", name)
}

// ScheduleByID returns the schedule with id, or a NotFound fault.
func (q queries) ScheduleByID(ctx context.Context, id string) (schedule.Schedule, error) {
	return q.scheduleWhere(ctx, "id", id)
}

// Schedules returns all schedules, sorted by name.
func (q queries) Schedules(ctx context.Context) ([]schedule.Schedule, error) {
	var rows []scheduleRow
	if err := q.idb.NewSelect().Model(&rows).OrderExpr("name").Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	out := make([]schedule.Schedule, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.schedule(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutSchedule inserts or replaces by ID. Conflict: the name is taken.
func (tx *Tx) PutSchedule(ctx context.Context, s schedule.Schedule) error {
	row := scheduleRow{ID: s.ID, Name: plain(s.Name), Owner: plain(s.Owner), Enabled: s.Enabled, Reason: plain(s.Reason),
		Definition: plain(encode(definition{Trigger: s.Trigger, Conditions: s.Conditions, Actions: s.Actions, Overlap: s.Overlap, CatchUp: s.CatchUp})),
		LastJob:    plain(s.LastJob), LastFired: micros(s.LastFired), CreatedAt: s.CreatedAt.UnixMicro(), UpdatedAt: s.UpdatedAt.UnixMicro()}
	err := tx.put(ctx, &row, "name", "owner", "enabled", "reason", "definition", "last_job", "last_fired", "updated_at")
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "There is a schedule named %q already.", s.Name).WithHint("Choose another name.").WithField("name")
	}
	return err
}

// DeleteSchedule removes a schedule. An absent one is fine.
func (tx *Tx) DeleteSchedule(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*scheduleRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	return tx.explain(err)
}
