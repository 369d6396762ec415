package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/form"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) overlays(w http.ResponseWriter, r *http.Request) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	page := p.page(r, "overlays", "Overlays")
	sees.tell(&page)
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	refresh, err := agent.Refresh(r.Context())
	if err != nil {
		return err
	}
	return p.show(w, r, view.Overlays(page, sees.overlays, refresh))
}

// newScript is what a new script overlay starts from.
const newScript = "#!/bin/bash\nset -euo pipefail\n\n# Write content below left4dead2/. The directory shows the revision before.\nmkdir -p left4dead2/cfg\n"

func (p *Panel) overlayNew(w http.ResponseWriter, r *http.Request) error {
	return p.overlayForm(w, r, http.StatusOK, &view.SettingsForm{Type: r.URL.Query().Get("type")}, "", nil)
}

// overlayForm shows the form of a new overlay. fields without any stand for a fresh form, of the first type unless
// theirs exists.
func (p *Panel) overlayForm(w http.ResponseWriter, r *http.Request, status int, fields *view.SettingsForm, name string, problem *view.Problem) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	types, err := agent.OverlayTypes(r.Context())
	if err != nil {
		return err
	}
	var chosen api.OverlayType
	for i, t := range types {
		if t.Name == fields.Type || i == 0 {
			chosen = t
		}
		if t.Name == fields.Type {
			break
		}
	}
	if len(fields.Fields) == 0 {
		start, _ := json.Marshal(map[string]string{"script": newScript}) // a map of texts always can be
		fields = view.NewSettingsForm(chosen.Name, chosen.Schema, start)
	}
	page := p.page(r, "overlays", "New overlay")
	page.Editor = p.assets.URL("edit.js")
	return p.render(w, r, status, view.OverlayNew(page, types, name, fields, problem))
}

// schemaOf returns the schema of an overlay type, nil when its plugin is gone.
func schemaOf(r *http.Request, agent *client.Client, typeName string) (json.RawMessage, error) {
	types, err := agent.OverlayTypes(r.Context())
	for _, t := range types {
		if t.Name == typeName {
			return t.Schema, err
		}
	}
	return nil, err
}

func (p *Panel) overlayCreate(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name, typeName := strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("type")
	schema, err := schemaOf(r, agent, typeName)
	if err != nil {
		return err
	}
	fields := &view.SettingsForm{Type: typeName}
	if schema != nil { // else the agent says what is wrong with the type
		fields = view.NewSettingsForm(typeName, schema, nil)
	}
	settings, problem := form.Settings(fields, r.PostFormValue)
	if problem != nil {
		return p.overlayForm(w, r, http.StatusBadRequest, fields, name, problem)
	}
	sceneOf(r).target = "overlay/" + cut(name)
	made, err := agent.CreateOverlay(r.Context(), api.OverlayCreate{Name: name, Type: typeName, Settings: settings, Build: r.PostFormValue("build") != ""})
	if err != nil {
		problem, status := problemOf(err)
		return p.overlayForm(w, r, status, fields, name, problem)
	}
	if made.LastJob != "" {
		return p.done(w, r, p.url(r, "jobs", made.LastJob), "Overlay made. This is its first build.")
	}
	return p.done(w, r, p.url(r, "overlays", made.Name), "Overlay made.")
}

func (p *Panel) overlay(w http.ResponseWriter, r *http.Request) error {
	return p.overlayPage(w, r, http.StatusOK, nil, nil)
}

// overlayPage shows an overlay; fields are what the person typed, nil = the stored settings.
func (p *Panel) overlayPage(w http.ResponseWriter, r *http.Request, status int, fields *view.SettingsForm, problem *view.Problem) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	var data view.OverlayData
	if data.Overlay, err = agent.Overlay(r.Context(), param(r, "name")); err != nil {
		return err
	}
	if data.Revisions, err = agent.Revisions(r.Context(), data.Overlay.Name); err != nil {
		return err
	}
	if data.Jobs, err = agent.Jobs(r.Context(), client.JobFilter{Subject: "overlay/" + data.Overlay.Name, Limit: 10}); err != nil {
		return err
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	data.Jobs = keep(data.Jobs, sees.job)
	data.Overlay.UsedBy = sees.names("blueprint", data.Overlay.UsedBy)
	for i := range data.Revisions {
		data.Revisions[i].UsedBy = sees.names("server", data.Revisions[i].UsedBy)
	}
	schema, err := schemaOf(r, agent, data.Overlay.Type)
	if err != nil {
		return err
	}
	if data.Form = fields; fields == nil && schema != nil {
		data.Form = view.NewSettingsForm(data.Overlay.Type, schema, data.Overlay.Settings)
	}
	addItems(r, agent, &data, schema)
	page := p.page(r, "overlays", data.Overlay.Name)
	if data.Form != nil && data.Form.Edits() {
		page.Editor = p.assets.URL("edit.js")
		if err := newestBuild(r, agent, &data); err != nil {
			return err
		}
	}
	return p.render(w, r, status, view.Overlay(page, data, problem))
}

// beside is how many lines of a build's log stand beside the editor.
const beside = 500

// newestBuild adds the newest build that the person may see, with its log.
func newestBuild(r *http.Request, agent *client.Client, data *view.OverlayData) error {
	for _, job := range data.Jobs {
		if job.Kind != "overlay.build" {
			continue
		}
		data.Log.Job = job
		var err error
		data.Log.Lines, err = logOf(r, agent, job.ID, beside)
		return err
	}
	return nil
}

func (p *Panel) overlaySave(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	current, err := agent.Overlay(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	schema, err := schemaOf(r, agent, current.Type)
	if err != nil {
		return err
	}
	if schema == nil {
		return &client.Error{Code: client.CodePrecondition, Status: http.StatusConflict,
			Message: fmt.Sprintf("Overlay %q cannot be changed: no enabled plugin makes overlays of type %q.", current.Name, current.Type),
			Hint:    "Enable the plugin in the agent's config."}
	}
	fields := view.NewSettingsForm(current.Type, schema, nil)
	settings, problem := form.Settings(fields, r.PostFormValue)
	if problem != nil {
		return p.overlayPage(w, r, http.StatusBadRequest, fields, problem)
	}
	if _, err := agent.UpdateOverlay(r.Context(), current.Name, api.OverlayUpdate{Settings: settings}); err != nil {
		problem, status := problemOf(err)
		return p.overlayPage(w, r, status, fields, problem)
	}
	if r.PostFormValue("build") != "" && may(r, right.OverlayBuild) {
		if !fields.Edits() {
			return p.overlayBuild(w, r)
		}
		if _, err := agent.BuildOverlay(r.Context(), current.Name, api.OverlayBuild{}); err != nil {
			return err
		}
		return p.done(w, r, p.url(r, "overlays", current.Name)+"#editor", "Saved; it is being built.")
	}
	return p.done(w, r, p.url(r, "overlays", current.Name), "Settings saved. The next build uses them.")
}

func (p *Panel) overlayBuild(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("wipe") != "" {
		note(r, "from an empty tree")
	}
	queued, err := agent.BuildOverlay(r.Context(), param(r, "name"), api.OverlayBuild{Wipe: r.PostFormValue("wipe") != ""})
	return p.watch(w, r, queued, err)
}

func (p *Panel) overlayRollback(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	note(r, "to revision %s", r.PostFormValue("revision"))
	o, err := agent.RollbackOverlay(r.Context(), param(r, "name"), r.PostFormValue("revision"))
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "overlays", o.Name), "Went back. Servers take it up at their next start.")
}

func (p *Panel) overlayDiff(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name, id := param(r, "name"), param(r, "id")
	changes, err := agent.DiffRevisions(r.Context(), name, id, "")
	if err != nil {
		return err
	}
	revisions, err := agent.Revisions(r.Context(), name)
	if err != nil {
		return err
	}
	var notes []string
	for _, made := range revisions {
		if made.ID == id {
			notes = made.Notes
		}
	}
	return p.show(w, r, view.Diff(p.page(r, "overlays", name), name, id, notes, changes))
}

func (p *Panel) overlayConfirm(w http.ResponseWriter, r *http.Request) error {
	name := param(r, "name")
	page := p.page(r, "overlays", "Delete "+name)
	return p.show(w, r, view.Confirm(page, "Removes the overlay with all its revisions. Blueprints must not list it.",
		"Its content is lost for good; its settings too.", "Delete overlay", page.URL("overlays", name)))
}

func (p *Panel) overlayDelete(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if err := agent.DeleteOverlay(r.Context(), param(r, "name")); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "overlays"), "Overlay deleted.")
}
