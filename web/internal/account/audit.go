package account

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// Entry is one line of the audit log: somebody tried to change something.
type Entry struct {
	bun.BaseModel `bun:"table:audit" json:"-"`

	ID      int64     `bun:"id,pk,autoincrement" json:"id"`
	At      time.Time `bun:"at" json:"at"`
	Actor   string    `bun:"actor" json:"actor"` // "" = nobody signed in
	Address string    `bun:"address" json:"address"`
	Action  string    `bun:"action" json:"action"` // "server.start"
	Host    string    `bun:"host" json:"host"`
	Target  string    `bun:"target" json:"target"` // what it was done to
	Status  int       `bun:"status" json:"status"` // HTTP status of the answer
	Detail  string    `bun:"detail" json:"detail"`
}

// Failed reports whether the change was refused or did not work.
func (e Entry) Failed() bool { return e.Status >= 400 }

// AuditFilter selects entries. Zero fields select everything.
type AuditFilter struct {
	Actor  string
	Action string // as written, or "server." for all about servers
	Host   string
	Target string
	Failed bool // only what was refused or did not work
	Since  time.Time
	Until  time.Time
	Before int64 // only ids below this
	Limit  int   // at most this many; 0 = 100
}

// Record appends an entry; a zero At is now.
func (s *Store) Record(ctx context.Context, e Entry) error {
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	for _, text := range []*string{&e.Actor, &e.Address, &e.Action, &e.Host, &e.Target, &e.Detail} {
		*text = plain(*text)
	}
	_, err := s.db.NewInsert().Model(&e).Exec(ctx)
	return err
}

// Audit returns what filter selects, the newest first.
func (s *Store) Audit(ctx context.Context, filter AuditFilter) ([]Entry, error) {
	var out []Entry
	if filter.Limit <= 0 {
		filter.Limit = 100
	}
	query := s.db.NewSelect().Model(&out).OrderExpr("id DESC").Limit(int64(filter.Limit))
	for column, value := range map[string]string{"actor": filter.Actor, "host": filter.Host, "target": filter.Target} {
		if value != "" {
			query.Where("? = ?", bun.Ident(column), plain(value))
		}
	}
	if filter.Action = plain(filter.Action); filter.Action != "" {
		query.Where("(action = ? OR substr(action, 1, length(?)) = ? AND ? LIKE '%.')", filter.Action, filter.Action, filter.Action, filter.Action)
	}
	if filter.Failed {
		query.Where("status >= 400")
	}
	if !filter.Since.IsZero() {
		query.Where("at >= ?", filter.Since.UTC())
	}
	if !filter.Until.IsZero() {
		query.Where("at < ?", filter.Until.UTC())
	}
	if filter.Before > 0 {
		query.Where("id < ?", filter.Before)
	}
	return out, query.Scan(ctx)
}
