package ui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/form"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// blueprintPreview shows the form as it was sent, with what it comes to. Nothing is changed.
func (p *Panel) blueprintPreview(w http.ResponseWriter, r *http.Request) error {
	draft := typed(r)
	draft.Name = strings.TrimSpace(r.PostFormValue("name"))
	name := r.PostFormValue("blueprint")
	if draft.New = name == ""; draft.New {
		return p.blueprintForm(w, r, http.StatusOK, draft, nil)
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(sees.blueprints, func(b api.Blueprint) bool { return b.Name == name })
	if at < 0 {
		return errNothing("blueprint", name)
	}
	draft.Name, draft.UsedBy = name, sees.blueprints[at].UsedBy
	return p.blueprintForm(w, r, http.StatusOK, draft, nil)
}

// preview asks the agent what a draft comes to. A draft that it refuses has no preview, but the reason. Overlays that
// the person may not see are left out, unless an administrator put them into the blueprint.
func (p *Panel) preview(r *http.Request, sees sight, draft view.BlueprintForm) (view.BlueprintPreview, error) {
	agent, err := p.agent(r)
	if err != nil {
		return view.BlueprintPreview{}, err
	}
	settings, problem := form.Blueprint(draft.Settings)
	if problem != nil {
		return view.BlueprintPreview{Problem: problem}, nil
	}
	var present []string
	for _, b := range sees.blueprints {
		if !draft.New && b.Name == draft.Name {
			present = b.Overlays
			form.KeepUnknown(&settings, b.Settings)
		}
	}
	overlays := keep(draft.Overlays, func(name string) bool {
		return sees.has("overlay/"+name, right.OverlayView) || slices.Contains(present, name)
	})
	config := lines(draft.Config)
	found, err := agent.PreviewBlueprint(r.Context(), api.BlueprintCreate{Name: "example", Overlays: overlays,
		Arguments: form.Words(draft.Arguments), Config: config, Settings: settings})
	if client.Is(err, client.CodeInvalid) || client.Is(err, client.CodeNotFound) {
		problem, _ := problemOf(err)
		return view.BlueprintPreview{Problem: problem}, nil
	}
	if err != nil {
		return view.BlueprintPreview{}, err
	}
	return view.NewBlueprintPreview(found, config), nil
}

// usersOf returns the servers made from a blueprint that the person may see.
func (p *Panel) usersOf(r *http.Request, b api.Blueprint) ([]string, error) {
	sees, err := p.sieve(r)
	if err != nil {
		return nil, err
	}
	return sees.names("server", b.UsedBy), nil
}
