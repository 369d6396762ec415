// Package token keeps the tokens with which programs use the API.
//
// A token has a secret, which is shown once and of which only a hash is kept; scopes, which say what it is for; and it
// may be bound to certain servers, by their ids, so that the next server of the same name is not one of them. Where
// scopes count is the business of package httpapi.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// Token is one token.
type Token struct {
	ID         string
	Name       string // unique for its owner
	Owner      string // who made it
	Scopes     []string
	Servers    []string // ids of the only servers it is for; empty = all
	Act        bool     // its bearer says on whose behalf it acts
	Hash       string   // SHA-256 of the secret, in hex
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero = never
	LastUsedAt time.Time // give or take usedEvery; zero = never
}

// Actor is how jobs and events name the bearer: the owner, who answers for it, and the token.
func (t Token) Actor() string {
	if strings.Contains(t.Owner, ":") {
		return "token:" + t.Name // made on the command line
	}
	return t.Owner + ":" + t.Name
}

// Reader reads tokens.
type Reader interface {
	// TokenByID returns a NotFound fault for an unknown one.
	TokenByID(ctx context.Context, id string) (Token, error)
	// Tokens are sorted by owner and name; owner "" means everybody's.
	Tokens(ctx context.Context, owner string) ([]Token, error)
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	// PutToken inserts or replaces by ID. Conflict: its owner has one of the same name.
	PutToken(ctx context.Context, token Token) error
	// DeleteToken removes a token; an unknown one is fine.
	DeleteToken(ctx context.Context, id string) error
	event.Tx
}

// Store keeps tokens.
type Store interface {
	Reader
	Update(ctx context.Context, change func(Tx) error) error
}

// Manager makes, checks and revokes tokens. It is safe for concurrent use.
type Manager struct {
	store Store
	now   func() time.Time
}

// New returns a Manager. now tells the time; nil is the clock.
func New(store Store, now func() time.Time) *Manager {
	if now == nil {
		now = time.Now
	}
	return &Manager{store: store, now: now}
}

// Draft is a new token. Servers are ids.
type Draft struct {
	Name      string
	Scopes    []string
	Servers   []string
	Act       bool
	ExpiresAt time.Time
}

// secretPrefix lets people and secret scanners see what they found.
const secretPrefix = "l4m_"

// Create makes a token of actor and returns its secret, which is not kept. The scopes must have been checked.
func (m *Manager) Create(ctx context.Context, actor string, draft Draft) (Token, string, error) {
	if err := id.CheckName("token", draft.Name); err != nil {
		return Token{}, "", err
	}
	now := m.now().UTC()
	if !draft.ExpiresAt.IsZero() && !draft.ExpiresAt.After(now) {
		return Token{}, "", fault.New(fault.Invalid, "The token would have expired already.").WithField("expires_at").WithHint("Choose a time to come.")
	}
	made := Token{ID: id.New(), Name: draft.Name, Owner: actor, Scopes: draft.Scopes, Servers: draft.Servers, Act: draft.Act,
		CreatedAt: now, ExpiresAt: draft.ExpiresAt.UTC()}
	secret := secretPrefix + made.ID + "_" + strings.ToLower(rand.Text())
	made.Hash = hash(secret)
	err := m.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutToken(ctx, made); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("token.created", made, actor, "Token made for "+strings.Join(made.Scopes, ", ")+"."))
	})
	return made, secret, err
}

// List returns the tokens of owner, of everybody when it is "".
func (m *Manager) List(ctx context.Context, owner string) ([]Token, error) {
	return m.store.Tokens(ctx, owner)
}

// Revoke removes a token. NotFound: there is none with that id.
func (m *Manager) Revoke(ctx context.Context, actor, identifier string) error {
	return m.store.Update(ctx, func(tx Tx) error {
		t, err := tx.TokenByID(ctx, identifier)
		if err != nil {
			return err
		}
		return m.remove(ctx, tx, actor, t)
	})
}

// RevokeOf removes the tokens of owner that are for the server with an id, all of them when it is "". It returns how
// many there were.
func (m *Manager) RevokeOf(ctx context.Context, actor, owner, server string) (int, error) {
	n := 0
	err := m.store.Update(ctx, func(tx Tx) error {
		list, err := tx.Tokens(ctx, owner)
		if err != nil {
			return err
		}
		for _, t := range list {
			if server != "" && !slices.Contains(t.Servers, server) {
				continue
			}
			if err := m.remove(ctx, tx, actor, t); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

func (m *Manager) remove(ctx context.Context, tx Tx, actor string, t Token) error {
	if err := tx.DeleteToken(ctx, t.ID); err != nil {
		return err
	}
	return tx.AddEvent(ctx, m.event("token.revoked", t, actor, "Token revoked."))
}

// usedEvery is how exactly the last use is known: more would write at every request.
const usedEvery = time.Minute

// Bearer returns the token of a secret. Unauthenticated: there is none, or it expired; nothing says which.
func (m *Manager) Bearer(ctx context.Context, secret string) (Token, error) {
	refused := fault.New(fault.Unauthenticated, "The access token is not valid.").WithHint("Make a new one; it may have been revoked or have expired.")
	identifier, _, ok := strings.Cut(strings.TrimPrefix(secret, secretPrefix), "_")
	if !ok || !strings.HasPrefix(secret, secretPrefix) || !id.Valid(identifier) {
		return Token{}, refused
	}
	t, err := m.store.TokenByID(ctx, identifier)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Token{}, err
	}
	fits := subtle.ConstantTimeCompare([]byte(hash(secret)), []byte(t.Hash)) == 1
	now := m.now()
	if err != nil || !fits || !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) {
		return Token{}, refused
	}
	if now.Sub(t.LastUsedAt) >= usedEvery {
		// A disk that cannot be written to must not shut people out who only look.
		_ = m.touch(ctx, t.ID, now)
	}
	return t, nil
}

// touch notes a use, unless the token was revoked meanwhile.
func (m *Manager) touch(ctx context.Context, identifier string, now time.Time) error {
	return m.store.Update(ctx, func(tx Tx) error {
		t, err := tx.TokenByID(ctx, identifier)
		if err != nil {
			return err
		}
		t.LastUsedAt = now.UTC()
		return tx.PutToken(ctx, t)
	})
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (m *Manager) event(kind string, t Token, actor, message string) event.Event {
	return event.Event{Time: m.now(), Kind: kind, Subject: "token/" + t.ID, Actor: actor, Message: message}
}
