package client

import (
	"context"
	"io"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// Items lists the parts of an overlay's content that its builder names, such as Workshop items.
func (c *Client) Items(ctx context.Context, overlay string) ([]api.Item, error) {
	return get[[]api.Item](ctx, c, api.PathOverlayItems, overlay)
}

// maxPicture is the largest picture that is read, in bytes; agents keep to less.
const maxPicture = 256 << 10

// Picture returns the small picture of an item, and what the agent says it is: image/jpeg or image/png.
func (c *Client) Picture(ctx context.Context, overlay, item string) (data []byte, mediaType string, err error) {
	target, err := fillPath(withQuery(api.PathOverlayPicture, "item", item), overlay)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	r, err := c.request(ctx, http.MethodGet, target)
	if err != nil {
		return nil, "", err
	}
	response, err := c.send(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, "", c.failure(response)
	}
	data, err = io.ReadAll(io.LimitReader(response.Body, maxPicture))
	return data, response.Header.Get("Content-Type"), err
}

// OverlayCampaigns lists the add-ons, campaigns and conflicts of an overlay.
func (c *Client) OverlayCampaigns(ctx context.Context, name string) (api.Addons, error) {
	return get[api.Addons](ctx, c, api.PathOverlayCampaigns, name)
}

// BlueprintCampaigns lists what the overlays of a blueprint bring together.
func (c *Client) BlueprintCampaigns(ctx context.Context, name string) (api.Addons, error) {
	return get[api.Addons](ctx, c, api.PathBlueprintCampaigns, name)
}

// ServerCampaigns lists what a server has mounted, or would mount.
func (c *Client) ServerCampaigns(ctx context.Context, name string) (api.Addons, error) {
	return get[api.Addons](ctx, c, api.PathServerCampaigns, name)
}

// RefreshOverlays looks for newer content of all overlays, or returns the job that does so already.
func (c *Client) RefreshOverlays(ctx context.Context) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathOverlayRefresh)
}

// Refresh tells of the last and the next refresh.
func (c *Client) Refresh(ctx context.Context) (api.Refresh, error) {
	return get[api.Refresh](ctx, c, api.PathOverlayRefresh)
}
