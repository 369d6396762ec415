package account

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// MaxIdle is how long somebody stays signed in without coming back.
const MaxIdle = 7 * 24 * time.Hour

// seenEvery is how exactly it is known when somebody was here last; more would write at every request.
const seenEvery = 5 * time.Minute

// SignIn is one place where a person is signed in.
type SignIn struct {
	bun.BaseModel `bun:"table:sign_ins"`

	ID        int64     `bun:"id,pk,autoincrement"`
	AccountID int64     `bun:"account_id"`
	CreatedAt time.Time `bun:"created_at"`
	SeenAt    time.Time `bun:"seen_at"`
	Address   string    `bun:"address"`
	Browser   string    `bun:"browser"` // what it calls itself
}

// SignIn records that a person signed in, and returns the row's id for the session.
func (s *Store) SignIn(ctx context.Context, account int64, address, browser string) (int64, error) {
	now := time.Now().UTC()
	row := SignIn{AccountID: account, CreatedAt: now, SeenAt: now, Address: plain(address), Browser: plain(browser[:min(len(browser), 200)])}
	_, err := s.db.NewInsert().Model(&row).Exec(ctx)
	return row.ID, err
}

// SignedIn returns whose session it is, or ErrNotFound when it is over: signed out, unused for [MaxIdle], of an
// older epoch, or of somebody who was disabled or deleted.
func (s *Store) SignedIn(ctx context.Context, account, signIn, epoch int64) (Account, error) {
	var row SignIn
	err := s.db.NewSelect().Model(&row).Where("id = ? AND account_id = ?", signIn, account).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, ErrNotFound
	}
	if err != nil {
		return Account{}, err
	}
	idle := time.Since(row.SeenAt)
	if idle > MaxIdle {
		return Account{}, ErrNotFound
	}
	a, err := s.Get(ctx, account)
	if err == nil && (a.Epoch != epoch || a.DisabledAt != nil) {
		return Account{}, ErrNotFound
	}
	if err == nil && idle > seenEvery {
		_, err = s.db.NewUpdate().Model((*SignIn)(nil)).Set("seen_at = ?", time.Now().UTC()).Where("id = ?", signIn).Exec(ctx)
	}
	return a, err
}

// SignIns lists where an account is signed in, the latest first.
func (s *Store) SignIns(ctx context.Context, account int64) ([]SignIn, error) {
	var out []SignIn
	err := s.db.NewSelect().Model(&out).Where("account_id = ? AND seen_at > ?", account, time.Now().UTC().Add(-MaxIdle)).
		OrderExpr("seen_at DESC, id DESC").Scan(ctx)
	return out, err
}

// SignOut ends one session of an account; somebody else's is ErrNotFound.
func (s *Store) SignOut(ctx context.Context, account, signIn int64) error {
	result, err := s.db.NewDelete().Model((*SignIn)(nil)).Where("id = ? AND account_id = ?", signIn, account).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNotFound)
	}
	return nil
}

// SignOutEverywhere ends all sessions of an account.
func (s *Store) SignOutEverywhere(ctx context.Context, account int64) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return signOut(ctx, tx, account) })
}

func signOut(ctx context.Context, tx bun.Tx, account int64) error {
	if _, err := tx.NewDelete().Model((*SignIn)(nil)).Where("account_id = ?", account).Exec(ctx); err != nil {
		return err
	}
	_, err := tx.NewUpdate().Model((*Account)(nil)).Set("epoch = epoch + 1").Where("id = ?", account).Exec(ctx)
	return err
}

// auditFor is how long the audit log is kept.
const auditFor = 400 * 24 * time.Hour

// Sweep removes what is over: sessions, sign-ins, links that expired, and the oldest part of the audit log.
func (s *Store) Sweep(ctx context.Context) error {
	now := time.Now().UTC()
	_, idle := s.db.NewDelete().Model((*SignIn)(nil)).Where("seen_at <= ?", now.Add(-MaxIdle)).Exec(ctx)
	_, links := s.db.NewDelete().Model((*Link)(nil)).Where("expires_at <= ?", now).Exec(ctx)
	_, audit := s.db.NewDelete().Model((*Entry)(nil)).Where("at <= ?", now.Add(-auditFor)).Exec(ctx)
	return errors.Join(s.Sessions().Sweep(ctx), idle, links, audit)
}
