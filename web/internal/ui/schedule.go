package ui

import (
	"net/http"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/form"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) schedules(w http.ResponseWriter, r *http.Request) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Schedules(p.page(r, "schedules", "Schedules"), sees.schedules))
}

func (p *Panel) scheduleNew(w http.ResponseWriter, r *http.Request) error {
	return p.scheduleForm(w, r, http.StatusOK, view.ScheduleForm{New: true, Server: r.URL.Query().Get("server")}, nil)
}

// scheduleForm shows the form with what can be chosen and when it would run.
func (p *Panel) scheduleForm(w http.ResponseWriter, r *http.Request, status int, f view.ScheduleForm, problem *view.Problem) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	if f.Kinds, err = agent.ScheduleKinds(r.Context()); err != nil {
		return err
	}
	for _, s := range sees.servers {
		if sees.has("server/"+s.Name, right.ServerSchedule) {
			f.Servers = append(f.Servers, s.Name)
		}
	}
	for _, o := range sees.overlays {
		if sees.has("overlay/"+o.Name, right.OverlayBuild) {
			f.Overlays = append(f.Overlays, o.Name)
		}
	}
	found, err := agent.PreviewSchedule(r.Context(), api.ScheduleTrigger{Cron: f.Cron, Zone: f.Zone})
	switch f.NextRuns = found.NextRuns; {
	case client.Is(err, client.CodeInvalid):
		f.NextProblem, _ = problemOf(err)
	case err != nil:
		return err
	}
	title := f.Name
	if f.New {
		title = "New schedule"
	}
	page := p.page(r, "schedules", title)
	page.Editor = p.assets.URL("edit.js")
	return p.render(w, r, status, view.Schedule(page, f, problem))
}

func (p *Panel) schedule(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	stored, err := agent.Schedule(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	return p.scheduleForm(w, r, http.StatusOK, form.ShowSchedule(stored), nil)
}

// schedulePreview shows the form as it was sent, with its next times. Nothing is changed.
func (p *Panel) schedulePreview(w http.ResponseWriter, r *http.Request) error {
	f, _ := form.TypedSchedule(r.PostForm)
	name := r.PostFormValue("schedule")
	if f.New = name == ""; f.New {
		return p.scheduleForm(w, r, http.StatusOK, f, nil)
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	for _, s := range sees.schedules {
		if s.Name == name {
			f.Name, f.Stored = name, s
			return p.scheduleForm(w, r, http.StatusOK, f, nil)
		}
	}
	return errNothing("schedule", name)
}

// define reads the definition and refuses what the person may not do by hand.
func (p *Panel) define(r *http.Request, f view.ScheduleForm) (api.ScheduleDefinition, *view.Problem, int, error) {
	d, problem := form.Schedule(f)
	if problem != nil {
		return d, problem, http.StatusBadRequest, nil
	}
	sees, err := p.sieve(r)
	if err != nil {
		return d, nil, 0, err
	}
	if err := sees.checkSchedule(d); err != nil {
		problem, status := problemOf(err)
		return d, problem, status, nil
	}
	return d, nil, http.StatusOK, nil
}

func (p *Panel) scheduleCreate(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	f, pressed := form.TypedSchedule(r.PostForm)
	f.New = true
	if pressed {
		return p.scheduleForm(w, r, http.StatusOK, f, nil)
	}
	sceneOf(r).target = "schedule/" + cut(f.Name)
	d, problem, status, err := p.define(r, f)
	if err != nil {
		return err
	}
	if problem != nil {
		return p.scheduleForm(w, r, status, f, problem)
	}
	made, err := agent.CreateSchedule(r.Context(), api.ScheduleCreate{Name: f.Name, Disabled: f.Disabled, ScheduleDefinition: d})
	if err != nil {
		problem, status := problemOf(err)
		return p.scheduleForm(w, r, status, f, problem)
	}
	return p.done(w, r, p.url(r, "schedules", made.Name), "Schedule made.")
}

func (p *Panel) scheduleSave(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	stored, err := agent.Schedule(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	f, pressed := form.TypedSchedule(r.PostForm)
	f.Name, f.Stored = stored.Name, stored
	if pressed {
		return p.scheduleForm(w, r, http.StatusOK, f, nil)
	}
	d, problem, status, err := p.define(r, f)
	if err != nil {
		return err
	}
	if problem != nil {
		return p.scheduleForm(w, r, status, f, problem)
	}
	take, err := p.takes(r, stored.Owner, d)
	if err != nil {
		return err
	}
	if _, err := agent.UpdateSchedule(r.Context(), stored.Name, api.ScheduleUpdate{Definition: &d, Take: take}); err != nil {
		problem, status := problemOf(err)
		return p.scheduleForm(w, r, status, f, problem)
	}
	return p.done(w, r, p.url(r, "schedules", stored.Name), "Schedule saved.")
}

func (p *Panel) scheduleSwitch(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	on := r.PostFormValue("on") != ""
	said := "Switched off. It runs only when you say so."
	if on {
		said = "Switched on."
	}
	note(r, "%s", said)
	name := param(r, "name")
	change := api.ScheduleUpdate{Enabled: &on}
	if on {
		stored, err := agent.Schedule(r.Context(), name)
		if err != nil {
			return err
		}
		if change.Take, err = p.takes(r, stored.Owner, stored.ScheduleDefinition); err != nil {
			return err
		}
	}
	if _, err := agent.UpdateSchedule(r.Context(), name, change); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "schedules"), said)
}

func (p *Panel) scheduleRun(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	started, err := agent.RunSchedule(r.Context(), param(r, "name"), api.ScheduleRun{})
	return p.watch(w, r, started, err)
}

func (p *Panel) scheduleConfirm(w http.ResponseWriter, r *http.Request) error {
	name := param(r, "name")
	page := p.page(r, "schedules", "Delete "+name)
	return p.show(w, r, view.Confirm(page, "Removes the schedule. What it does now goes on to its end.",
		"Its times, conditions and actions are lost for good.", "Delete schedule", page.URL("schedules", name)))
}

func (p *Panel) scheduleDelete(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if err := agent.DeleteSchedule(r.Context(), param(r, "name")); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "schedules"), "Schedule deleted.")
}
