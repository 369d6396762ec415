package agenttest

import (
	"cmp"
	"context"
	"slices"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/token"
)

// tokenView serves tokens with the agent's own rules over a map.
type tokenView struct {
	*world
	manager *token.Manager
}

func newTokenView(w *world) tokenView { return tokenView{w, token.New(tokenStore{w}, nil)} }

// tokenStore keeps tokens in a world.
type tokenStore struct{ w *world }

func (s tokenStore) Update(_ context.Context, change func(token.Tx) error) error {
	defer s.w.lock()()
	return change(tokenTx(s))
}

func (s tokenStore) TokenByID(ctx context.Context, id string) (token.Token, error) {
	defer s.w.lock()()
	return tokenTx(s).TokenByID(ctx, id)
}

func (s tokenStore) Tokens(ctx context.Context, owner string) ([]token.Token, error) {
	defer s.w.lock()()
	return tokenTx(s).Tokens(ctx, owner)
}

// tokenTx is one change; the lock is held. A change that fails half-way is not undone, which none here does.
type tokenTx struct{ w *world }

func (tx tokenTx) TokenByID(_ context.Context, id string) (token.Token, error) {
	t, ok := tx.w.tokens[id]
	if !ok {
		return t, notFound("token", id)
	}
	return t, nil
}

func (tx tokenTx) Tokens(_ context.Context, owner string) ([]token.Token, error) {
	var out []token.Token
	for _, t := range tx.w.tokens {
		if owner == "" || t.Owner == owner {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b token.Token) int { return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}

func (tx tokenTx) PutToken(_ context.Context, t token.Token) error {
	for _, other := range tx.w.tokens {
		if other.Owner == t.Owner && other.Name == t.Name && other.ID != t.ID {
			return taken("token", t.Name)
		}
	}
	tx.w.tokens[t.ID] = t
	return nil
}

func (tx tokenTx) DeleteToken(_ context.Context, id string) error {
	delete(tx.w.tokens, id)
	return nil
}

func (tx tokenTx) AddEvent(_ context.Context, e event.Event) error {
	tx.w.record(e.Kind, e.Subject, e.Actor, "%s", e.Message)
	return nil
}

func (v tokenView) List(ctx context.Context, owner string) ([]api.Token, error) {
	rows, err := v.manager.List(ctx, owner)
	out := make([]api.Token, len(rows))
	for i, row := range rows {
		out[i] = v.show(row)
	}
	return out, err
}

func (v tokenView) Create(ctx context.Context, actor string, create api.TokenCreate) (api.TokenSecret, error) {
	draft := token.Draft{Name: create.Name, Scopes: create.Scopes, Act: create.Act}
	if create.ExpiresAt != nil {
		draft.ExpiresAt = *create.ExpiresAt
	}
	for _, name := range create.Servers {
		s, err := (serverView{v.world}).Get(ctx, name)
		if err != nil {
			return api.TokenSecret{}, err
		}
		draft.Servers = append(draft.Servers, s.ID)
	}
	made, secret, err := v.manager.Create(ctx, actor, draft)
	return api.TokenSecret{Token: v.show(made), Secret: secret}, err
}

func (v tokenView) Revoke(ctx context.Context, actor, id string) error {
	return v.manager.Revoke(ctx, actor, id)
}

func (v tokenView) RevokeOf(ctx context.Context, actor string, revoke api.TokenRevoke) (api.TokenRevoked, error) {
	n, err := v.manager.RevokeOf(ctx, actor, revoke.Owner, revoke.Server)
	return api.TokenRevoked{Count: n}, err
}

func (v tokenView) Bearer(ctx context.Context, secret string) (httpapi.Bearer, error) {
	row, err := v.manager.Bearer(ctx, secret)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		return httpapi.Bearer{}, err
	}
	return httpapi.Bearer{Token: v.show(row), Actor: row.Actor()}, err
}

func (v tokenView) show(row token.Token) api.Token {
	defer v.lock()()
	out := api.Token{ID: row.ID, Name: row.Name, Owner: row.Owner, Scopes: row.Scopes, Limited: len(row.Servers) > 0, Act: row.Act, CreatedAt: row.CreatedAt}
	if !row.ExpiresAt.IsZero() {
		out.ExpiresAt = &row.ExpiresAt
	}
	if !row.LastUsedAt.IsZero() {
		out.LastUsedAt = &row.LastUsedAt
	}
	for _, s := range sorted(v.servers, func(s *gameServer) *gameServer { return s }) {
		if slices.Contains(row.Servers, s.ID) {
			out.Servers = append(out.Servers, s.Name)
		}
	}
	return out
}
