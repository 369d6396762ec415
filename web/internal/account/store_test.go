package account_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/account"
)

func open(t *testing.T, dir string) *account.Store {
	t.Helper()
	s, err := account.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAuthenticate(t *testing.T) {
	s := open(t, t.TempDir())
	made, err := s.Create(t.Context(), "Ada", "correct horse", account.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password string
		want           error
	}{
		{"Ada", "correct horse", nil},
		{"ADA", "correct horse", nil}, // names differ in more than case
		{"Ada", "correct horsf", account.ErrNotFound},
		{"Ada", "", account.ErrNotFound},
		{"Bob", "correct horse", account.ErrNotFound},
		{"Ada' OR 1=1 --", "correct horse", account.ErrNotFound},
	} {
		got, err := s.Authenticate(t.Context(), tt.name, tt.password)
		if !errors.Is(err, tt.want) {
			t.Errorf("%q with %q: %v, want %v", tt.name, tt.password, err, tt.want)
		}
		if err == nil && got.ID != made.ID {
			t.Errorf("%q is account %d, want %d", tt.name, got.ID, made.ID)
		}
		if err != nil && got.Name != "" {
			t.Errorf("a failure tells about %q", got.Name)
		}
	}
}

func TestCreateRefusesATakenName(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Create(t.Context(), "ada", "correct horse", account.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "Ada", "another horse", account.RoleUser); !errors.Is(err, account.ErrTaken) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	if _, err := s.Create(t.Context(), "bob", "another horse", "root"); err == nil {
		t.Error("an unknown role was stored")
	}
}

func TestPasswordIsStoredAsSaltedHash(t *testing.T) {
	s := open(t, t.TempDir())
	one, err := s.Create(t.Context(), "ada", "same password", account.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Create(t.Context(), "bob", "same password", account.RoleUser)
	if err != nil {
		t.Fatal(err)
	}
	if one.Password == two.Password {
		t.Error("the same password gives the same hash")
	}
	if !strings.HasPrefix(one.Password, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Errorf("hash %q is not argon2id with the wanted parameters", one.Password)
	}
}

func TestSetPasswordEndsSessions(t *testing.T) {
	s := open(t, t.TempDir())
	made, err := s.Create(t.Context(), "ada", "correct horse", account.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := s.SetPassword(t.Context(), made.ID, "battery staple")
	if err != nil {
		t.Fatal(err)
	}
	if changed.Epoch != made.Epoch+1 {
		t.Errorf("epoch %d after %d", changed.Epoch, made.Epoch)
	}
	if _, err := s.Authenticate(t.Context(), "ada", "correct horse"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := s.Authenticate(t.Context(), "ada", "battery staple"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// Shows S12.
func TestOpenKeepsDataAndGuardsFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "panel")
	s := open(t, dir)
	if _, err := s.Create(t.Context(), "ada", "correct horse", account.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o750 | fs.ModeDir, filepath.Join(dir, "panel.db"): 0o640, filepath.Join(dir, "panel.db-wal"): 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", filepath.Base(path), info.Mode(), want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if empty, err := open(t, dir).Empty(t.Context()); err != nil || empty {
		t.Errorf("after opening again: empty %v, %v", empty, err)
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	db, err := sql.Open("sqlite", filepath.Join(dir, "panel.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := account.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "schema 7") {
		t.Errorf("a newer schema: %v", err)
	}
}

func TestOpenFailsOnADirectoryItCannotMake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := account.Open(t.Context(), filepath.Join(file, "panel")); err == nil {
		t.Error("a directory below a file was opened")
	}
}
