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

func (p *Panel) blueprints(w http.ResponseWriter, r *http.Request) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	page := p.page(r, "blueprints", "Blueprints")
	sees.tell(&page)
	return p.show(w, r, view.Blueprints(page, sees.blueprints))
}

func (p *Panel) blueprintNew(w http.ResponseWriter, r *http.Request) error {
	return p.blueprintForm(w, r, http.StatusOK, view.BlueprintForm{New: true, Settings: map[string]string{}}, nil)
}

// blueprintForm shows the form; the overlays that are not chosen are filled in here.
func (p *Panel) blueprintForm(w http.ResponseWriter, r *http.Request, status int, draft view.BlueprintForm, problem *view.Problem) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	draft.Others = nil
	for _, o := range sees.overlays {
		if !slices.Contains(draft.Overlays, o.Name) {
			draft.Others = append(draft.Others, o.Name)
		}
	}
	if draft.Preview, err = p.preview(r, sees, draft); err != nil {
		return err
	}
	title := draft.Name
	if draft.New {
		title = "New blueprint"
	}
	page := p.page(r, "blueprints", title)
	page.Editor = p.assets.URL("edit.js")
	return p.render(w, r, status, view.Blueprint(page, draft, problem))
}

func (p *Panel) blueprint(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	b, err := agent.Blueprint(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	users, err := p.usersOf(r, b)
	if err != nil {
		return err
	}
	draft := view.BlueprintForm{Name: b.Name, Overlays: b.Overlays, Arguments: strings.Join(b.Arguments, "\n"),
		Config: strings.Join(b.Config, "\n"), Settings: form.ShowBlueprint(b.Settings), UsedBy: users}
	return p.blueprintForm(w, r, http.StatusOK, draft, nil)
}

// typed returns what stands in the form.
func typed(r *http.Request) view.BlueprintForm {
	draft := view.BlueprintForm{Arguments: r.PostFormValue("arguments"), Config: r.PostFormValue("config"), Settings: map[string]string{}}
	draft.Overlays = r.PostForm["overlays"]
	for _, s := range view.BlueprintSettings() {
		draft.Settings[s.Name] = strings.TrimSpace(r.PostFormValue("settings." + s.Name))
	}
	return draft
}

// rearrange does what a button of the list of overlays asks for, and reports whether one was pressed.
func rearrange(r *http.Request, draft *view.BlueprintForm) bool {
	move := func(name string, by int) {
		i := slices.Index(draft.Overlays, name)
		if j := i + by; i >= 0 && j >= 0 && j < len(draft.Overlays) {
			draft.Overlays[i], draft.Overlays[j] = draft.Overlays[j], draft.Overlays[i]
		}
	}
	switch {
	case r.PostFormValue("up") != "":
		move(r.PostFormValue("up"), -1)
	case r.PostFormValue("down") != "":
		move(r.PostFormValue("down"), 1)
	case r.PostFormValue("remove") != "":
		draft.Overlays = slices.DeleteFunc(draft.Overlays, func(name string) bool { return name == r.PostFormValue("remove") })
	case r.PostFormValue("do") == "add":
		if name := r.PostFormValue("add"); name != "" && !slices.Contains(draft.Overlays, name) {
			draft.Overlays = slices.Insert(draft.Overlays, 0, name)
		}
	default:
		return false
	}
	return true
}

func (p *Panel) blueprintCreate(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	draft := typed(r)
	draft.New, draft.Name = true, strings.TrimSpace(r.PostFormValue("name"))
	if rearrange(r, &draft) {
		return p.blueprintForm(w, r, http.StatusOK, draft, nil)
	}
	settings, problem := form.Blueprint(draft.Settings)
	if problem == nil {
		if problem, err = p.checkOverlays(r, draft.Overlays, nil); err != nil {
			return err
		}
	}
	if problem != nil {
		return p.blueprintForm(w, r, http.StatusBadRequest, draft, problem)
	}
	sceneOf(r).target = "blueprint/" + cut(draft.Name)
	made, err := agent.CreateBlueprint(r.Context(), api.BlueprintCreate{Name: draft.Name, Overlays: draft.Overlays,
		Arguments: form.Words(draft.Arguments), Config: lines(draft.Config), Settings: settings})
	if err != nil {
		problem, status := problemOf(err)
		return p.blueprintForm(w, r, status, draft, problem)
	}
	return p.done(w, r, p.url(r, "blueprints", made.Name), "Blueprint made. Servers can be made from it now.")
}

func (p *Panel) blueprintSave(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	current, err := agent.Blueprint(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	draft := typed(r)
	if draft.UsedBy, err = p.usersOf(r, current); err != nil {
		return err
	}
	draft.Name = current.Name
	if rearrange(r, &draft) {
		return p.blueprintForm(w, r, http.StatusOK, draft, nil)
	}
	settings, problem := form.Blueprint(draft.Settings)
	if problem == nil {
		if problem, err = p.checkOverlays(r, draft.Overlays, current.Overlays); err != nil {
			return err
		}
	}
	if problem != nil {
		return p.blueprintForm(w, r, http.StatusBadRequest, draft, problem)
	}
	form.KeepUnknown(&settings, current.Settings)
	if err := p.saveBlueprint(r, agent, draft, settings); err != nil {
		problem, status := problemOf(err)
		return p.blueprintForm(w, r, status, draft, problem)
	}
	return p.done(w, r, p.url(r, "blueprints", current.Name), "Blueprint saved.")
}

// checkOverlays refuses overlays that the person may not see: a blueprint would show and use what is in them. Those
// that an administrator put in before may stay.
func (p *Panel) checkOverlays(r *http.Request, names, present []string) (*view.Problem, error) {
	sees, err := p.sieve(r)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !sees.has("overlay/"+name, right.OverlayView) && !slices.Contains(present, name) {
			problem, _ := problemOf(errNothing("overlay", name))
			return problem, nil
		}
	}
	return nil, nil
}

func (p *Panel) saveBlueprint(r *http.Request, agent *client.Client, draft view.BlueprintForm, settings api.BlueprintSettings) error {
	overlays, arguments, config := append([]string{}, draft.Overlays...), form.Words(draft.Arguments), lines(draft.Config)
	_, err := agent.UpdateBlueprint(r.Context(), draft.Name, api.BlueprintUpdate{Overlays: &overlays, Arguments: &arguments,
		Config: &config, Settings: &settings})
	return err
}

func (p *Panel) blueprintConfirm(w http.ResponseWriter, r *http.Request) error {
	name := param(r, "name")
	page := p.page(r, "blueprints", "Delete "+name)
	return p.show(w, r, view.Confirm(page, "Removes the blueprint. No server may be made from it. Its overlays stay.",
		"Its order, arguments and settings are lost for good.", "Delete blueprint", page.URL("blueprints", name)))
}

func (p *Panel) blueprintDelete(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if err := agent.DeleteBlueprint(r.Context(), param(r, "name")); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "blueprints"), "Blueprint deleted.")
}
