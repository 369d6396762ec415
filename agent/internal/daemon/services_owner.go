package daemon

import (
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// owners serves httpapi.Owners.
type owners struct {
	overlays   overlays
	blueprints blueprints
	servers    servers
}

var _ httpapi.Owners = owners{}

func (o owners) GiveOverlay(ctx context.Context, actor, name, owner string) (api.Overlay, error) {
	row, err := o.overlays.manager.Give(ctx, actor, name, owner)
	if err != nil {
		return api.Overlay{}, err
	}
	return o.overlays.show(ctx, row)
}

func (o owners) GiveBlueprint(ctx context.Context, actor, name, owner string) (api.Blueprint, error) {
	row, err := o.blueprints.manager.Give(ctx, actor, name, owner)
	if err != nil {
		return api.Blueprint{}, err
	}
	return o.blueprints.show(ctx, row)
}

func (o owners) GiveServer(ctx context.Context, actor, name, owner string) (api.Server, error) {
	if _, err := o.servers.manager.Give(ctx, actor, name, owner); err != nil {
		return api.Server{}, err
	}
	return o.servers.Get(ctx, name)
}
