package daemon

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/server"
)

// addons serves httpapi.Addons.
type addons struct {
	library   *addon.Library
	overlays  *overlay.Manager
	servers   *server.Manager
	store     server.Store
	refreshAt time.Duration // since midnight; negative = never
}

var _ httpapi.Addons = addons{}

func (a addons) OfOverlay(ctx context.Context, name string) (api.Addons, error) {
	o, err := a.store.OverlayByName(ctx, name)
	if err != nil {
		return api.Addons{}, err
	}
	return a.look(ctx, present([]overlay.Overlay{o}))
}

func (a addons) OfBlueprint(ctx context.Context, name string) (api.Addons, error) {
	made, err := a.store.BlueprintByName(ctx, name)
	if err != nil {
		return api.Addons{}, err
	}
	return a.ofBlueprint(ctx, made)
}

func (a addons) ofBlueprint(ctx context.Context, made blueprint.Blueprint) (api.Addons, error) {
	list := make([]overlay.Overlay, len(made.Overlays))
	for i, id := range made.Overlays {
		var err error
		if list[i], err = a.store.OverlayByID(ctx, id); err != nil {
			return api.Addons{}, err
		}
	}
	return a.look(ctx, present(list))
}

// OfServer looks at what the server has mounted; one that is offline, at what its blueprint would give it.
func (a addons) OfServer(ctx context.Context, name string) (api.Addons, error) {
	view, err := a.servers.View(ctx, name)
	if err != nil {
		return api.Addons{}, err
	}
	if view.State == server.Offline || len(view.Server.Layers) == 0 {
		return a.OfBlueprint(ctx, view.BlueprintName)
	}
	var layers []addon.Layer
	for _, layer := range view.Layers {
		if layer.Layer.Overlay != "" {
			layers = append(layers, addon.Layer{Overlay: layer.Name, Layer: layer.Layer})
		}
	}
	return a.look(ctx, layers)
}

// present is the stack of overlays as a start would make it now; those that were never built bring nothing.
func present(list []overlay.Overlay) []addon.Layer {
	var out []addon.Layer
	for _, o := range list {
		if o.Revision != "" {
			out = append(out, addon.Layer{Overlay: o.Name, Layer: content.Layer{Overlay: o.ID, Revision: o.Revision}})
		}
	}
	return out
}

func (a addons) look(ctx context.Context, layers []addon.Layer) (api.Addons, error) {
	view, err := a.library.View(ctx, layers)
	if err != nil {
		return api.Addons{}, err
	}
	out := api.Addons{ConflictCount: view.Total}
	for _, pack := range view.Packs {
		out.Packs = append(out.Packs, api.Addon{Overlay: pack.Overlay, File: pack.Name, Bytes: pack.Size, Title: pack.Title, Author: pack.Author,
			Version: pack.Version, Maps: pack.Maps, Problems: pack.Problems, Fault: pack.Fault, HiddenBy: pack.HiddenBy})
	}
	for _, offered := range view.Campaigns {
		out.Campaigns = append(out.Campaigns, showCampaign(offered))
	}
	for _, conflict := range view.Conflicts {
		shown := api.AddonConflict{Kind: conflict.Kind, Path: conflict.Path, Winner: holder(conflict.Winner)}
		for _, loser := range conflict.Losers {
			shown.Losers = append(shown.Losers, holder(loser))
		}
		out.Conflicts = append(out.Conflicts, shown)
	}
	return out, nil
}

func holder(h addon.Holder) api.AddonHolder { return api.AddonHolder{Overlay: h.Overlay, File: h.Pack} }

func showCampaign(c addon.Offered) api.Campaign {
	out := api.Campaign{Overlay: c.Overlay, File: c.Pack, Name: c.Name, Title: c.Title}
	for _, mode := range c.Modes {
		shown := api.CampaignMode{Name: mode.Name}
		for _, chapter := range mode.Chapters {
			shown.Chapters = append(shown.Chapters, api.Chapter(chapter))
		}
		out.Modes = append(out.Modes, shown)
	}
	return out
}

func (a addons) Items(ctx context.Context, name string) ([]api.Item, error) {
	items, err := a.overlays.Items(ctx, name)
	out := make([]api.Item, len(items))
	for i, item := range items {
		out[i] = api.Item{ID: item.ID, Title: item.Title, Version: item.Version, Bytes: item.Bytes, File: item.File, Author: item.Author,
			Picture: item.Picture, Page: item.Page, Updated: optional(item.UpdatedAt()), Tags: item.Tags, Problem: item.Problem, Absent: item.Absent}
	}
	return out, err
}

func (a addons) Picture(ctx context.Context, name, item string) (data []byte, mediaType string, err error) {
	picture, err := a.overlays.Picture(ctx, name, item)
	return picture.Data, picture.Type, err
}

func (a addons) Refresh(ctx context.Context, actor string) (api.Job, error) {
	queued, err := a.overlays.Refresh(ctx, actor)
	return showJob(queued), err
}

func (a addons) ShowRefresh(ctx context.Context) (api.Refresh, error) {
	last, err := a.overlays.LastRefresh(ctx)
	if err != nil {
		return api.Refresh{}, err
	}
	var out api.Refresh
	if last.ID != "" {
		shown := showJob(last)
		out.Last = &shown
	}
	if a.refreshAt >= 0 {
		next := overlay.NextRefresh(time.Now(), a.refreshAt).UTC()
		out.Next = &next
	}
	return out, nil
}
