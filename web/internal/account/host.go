package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// Host is an agent that was registered in the panel. Its token lies in the database as it is, because it must be
// shown to the agent; the file is for the panel's user alone.
type Host struct {
	bun.BaseModel `bun:"table:hosts"`

	Name      string    `bun:"name,pk"`
	Socket    string    `bun:"socket"` // one of Socket and URL
	URL       string    `bun:"url"`
	Token     string    `bun:"token"`
	Pin       string    `bun:"pin"` // sha256:… of the certificate; "" = a known authority must have signed it
	CreatedAt time.Time `bun:"created_at"`
}

// ErrNoHost says that a host is not registered.
var ErrNoHost = errors.New("no such host")

// Hosts lists the registered agents by name.
func (s *Store) Hosts(ctx context.Context) ([]Host, error) {
	var out []Host
	err := s.db.NewSelect().Model(&out).OrderExpr("name").Scan(ctx)
	return out, err
}

// GetHost returns a registered agent, or ErrNoHost.
func (s *Store) GetHost(ctx context.Context, name string) (Host, error) {
	var h Host
	err := s.db.NewSelect().Model(&h).Where("name = ?", plain(name)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return h, ErrNoHost
	}
	return h, err
}

// PutHost registers an agent or changes one.
func (s *Store) PutHost(ctx context.Context, h Host) error {
	h.CreatedAt = time.Now().UTC()
	h.Socket, h.URL, h.Token = plain(h.Socket), plain(h.URL), plain(h.Token)
	_, err := s.db.NewInsert().Model(&h).On("CONFLICT (name) DO UPDATE").
		Set("socket = EXCLUDED.socket, url = EXCLUDED.url, token = EXCLUDED.token, pin = EXCLUDED.pin").Exec(ctx)
	return err
}

// RemoveHost forgets an agent and what was shared on it. The agent itself goes on. What it is still to be told stays,
// for when it is registered again.
func (s *Store) RemoveHost(ctx context.Context, name string) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM shares WHERE host = ?", name); err != nil {
			return err
		}
		_, err := tx.NewDelete().Model((*Host)(nil)).Where("name = ?", name).Exec(ctx)
		return err
	})
}

// Revocation is a wish that an agent could not be told yet: refuse tokens.
type Revocation struct {
	bun.BaseModel `bun:"table:revocations"`

	Host   string `bun:"host,pk"`
	Owner  string `bun:"owner,pk"`
	Server string `bun:"server,pk"` // id; "" = all tokens of the owner
}

// PutRevocation remembers a revocation until [Store.RevocationDone].
func (s *Store) PutRevocation(ctx context.Context, r Revocation) error {
	_, err := s.db.NewInsert().Model(&r).Ignore().Exec(ctx)
	return err
}

// Revocations lists what agents are still to be told.
func (s *Store) Revocations(ctx context.Context) ([]Revocation, error) {
	var out []Revocation
	err := s.db.NewSelect().Model(&out).OrderExpr("host, owner, server").Scan(ctx)
	return out, err
}

// RevocationDone forgets a revocation.
func (s *Store) RevocationDone(ctx context.Context, r Revocation) error {
	_, err := s.db.NewDelete().Model((*Revocation)(nil)).Where("host = ? AND owner = ? AND server = ?", r.Host, r.Owner, r.Server).Exec(ctx)
	return err
}
