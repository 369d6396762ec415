package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
	"github.com/uptrace/bun"
)

// Of one-time codes (RFC 6238): the usual 30 seconds and 6 digits, and one step of a wrong clock either way.
const (
	totpPeriod    = 30
	totpSkew      = 1
	recoveryCodes = 10
)

// ErrCode says that a one-time code is wrong, too old or was used before.
var ErrCode = errors.New("the code is wrong or was used already")

// TOTPKey is what an authenticator takes in: its URL goes into the QR code.
func TOTPKey(a Account, issuer string) (*otp.Key, error) {
	return totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: a.Name, Secret: decodeSecret(a.TOTPSecret)})
}

func decodeSecret(secret string) []byte {
	raw, err := secretCoding.DecodeString(secret)
	if err != nil {
		return nil // the key generator refuses an empty one
	}
	return raw
}

// BeginTOTP makes a new secret that counts once [Store.ConfirmTOTP] saw a code of it.
func (s *Store) BeginTOTP(ctx context.Context, account int64) (Account, error) {
	raw := make([]byte, 20)
	if _, err := rand.Read(raw); err != nil {
		return Account{}, err
	}
	_, err := s.db.NewUpdate().Model((*Account)(nil)).Set("totp_secret = ?", secretCoding.EncodeToString(raw)).Set("totp_step = 0").
		Where("id = ? AND totp_since IS NULL", account).Exec(ctx)
	if err != nil {
		return Account{}, err
	}
	return s.Get(ctx, account)
}

// ConfirmTOTP turns two-factor sign-in on and returns the recovery codes, which are shown once.
func (s *Store) ConfirmTOTP(ctx context.Context, account int64, code string) (codes []string, err error) {
	err = s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		a, err := one(ctx, tx.NewSelect().Where("id = ?", account))
		if err != nil {
			return err
		}
		if a.TwoFactor() || a.TOTPSecret == "" {
			return ErrCode
		}
		if err := useCode(ctx, tx, a, code); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model((*Account)(nil)).Set("totp_since = ?", time.Now().UTC()).Where("id = ?", account).Exec(ctx); err != nil {
			return err
		}
		codes, err = newRecoveryCodes(ctx, tx, account)
		return err
	})
	return codes, err
}

// RenewRecoveryCodes makes new recovery codes; the old ones stop working.
func (s *Store) RenewRecoveryCodes(ctx context.Context, account int64) (codes []string, err error) {
	err = s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		codes, err = newRecoveryCodes(ctx, tx, account)
		return err
	})
	return codes, err
}

// RecoveryCodes returns how many are left.
func (s *Store) RecoveryCodes(ctx context.Context, account int64) (int, error) {
	var n int
	return n, s.db.QueryRowContext(ctx, "SELECT count(*) FROM recovery_codes WHERE account_id = ?", account).Scan(&n)
}

// RemoveTOTP turns two-factor sign-in off.
func (s *Store) RemoveTOTP(ctx context.Context, account int64) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE account_id = ?", account); err != nil {
			return err
		}
		_, err := tx.NewUpdate().Model((*Account)(nil)).Set("totp_secret = ''").Set("totp_since = NULL").Set("totp_step = 0").
			Where("id = ?", account).Exec(ctx)
		return err
	})
}

// CheckCode takes a code of the authenticator, or a recovery code, which is used up. ErrCode: it is neither, or
// was used before.
func (s *Store) CheckCode(ctx context.Context, account int64, code string) error {
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		a, err := one(ctx, tx.NewSelect().Where("id = ?", account))
		if err != nil {
			return err
		}
		if !a.TwoFactor() {
			return ErrCode
		}
		code = normalCode(code)
		if len(code) > 6 {
			return useRecoveryCode(ctx, tx, account, code)
		}
		return useCode(ctx, tx, a, code)
	})
}

// useCode accepts a code of a step after the last one that was used, and remembers it.
func useCode(ctx context.Context, tx bun.Tx, a Account, code string) error {
	code = normalCode(code)
	now := time.Now().Unix() / totpPeriod
	for step := now - totpSkew; step <= now+totpSkew; step++ {
		want, err := hotp.GenerateCode(a.TOTPSecret, uint64(step)) //nolint:gosec // the clock stands after 1970
		if err != nil {
			return err
		}
		if step > a.TOTPStep && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			_, err := tx.NewUpdate().Model((*Account)(nil)).Set("totp_step = ?", step).Where("id = ?", a.ID).Exec(ctx)
			return err
		}
	}
	return ErrCode
}

func useRecoveryCode(ctx context.Context, tx bun.Tx, account int64, code string) error {
	result, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE account_id = ? AND hash = ?", account, hashSecret(code))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrCode)
	}
	return nil
}

func newRecoveryCodes(ctx context.Context, tx bun.Tx, account int64) ([]string, error) {
	if _, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE account_id = ?", account); err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	for i := range codes {
		text := strings.ToLower(rand.Text()[:16]) // 80 bits
		codes[i] = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
		if _, err := tx.ExecContext(ctx, "INSERT INTO recovery_codes (account_id, hash) VALUES (?, ?)", account, hashSecret(text)); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// normalCode drops what people and authenticators put between the characters.
func normalCode(code string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(strings.TrimSpace(code)))
}

// secretCoding is what authenticators expect.
var secretCoding = base32.StdEncoding.WithPadding(base32.NoPadding)
