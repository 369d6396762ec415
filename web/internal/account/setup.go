package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenFile holds the one-time token that makes the first account.
const tokenFile = "setup-token"

// EnsureSetupToken writes a set-up token when there is no account and no token yet, and removes one that is no
// longer needed.
func (s *Store) EnsureSetupToken(ctx context.Context) error {
	empty, err := s.Empty(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, tokenFile)
	if !empty {
		return ignoreAbsent(os.Remove(path))
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(rand.Text() + "\n")
	return errors.Join(err, file.Close())
}

// SetupToken returns the token in dir, or "" when there is none.
func SetupToken(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, tokenFile))
	return strings.TrimSpace(string(data)), ignoreAbsent(err)
}

// ErrSetupToken says that a set-up token is wrong or was used.
var ErrSetupToken = errors.New("the set-up link is wrong or was used already")

// CheckSetupToken fails with ErrSetupToken when token would not make the first account.
func (s *Store) CheckSetupToken(ctx context.Context, token string) error {
	empty, err := s.Empty(ctx)
	if err != nil {
		return err
	}
	want, err := SetupToken(s.dir)
	if err != nil {
		return err
	}
	if !empty || want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(token)) != 1 {
		return ErrSetupToken
	}
	return nil
}

// SetUp makes the first account, an admin, and uses the token up.
func (s *Store) SetUp(ctx context.Context, token, name, password string) (Account, error) {
	if err := s.CheckSetupToken(ctx, token); err != nil {
		return Account{}, err
	}
	// Removing the token first lets one of two requests at once through.
	if err := os.Remove(filepath.Join(s.dir, tokenFile)); err != nil {
		return Account{}, ErrSetupToken
	}
	a, err := s.Create(ctx, name, password, RoleAdmin)
	if err != nil {
		return a, errors.Join(err, s.EnsureSetupToken(ctx))
	}
	return a, nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
