package agenttest

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

type addonView struct{ *world }

// Content is what an overlay brings in a test: VPKs by name with their campaigns, and items. Conflicts are worked out
// from the names of maps.
type Content struct {
	Packs     []api.Addon
	Campaigns []api.Campaign
	Items     []api.Item
	Pictures  map[string][]byte // JPEG or PNG by item
}

// SetContent says what an overlay brings.
func (a *Agent) SetContent(overlay string, content Content) {
	defer a.w.lock()()
	a.w.contents[overlay] = content
	a.w.change()
}

func (v addonView) OfOverlay(_ context.Context, name string) (api.Addons, error) {
	defer v.lock()()
	if v.overlays[name] == nil {
		return api.Addons{}, notFound("overlay", name)
	}
	return v.stack([]string{name}), nil
}

func (v addonView) OfBlueprint(_ context.Context, name string) (api.Addons, error) {
	defer v.lock()()
	made, ok := v.blueprints[name]
	if !ok {
		return api.Addons{}, notFound("blueprint", name)
	}
	return v.stack(made.Overlays), nil
}

func (v addonView) OfServer(ctx context.Context, name string) (api.Addons, error) {
	server, err := serverView(v).Get(ctx, name)
	if err != nil {
		return api.Addons{}, err
	}
	return v.OfBlueprint(ctx, server.Blueprint)
}

// stack adds up what overlays bring, highest first. The lock is held.
func (w *world) stack(overlays []string) api.Addons {
	var out api.Addons
	maps := map[string]int{} // name to its conflict, or -1
	first := map[string]api.AddonHolder{}
	for _, overlay := range overlays {
		content := w.contents[overlay]
		for _, campaign := range content.Campaigns {
			campaign.Overlay = overlay
			out.Campaigns = append(out.Campaigns, campaign)
		}
		for _, pack := range content.Packs {
			pack.Overlay = overlay
			out.Packs = append(out.Packs, pack)
			own := api.AddonHolder{Overlay: overlay, File: pack.File}
			for _, name := range pack.Maps {
				name = strings.ToLower(name)
				at, taken := maps[name]
				switch {
				case !taken:
					maps[name], first[name] = -1, own
				case at < 0:
					maps[name] = len(out.Conflicts)
					out.Conflicts = append(out.Conflicts, api.AddonConflict{Kind: "map", Path: "maps/" + name + ".bsp", Winner: first[name], Losers: []api.AddonHolder{own}})
				default:
					out.Conflicts[at].Losers = append(out.Conflicts[at].Losers, own)
				}
			}
		}
	}
	slices.SortFunc(out.Conflicts, func(a, b api.AddonConflict) int { return cmp.Compare(a.Path, b.Path) })
	out.ConflictCount = len(out.Conflicts)
	return out
}

func (v addonView) Items(_ context.Context, name string) ([]api.Item, error) {
	defer v.lock()()
	if v.overlays[name] == nil {
		return nil, notFound("overlay", name)
	}
	return v.contents[name].Items, nil
}

func (v addonView) Picture(_ context.Context, name, item string) (data []byte, mediaType string, err error) {
	defer v.lock()()
	if v.overlays[name] == nil {
		return nil, "", notFound("overlay", name)
	}
	data = v.contents[name].Pictures[item]
	if len(data) == 0 {
		return nil, "", fault.New(fault.NotFound, "Overlay %q has no picture of an item %q.", name, item)
	}
	return data, http.DetectContentType(data), nil
}

// Refresh queues a job that builds every overlay of the workshop type.
func (v addonView) Refresh(_ context.Context, actor string) (api.Job, error) {
	defer v.lock()()
	for _, j := range v.jobs {
		if j.Kind == api.JobRefresh && !final(j.Status) {
			return j.show(), nil
		}
	}
	j := v.queue(api.JobRefresh, "overlays", actor, false)
	var result api.RefreshResult
	for _, o := range sorted(v.overlays, func(o *overlay) *overlay { return o }) {
		if o.Type == "overlay-workshop" {
			result.Overlays = append(result.Overlays, api.RefreshedOverlay{Overlay: o.Name, Status: "unchanged"})
		}
	}
	data, err := json.Marshal(result)
	j.Result = data
	return j.show(), err
}

func (v addonView) ShowRefresh(context.Context) (api.Refresh, error) {
	defer v.lock()()
	next := time.Now().UTC().Truncate(24 * time.Hour).Add(28*time.Hour + 30*time.Minute)
	out := api.Refresh{Next: &next}
	for _, j := range v.jobs {
		if j.Kind == api.JobRefresh {
			shown := j.show()
			out.Last = &shown
		}
	}
	return out, nil
}
