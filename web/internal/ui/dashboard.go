package ui

import (
	"net/http"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) dashboard(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	data := view.DashboardData{Address: address(r)}
	if data.Host, err = agent.Host(r.Context()); err != nil {
		return err
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	data.Servers = sees.servers
	for _, status := range []string{"running", "queued"} {
		jobs, err := agent.Jobs(r.Context(), client.JobFilter{Status: status, Limit: 20})
		if err != nil {
			return err
		}
		data.Jobs = append(data.Jobs, keep(jobs, sees.job)...)
	}
	if data.Events, err = newestEvents(r, agent, "", 200); err != nil {
		return err
	}
	data.Events = keep(data.Events, sees.event)
	data.Events = data.Events[:min(len(data.Events), 8)]
	page := p.page(r, "dashboard", "Dashboard")
	sees.tell(&page)
	return p.show(w, r, view.Dashboard(page, data))
}

func (p *Panel) events(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	list, err := newestEvents(r, agent, "", 200)
	if err != nil {
		return err
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Events(p.page(r, "events", "Events"), keep(list, sees.event)))
}

func (p *Panel) plugins(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	list, err := agent.Plugins(r.Context())
	if err != nil {
		return err
	}
	host, err := agent.Host(r.Context())
	if err != nil {
		return err
	}
	return p.show(w, r, view.Plugins(p.page(r, "plugins", "Plugins"), host, list))
}

func (p *Panel) pluginRestart(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if _, err := agent.RestartPlugin(r.Context(), param(r, "name")); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "plugins"), "The plugin is being restarted.")
}
