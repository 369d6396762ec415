package account

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// SetRole changes what a person is and may own. ErrLastAdmin: nobody would be left to look after the panel.
func (s *Store) SetRole(ctx context.Context, id int64, role string, limits Limits) error {
	return s.guarded(ctx, id, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*Account)(nil)).Where("id = ?", id).Set("role = ?", role).
			Set("max_servers = ?", limits.Servers).Set("max_overlays = ?", limits.Overlays).
			Set("max_blueprints = ?", limits.Blueprints).Exec(ctx)
		return err
	})
}

// SetDisabled locks an account and signs it out, or opens it again.
func (s *Store) SetDisabled(ctx context.Context, id int64, disabled bool) error {
	return s.guarded(ctx, id, func(ctx context.Context, tx bun.Tx) error {
		var at *time.Time
		if disabled {
			now := time.Now().UTC()
			at = &now
		}
		if _, err := tx.NewUpdate().Model((*Account)(nil)).Where("id = ?", id).Set("disabled_at = ?", at).Exec(ctx); err != nil {
			return err
		}
		return signOut(ctx, tx, id)
	})
}

// Delete removes an account and what was given to it. Its name is not used again: agents remember it as owner.
func (s *Store) Delete(ctx context.Context, id int64) error {
	return s.guarded(ctx, id, func(ctx context.Context, tx bun.Tx) error {
		for _, query := range []string{"DELETE FROM shares WHERE account_id = ?", "DELETE FROM recovery_codes WHERE account_id = ?",
			"DELETE FROM links WHERE account_id = ?"} {
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return err
			}
		}
		_, err := tx.NewUpdate().Model((*Account)(nil)).Where("id = ?", id).Set("deleted_at = ?", time.Now().UTC()).
			Set("password = ''").Set("totp_secret = ''").Set("totp_since = NULL").Exec(ctx)
		if err != nil {
			return err
		}
		return signOut(ctx, tx, id)
	})
}

// guarded changes one account and takes the change back when no administrator is left.
func (s *Store) guarded(ctx context.Context, id int64, change func(context.Context, bun.Tx) error) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := one(ctx, tx.NewSelect().Where("id = ?", id)); err != nil {
			return err
		}
		if err := change(ctx, tx); err != nil {
			return err
		}
		left, err := tx.NewSelect().Model((*Account)(nil)).
			Where("role = ? AND deleted_at IS NULL AND disabled_at IS NULL", RoleAdmin).Exists(ctx)
		if err == nil && !left {
			return ErrLastAdmin
		}
		return err
	})
}
