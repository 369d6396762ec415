package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// Share is what a person may do with somebody else's server.
type Share struct {
	bun.BaseModel `bun:"table:shares"`

	Host      string    `bun:"host,pk"`
	Server    string    `bun:"server,pk"` // id
	AccountID int64     `bun:"account_id,pk"`
	Rights    string    `bun:"rights"` // as package right writes them
	GivenBy   string    `bun:"given_by"`
	GivenAt   time.Time `bun:"given_at"`
	Name      string    `bun:"name,scanonly"` // of the account
}

// PutShare gives rights, or changes what was given.
func (s *Store) PutShare(ctx context.Context, share Share) error {
	share.GivenAt = time.Now().UTC()
	_, err := s.db.NewInsert().Model(&share).On("CONFLICT (host, server, account_id) DO UPDATE").
		Set("rights = EXCLUDED.rights, given_by = EXCLUDED.given_by, given_at = EXCLUDED.given_at").Exec(ctx)
	return err
}

// RemoveShare takes back what was given; nothing given is fine.
func (s *Store) RemoveShare(ctx context.Context, host, server string, account int64) error {
	_, err := s.db.NewDelete().Model((*Share)(nil)).Where("host = ? AND server = ? AND account_id = ?", host, server, account).Exec(ctx)
	return err
}

// Shares lists who may do what with a server, by name.
func (s *Store) Shares(ctx context.Context, host, server string) ([]Share, error) {
	var out []Share
	err := s.shares(&out).Where("s.host = ? AND s.server = ?", host, server).OrderExpr("a.name").Scan(ctx)
	return out, err
}

// SharesOf lists what was given to an account on a host.
func (s *Store) SharesOf(ctx context.Context, host string, account int64) ([]Share, error) {
	var out []Share
	err := s.shares(&out).Where("s.host = ? AND s.account_id = ?", host, account).Scan(ctx)
	return out, err
}

// ShareOf returns the rights given to an account for a server; "" = none.
func (s *Store) ShareOf(ctx context.Context, host, server string, account int64) (string, error) {
	var rights string
	err := s.db.QueryRowContext(ctx, "SELECT rights FROM shares WHERE host = ? AND server = ? AND account_id = ?", host, server, account).Scan(&rights)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return rights, err
}

func (s *Store) shares(out *[]Share) *bun.SelectQuery {
	return s.db.NewSelect().Model(out).ModelTableExpr("shares AS s").ColumnExpr("s.*, a.name").
		Join("JOIN accounts AS a ON a.id = s.account_id AND a.deleted_at IS NULL")
}
