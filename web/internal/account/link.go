package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/uptrace/bun"
)

// Lifetimes of one-time links.
const (
	InvitationFor = 7 * 24 * time.Hour
	ResetFor      = 24 * time.Hour
)

// Link is a one-time link: an invitation, or a way to a new password when AccountID is set.
type Link struct {
	bun.BaseModel `bun:"table:links"`

	ID        int64  `bun:"id,pk,autoincrement"`
	Hash      string `bun:"hash"` // of the secret in the address, which is shown once
	AccountID int64  `bun:"account_id"`
	Role      string `bun:"role"`
	Limits
	Note      string    `bun:"note"` // whom it is for
	CreatedBy string    `bun:"created_by"`
	CreatedAt time.Time `bun:"created_at"`
	ExpiresAt time.Time `bun:"expires_at"`
}

// ErrLink says that a link is wrong, was used or is too old.
var ErrLink = errors.New("the link is wrong, was used already or is too old")

// hashSecret is enough for secrets that nobody can guess; passwords take [hashPassword].
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Invite makes an invitation and returns its secret. Role, Limits, Note and CreatedBy are taken from draft.
func (s *Store) Invite(ctx context.Context, draft Link) (secret string, err error) {
	draft.AccountID = 0
	return s.addLink(ctx, draft, InvitationFor)
}

// ResetLink makes a link with which the account's owner chooses a new password. Earlier ones stop working.
func (s *Store) ResetLink(ctx context.Context, account int64, by string) (secret string, err error) {
	if _, err := s.Get(ctx, account); err != nil {
		return "", err
	}
	if _, err := s.db.NewDelete().Model((*Link)(nil)).Where("account_id = ?", account).Exec(ctx); err != nil {
		return "", err
	}
	return s.addLink(ctx, Link{AccountID: account, Role: RoleUser, CreatedBy: by, Limits: NoLimits()}, ResetFor)
}

func (s *Store) addLink(ctx context.Context, l Link, lifetime time.Duration) (string, error) {
	secret := rand.Text()
	l.Note = plain(l.Note)
	l.Hash, l.CreatedAt = hashSecret(secret), time.Now().UTC()
	l.ExpiresAt = l.CreatedAt.Add(lifetime)
	_, err := s.db.NewInsert().Model(&l).Exec(ctx)
	return secret, err
}

// Invitations lists the open ones, the newest first.
func (s *Store) Invitations(ctx context.Context) ([]Link, error) {
	var out []Link
	err := s.db.NewSelect().Model(&out).Where("account_id = 0 AND expires_at > ?", time.Now().UTC()).OrderExpr("id DESC").Scan(ctx)
	return out, err
}

// RevokeInvitation makes an invitation worthless; an unknown one is ErrLink.
func (s *Store) RevokeInvitation(ctx context.Context, id int64) error {
	result, err := s.db.NewDelete().Model((*Link)(nil)).Where("id = ? AND account_id = 0", id).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrLink)
	}
	return nil
}

// OpenLink returns what a secret leads to, or ErrLink. It stays usable.
func (s *Store) OpenLink(ctx context.Context, secret string) (Link, error) {
	var l Link
	err := s.db.NewSelect().Model(&l).Where("hash = ? AND expires_at > ?", hashSecret(secret), time.Now().UTC()).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrLink
	}
	return l, err
}

// Accept makes the account that an invitation promises. ErrTaken leaves the invitation usable.
func (s *Store) Accept(ctx context.Context, secret, name, password string) (made Account, err error) {
	return made, s.use(ctx, secret, false, func(ctx context.Context, tx bun.Tx, l Link) error {
		made, err = s.create(ctx, tx, Account{Name: name, Role: l.Role, Limits: l.Limits}, password)
		return err
	})
}

// ResetPassword sets the password of the account that a link is for, and signs it out everywhere.
func (s *Store) ResetPassword(ctx context.Context, secret, password string) (changed Account, err error) {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return changed, err
	}
	return changed, s.use(ctx, secret, true, func(ctx context.Context, tx bun.Tx, l Link) error {
		if _, err := tx.NewUpdate().Model((*Account)(nil)).Set("password = ?", hash).Where("id = ?", l.AccountID).Exec(ctx); err != nil {
			return err
		}
		if err := signOut(ctx, tx, l.AccountID); err != nil {
			return err
		}
		changed, err = one(ctx, tx.NewSelect().Where("id = ?", l.AccountID))
		return err
	})
}

// use removes the link in the transaction of what it is for, so that of two uses at once one wins.
func (s *Store) use(ctx context.Context, secret string, reset bool, do func(context.Context, bun.Tx, Link) error) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var l Link
		err := tx.NewDelete().Model(&l).Where("hash = ? AND expires_at > ? AND (account_id > 0) = ?", hashSecret(secret), time.Now().UTC(), reset).
			Returning("*").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		return do(ctx, tx, l)
	})
}
