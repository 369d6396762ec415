package client

import (
	"context"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// Tokens lists the tokens of owner, of everybody when it is "".
func (c *Client) Tokens(ctx context.Context, owner string) ([]api.Token, error) {
	return get[[]api.Token](ctx, c, withQuery(api.PathTokens, "owner", owner))
}

// CreateToken makes a token and returns its secret, which is not shown again.
func (c *Client) CreateToken(ctx context.Context, in api.TokenCreate) (api.TokenSecret, error) {
	return call[api.TokenCreate, api.TokenSecret](ctx, c, http.MethodPost, api.PathTokens, &in)
}

// RevokeToken makes a token worthless at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := call[none, none](ctx, c, http.MethodDelete, api.PathToken, nil, id)
	return err
}

// RevokeTokensOf makes the tokens of owner worthless: those for the server with an id, or all when it is "".
func (c *Client) RevokeTokensOf(ctx context.Context, owner, server string) error {
	_, err := call[api.TokenRevoke, api.TokenRevoked](ctx, c, http.MethodPost, api.PathTokensRevoke, &api.TokenRevoke{Owner: owner, Server: server})
	return err
}
