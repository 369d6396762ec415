package token_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
	"github.com/left4me/left4me/agent/internal/token"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) time() time.Time { return c.now }

func open(t *testing.T) (*token.Manager, *sqlite.DB, *clock) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "agent.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	return token.New(db.TokenStore(), c.time), db, c
}

func create(t *testing.T, m *token.Manager, owner string, draft token.Draft) (token.Token, string) {
	t.Helper()
	made, secret, err := m.Create(t.Context(), owner, draft)
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func TestSecretIsNotKept(t *testing.T) {
	m, db, _ := open(t)
	made, secret := create(t, m, "ada", token.Draft{Name: "bot", Scopes: []string{"server.power"}, Servers: []string{"x", "y"}})
	stored, err := db.TokenByID(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, stored); diff != "" {
		t.Errorf("stored is not made (-made +stored):\n%s", diff)
	}
	if strings.Contains(stored.Hash, secret) || len(secret) < 50 || len(stored.Hash) != 64 {
		t.Errorf("secret %q, stored %q", secret, stored.Hash)
	}
}

func TestBearer(t *testing.T) {
	m, _, c := open(t)
	made, secret := create(t, m, "ada", token.Draft{Name: "bot", Scopes: []string{"read"}, ExpiresAt: c.now.Add(time.Hour)})
	_, other := create(t, m, "ada", token.Draft{Name: "other", Scopes: []string{"read"}})
	got, err := m.Bearer(t.Context(), secret)
	if err != nil || got.ID != made.ID || got.Actor() != "ada:bot" {
		t.Fatalf("got %+v, %v", got, err)
	}
	swapped := secret[:strings.LastIndex(secret, "_")] + other[strings.LastIndex(other, "_"):]
	for name, wrong := range map[string]string{"empty": "", "cut": secret[:len(secret)-1], "longer": secret + "x", "without prefix": strings.TrimPrefix(secret, "l4m_"),
		"upper case": strings.ToUpper(secret), "another's secret": swapped, "an unknown id": "l4m_" + strings.Repeat("0", 26) + "_x", "SQL": "l4m_' OR 1=1 --_x"} {
		if _, err := m.Bearer(t.Context(), wrong); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.now = c.now.Add(time.Hour)
	if _, err := m.Bearer(t.Context(), secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after its end: %v", err)
	}
	if _, _, err := m.Create(t.Context(), "ada", token.Draft{Name: "late", Scopes: []string{"read"}, ExpiresAt: c.now}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an end in the past: %v", err)
	}
}

func TestLastUseIsKnownByTheMinute(t *testing.T) {
	m, db, c := open(t)
	made, secret := create(t, m, "ada", token.Draft{Name: "bot", Scopes: []string{"read"}})
	use := func() time.Time {
		if _, err := m.Bearer(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		stored, err := db.TokenByID(t.Context(), made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return stored.LastUsedAt
	}
	first := c.now
	if got := use(); !got.Equal(first) {
		t.Errorf("last used %v, want %v", got, first)
	}
	c.now = first.Add(30 * time.Second)
	if got := use(); !got.Equal(first) {
		t.Errorf("half a minute later it was written again: %v", got)
	}
	c.now = first.Add(2 * time.Minute)
	if got := use(); !got.Equal(c.now) {
		t.Errorf("last used %v, want %v", got, c.now)
	}
}

func TestRevoke(t *testing.T) {
	m, db, _ := open(t)
	ctx := t.Context()
	one, secret := create(t, m, "ada", token.Draft{Name: "one", Scopes: []string{"server.power"}, Servers: []string{"alpha"}})
	create(t, m, "ada", token.Draft{Name: "two", Scopes: []string{"server.power"}, Servers: []string{"beta", "alpha"}})
	create(t, m, "ada", token.Draft{Name: "three", Scopes: []string{"server.power"}, Servers: []string{"beta"}})
	_, bobs := create(t, m, "bob", token.Draft{Name: "one", Scopes: []string{"server.power"}, Servers: []string{"alpha"}})
	if _, _, err := m.Create(ctx, "ada", token.Draft{Name: "one", Scopes: []string{"read"}}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a name twice: %v", err)
	}
	if n, err := m.RevokeOf(ctx, "root", "ada", "alpha"); err != nil || n != 2 {
		t.Errorf("revoked %d, %v", n, err)
	}
	if _, err := m.Bearer(ctx, secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a revoked token: %v", err)
	}
	if err := m.Revoke(ctx, "root", one.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if _, err := m.Bearer(ctx, bobs); err != nil {
		t.Errorf("somebody else's token: %v", err)
	}
	if n, err := m.RevokeOf(ctx, "root", "ada", ""); err != nil || n != 1 {
		t.Errorf("revoked %d, %v", n, err)
	}
	var kinds []string
	for _, e := range must(db.EventsAfter(ctx, "", 0, 100)) {
		kinds = append(kinds, e.Kind+" "+e.Actor)
	}
	want := []string{"token.created ada", "token.created ada", "token.created ada", "token.created bob", "token.revoked root", "token.revoked root", "token.revoked root"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A use at the moment of the revocation must not bring the token back.
func TestUseDoesNotUndoARevocation(t *testing.T) {
	m, db, _ := open(t)
	made, secret := create(t, m, "ada", token.Draft{Name: "bot", Scopes: []string{"read"}})
	racing := token.New(&revokedMeanwhile{Store: db.TokenStore(), revoke: func(ctx context.Context) error { return m.Revoke(ctx, "ada", made.ID) }}, nil)
	if _, err := racing.Bearer(t.Context(), secret); err != nil {
		t.Errorf("the request that was there first: %v", err)
	}
	if _, err := db.TokenByID(t.Context(), made.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("the token is back: %v", err)
	}
}

// revokedMeanwhile revokes a token between the look and the note of its use.
type revokedMeanwhile struct {
	token.Store
	revoke func(context.Context) error
}

func (s *revokedMeanwhile) Update(ctx context.Context, change func(token.Tx) error) error {
	return errors.Join(s.revoke(ctx), s.Store.Update(ctx, change))
}

func TestActorOfACommandLineToken(t *testing.T) {
	if got := (token.Token{Owner: "local:0", Name: "panel"}).Actor(); got != "token:panel" {
		t.Errorf("got %q", got)
	}
}
