package client

import (
	"context"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// GiveOverlay makes an overlay belong to somebody else.
func (c *Client) GiveOverlay(ctx context.Context, name string, in api.OwnerChange) (api.Overlay, error) {
	return call[api.OwnerChange, api.Overlay](ctx, c, http.MethodPost, api.PathOverlayOwner, &in, name)
}

// GiveBlueprint makes a blueprint belong to somebody else.
func (c *Client) GiveBlueprint(ctx context.Context, name string, in api.OwnerChange) (api.Blueprint, error) {
	return call[api.OwnerChange, api.Blueprint](ctx, c, http.MethodPost, api.PathBlueprintOwner, &in, name)
}

// GiveServer makes a server belong to somebody else.
func (c *Client) GiveServer(ctx context.Context, name string, in api.OwnerChange) (api.Server, error) {
	return call[api.OwnerChange, api.Server](ctx, c, http.MethodPost, api.PathServerOwner, &in, name)
}
