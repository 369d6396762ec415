package sqlite

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/token"
)

// TokenStore returns the store of package token.
func (db *DB) TokenStore() token.Store { return tokenStore{db} }

type tokenStore struct{ *DB }

func (s tokenStore) Update(ctx context.Context, change func(token.Tx) error) error {
	return s.DB.Update(ctx, func(tx *Tx) error { return change(tx) })
}

type tokenRow struct {
	bun.BaseModel `bun:"table:tokens"`

	ID         string `bun:",pk"`
	Name       string
	Owner      string
	Scopes     *string
	Servers    *string
	Act        bool
	Hash       string
	CreatedAt  int64
	ExpiresAt  *int64
	LastUsedAt *int64
}

func (r tokenRow) token() (token.Token, error) {
	t := token.Token{ID: r.ID, Name: r.Name, Owner: r.Owner, Act: r.Act, Hash: r.Hash, CreatedAt: time.UnixMicro(r.CreatedAt).UTC(),
		ExpiresAt: timeOf(r.ExpiresAt), LastUsedAt: timeOf(r.LastUsedAt)}
	if err := decode(r.Scopes, &t.Scopes); err != nil {
		return t, err
	}
	return t, decode(r.Servers, &t.Servers)
}

// TokenByID returns the token with id, or a NotFound fault.
func (q queries) TokenByID(ctx context.Context, id string) (token.Token, error) {
	var row tokenRow
	if err := q.idb.NewSelect().Model(&row).Where("id = ?", plain(id)).Scan(ctx); err != nil {
		return token.Token{}, q.absent(err, "token", id)
	}
	return row.token()
}

// Tokens returns the tokens of owner, of everybody when it is "", sorted by owner and name.
func (q queries) Tokens(ctx context.Context, owner string) ([]token.Token, error) {
	var rows []tokenRow
	query := q.idb.NewSelect().Model(&rows).OrderExpr("owner, name")
	if owner != "" {
		query.Where("owner = ?", plain(owner))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, q.explain(err)
	}
	out := make([]token.Token, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = row.token(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutToken inserts or replaces by ID. Conflict: its owner has one of the same name.
func (tx *Tx) PutToken(ctx context.Context, t token.Token) error {
	row := tokenRow{ID: t.ID, Name: plain(t.Name), Owner: plain(t.Owner), Scopes: pointer(encode(t.Scopes)), Servers: pointer(encode(t.Servers)),
		Act: t.Act, Hash: t.Hash, CreatedAt: t.CreatedAt.UnixMicro(), ExpiresAt: micros(t.ExpiresAt), LastUsedAt: micros(t.LastUsedAt)}
	err := tx.put(ctx, &row, "last_used_at")
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "You have a token named %q already.", t.Name).WithHint("Choose another name, or revoke that one.").WithField("name")
	}
	return err
}

// DeleteToken removes a token; an unknown one is fine.
func (tx *Tx) DeleteToken(ctx context.Context, id string) error {
	_, err := tx.idb.NewDelete().Model((*tokenRow)(nil)).Where("id = ?", plain(id)).Exec(ctx)
	return tx.explain(err)
}
