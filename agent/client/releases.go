package client

import (
	"context"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// Releases lists the installed versions of the game, the newest first.
func (c *Client) Releases(ctx context.Context) ([]api.Release, error) {
	return get[[]api.Release](ctx, c, api.PathReleases)
}

// InstallRelease starts to install what the configured source has.
func (c *Client) InstallRelease(ctx context.Context, in api.ReleaseInstall) (api.Job, error) {
	return call[api.ReleaseInstall, api.Job](ctx, c, http.MethodPost, api.PathReleases, &in)
}

// RemoveRelease starts to remove a release that nothing uses.
func (c *Client) RemoveRelease(ctx context.Context, id string) (api.Job, error) {
	return call[none, api.Job](ctx, c, http.MethodDelete, api.PathRelease, nil, id)
}

// Installation tells where the game comes from and what is known of updates.
func (c *Client) Installation(ctx context.Context) (api.Installation, error) {
	return get[api.Installation](ctx, c, api.PathInstallation)
}

// CheckInstallation starts to ask the source for something new.
func (c *Client) CheckInstallation(ctx context.Context) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathInstallationCheck)
}

// ChooseRelease makes a release the one that new starts use.
func (c *Client) ChooseRelease(ctx context.Context, in api.ReleaseChoice) (api.Release, error) {
	return call[api.ReleaseChoice, api.Release](ctx, c, http.MethodPost, api.PathInstallationUse, &in)
}

// RollOut starts to take the present release to the servers.
func (c *Client) RollOut(ctx context.Context, in api.Rollout) (api.Job, error) {
	return call[api.Rollout, api.Job](ctx, c, http.MethodPost, api.PathInstallationRollout, &in)
}

// PinServer lets a server stay at a release.
func (c *Client) PinServer(ctx context.Context, name string, in api.ServerRelease) (api.Server, error) {
	return call[api.ServerRelease, api.Server](ctx, c, http.MethodPost, api.PathServerRelease, &in, name)
}
