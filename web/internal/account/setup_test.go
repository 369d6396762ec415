package account_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/left4me/left4me/web/internal/account"
)

func token(t *testing.T, dir string) string {
	t.Helper()
	got, err := account.SetupToken(dir)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSetupTokenWorksOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if got := token(t, dir); got != "" {
		t.Fatalf("there is a token before one was asked for: %q", got)
	}
	if err := s.EnsureSetupToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := token(t, dir)
	if err := s.EnsureSetupToken(t.Context()); err != nil || token(t, dir) != first {
		t.Errorf("a second start changed the token (%v)", err)
	}
	info, err := os.Stat(filepath.Join(dir, "setup-token"))
	if err != nil || info.Mode() != 0o600 || len(first) < 26 {
		t.Errorf("token of %d characters in a file of mode %v, %v", len(first), info.Mode(), err)
	}
	for _, wrong := range []string{"", first[1:], first + "x", "wrong"} {
		if _, err := s.SetUp(t.Context(), wrong, "eve", "correct horse"); !errors.Is(err, account.ErrSetupToken) {
			t.Errorf("token %q: %v", wrong, err)
		}
	}
	if _, err := s.SetUp(t.Context(), first, "ada", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetUp(t.Context(), first, "eve", "correct horse"); !errors.Is(err, account.ErrSetupToken) {
		t.Errorf("the token worked twice: %v", err)
	}
	if err := s.EnsureSetupToken(t.Context()); err != nil || token(t, dir) != "" {
		t.Errorf("there is a token although there is an account (%v)", err)
	}
}

func TestSetupTokenWorksOnceAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.EnsureSetupToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret := token(t, dir)
	var made atomic.Int32
	var all sync.WaitGroup
	for _, name := range []string{"ada", "bob", "eve", "joe"} {
		all.Go(func() {
			if _, err := s.SetUp(t.Context(), secret, name, "correct horse"); err == nil {
				made.Add(1)
			} else if !errors.Is(err, account.ErrSetupToken) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("%d accounts were made with one token", made.Load())
	}
}

// An account made in another way makes a token that is still there worthless.
func TestSetupTokenNeedsAnEmptyStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.EnsureSetupToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "ada", "correct horse", account.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckSetupToken(t.Context(), token(t, dir)); !errors.Is(err, account.ErrSetupToken) {
		t.Errorf("got %v", err)
	}
}
