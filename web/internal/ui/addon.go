package ui

import (
	"context"
	"net/http"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) overlayCampaigns(w http.ResponseWriter, r *http.Request) error {
	return p.campaigns(w, r, "overlays", (*client.Client).OverlayCampaigns)
}

func (p *Panel) blueprintCampaigns(w http.ResponseWriter, r *http.Request) error {
	return p.campaigns(w, r, "blueprints", (*client.Client).BlueprintCampaigns)
}

func (p *Panel) serverCampaigns(w http.ResponseWriter, r *http.Request) error {
	return p.campaigns(w, r, "servers", (*client.Client).ServerCampaigns)
}

func (p *Panel) campaigns(w http.ResponseWriter, r *http.Request, kind string, look func(*client.Client, context.Context, string) (api.Addons, error)) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	data := view.CampaignsData{Kind: kind, Name: param(r, "name")}
	if data.Addons, err = look(agent, r.Context(), data.Name); err != nil {
		return err
	}
	return p.show(w, r, view.Campaigns(p.page(r, kind, "Campaigns · "+data.Name), data))
}

func (p *Panel) refreshOverlays(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	queued, err := agent.RefreshOverlays(r.Context())
	return p.watch(w, r, queued, err)
}

// overlayItems changes what the settings say about one item. Adding builds at once; the others can be several, so they wait for
// a build.
func (p *Panel) overlayItems(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	current, err := agent.Overlay(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	action, id := r.PostFormValue("action"), r.PostFormValue("id")
	if action == "add" {
		id = strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("add"), "\r\n", "\n"))
	}
	settings, err := view.ChangeItems(current.Settings, action, id, r.PostFormValue("version"))
	if err != nil {
		return &client.Error{Code: client.CodeInvalid, Status: http.StatusBadRequest, Message: "The settings of the overlay have another form.",
			Hint: "Change them on the overlay's page."}
	}
	if _, err := agent.UpdateOverlay(r.Context(), current.Name, api.OverlayUpdate{Settings: settings}); err != nil {
		problem, status := problemOf(err)
		return p.overlayPage(w, r, status, nil, problem)
	}
	if action == "add" && may(r, right.OverlayBuild) {
		return p.overlayBuild(w, r)
	}
	return p.done(w, r, p.url(r, "overlays", current.Name), "Settings saved. The next build uses them.")
}

// addItems completes an overlay's page with its items. The page is worth showing without them.
func addItems(r *http.Request, agent *client.Client, data *view.OverlayData, schema []byte) {
	data.Items.Settings = view.NewItemSettings(schema, data.Overlay.Settings)
	items, err := agent.Items(r.Context(), data.Overlay.Name)
	if err == nil {
		data.Items.Items = items
	}
}
