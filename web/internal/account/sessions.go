package account

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Sessions keeps the data of sessions, as scs.CtxStore wants it. It is safe for concurrent use.
type Sessions struct {
	store *Store
}

// Sessions returns the session store.
func (s *Store) Sessions() Sessions { return Sessions{store: s} }

// FindCtx returns the data of a session; found is false when there is none or it is over.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.store.db.QueryRowContext(ctx, "SELECT data FROM sessions WHERE token = ? AND expiry > ? AND length(data) > 0", token, time.Now().Unix()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx writes a session, unless it was deleted: a request that began before a sign-out does not undo it.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.store.db.ExecContext(ctx, "INSERT INTO sessions (token, data, expiry) VALUES (?, ?, ?) "+
		"ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry WHERE length(sessions.data) > 0", token, data, expiry.Unix())
	return err
}

// tombstone is how long a deleted session is remembered, longer than any request takes.
const tombstone = time.Hour

// DeleteCtx ends a session. An empty row stays until Sweep, so that its token is not written again.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.store.db.ExecContext(ctx, "UPDATE sessions SET data = x'', expiry = ? WHERE token = ?", time.Now().Add(tombstone).Unix(), token)
	return err
}

// Sweep removes sessions that are over.
func (s Sessions) Sweep(ctx context.Context) error {
	_, err := s.store.db.ExecContext(ctx, "DELETE FROM sessions WHERE expiry <= ?", time.Now().Unix())
	return err
}

// Find, Commit and Delete are the context-free halves of scs' interface; it does not call them.

// Find is FindCtx without a context.
func (s Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
