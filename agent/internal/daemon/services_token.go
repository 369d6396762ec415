package daemon

import (
	"context"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/token"
)

// tokens serves httpapi.Tokens.
type tokens struct {
	manager *token.Manager
	servers server.Reader
}

var _ httpapi.Tokens = tokens{}

func (t tokens) List(ctx context.Context, owner string) ([]api.Token, error) {
	rows, err := t.manager.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	out := make([]api.Token, len(rows))
	for i, row := range rows {
		if out[i], err = t.show(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t tokens) Create(ctx context.Context, actor string, create api.TokenCreate) (api.TokenSecret, error) {
	draft := token.Draft{Name: create.Name, Scopes: create.Scopes, Act: create.Act}
	if create.ExpiresAt != nil {
		draft.ExpiresAt = *create.ExpiresAt
	}
	for _, name := range create.Servers {
		s, err := t.servers.ServerByName(ctx, name)
		if err != nil {
			return api.TokenSecret{}, err
		}
		draft.Servers = append(draft.Servers, s.ID)
	}
	made, secret, err := t.manager.Create(ctx, actor, draft)
	if err != nil {
		return api.TokenSecret{}, err
	}
	shown, err := t.show(ctx, made)
	return api.TokenSecret{Token: shown, Secret: secret}, err
}

func (t tokens) Revoke(ctx context.Context, actor, id string) error {
	return t.manager.Revoke(ctx, actor, id)
}

func (t tokens) RevokeOf(ctx context.Context, actor string, revoke api.TokenRevoke) (api.TokenRevoked, error) {
	n, err := t.manager.RevokeOf(ctx, actor, revoke.Owner, revoke.Server)
	return api.TokenRevoked{Count: n}, err
}

func (t tokens) Bearer(ctx context.Context, secret string) (httpapi.Bearer, error) {
	row, err := t.manager.Bearer(ctx, secret)
	if err != nil {
		return httpapi.Bearer{}, err
	}
	shown, err := t.show(ctx, row)
	return httpapi.Bearer{Token: shown, Actor: row.Actor()}, err
}

// show gives a token its wire form, with the present names of its servers. Deleted ones are left out.
func (t tokens) show(ctx context.Context, row token.Token) (api.Token, error) {
	out := api.Token{ID: row.ID, Name: row.Name, Owner: row.Owner, Scopes: row.Scopes, Limited: len(row.Servers) > 0, Act: row.Act,
		CreatedAt: row.CreatedAt, ExpiresAt: optional(row.ExpiresAt), LastUsedAt: optional(row.LastUsedAt)}
	for _, id := range row.Servers {
		s, err := t.servers.ServerByID(ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return out, err
		}
		out.Servers = append(out.Servers, s.Name)
	}
	return out, nil
}

// ownerOf returns who owns what an actor makes: with a token it is the person whose token it is.
func ownerOf(actor string) string {
	owner, _, ok := strings.Cut(actor, ":")
	if !ok || owner == "local" || owner == "token" {
		return actor
	}
	return owner
}
