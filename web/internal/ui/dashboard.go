package ui

import (
	"context"
	"errors"
	"net/http"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) dashboard(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return errNoPage
	}
	data := view.DashboardData{Address: gameAddress(r, host)}
	if data.Host, err = hostOf(r, agent); err != nil {
		if r.Context().Err() == nil && (client.Is(err, client.CodeUnavailable) || errors.Is(err, context.DeadlineExceeded)) {
			return p.hostDown(w, r, host, err)
		}
		return err
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	data.Servers = sees.servers
	data.Figures, data.Health = p.cardFigures(r, host, sees.servers), view.HostFigures(p.hostSeries(r, host))
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

// hostOf asks for what a page about a host needs first. One that is down should not keep the page up for long.
func hostOf(r *http.Request, agent *client.Client) (api.Host, error) {
	ctx, cancel := context.WithTimeout(r.Context(), hostTime)
	defer cancel()
	return agent.Host(ctx)
}

// hostDown shows that a host does not answer. The page looks again by itself, so it is no error page.
func (p *Panel) hostDown(w http.ResponseWriter, r *http.Request, host Host, err error) error {
	problem, _ := problemOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		problem = &view.Problem{Message: "The agent at " + host.Client.Place() + " does not answer.", Hint: "Look at its log, and at the network between."}
	}
	return p.render(w, r, http.StatusBadGateway, view.HostDown(p.page(r, "dashboard", "down · "+host.Name), *problem))
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

// pluginLog shows a plugin's newest lines; the page looks for more by itself.
func (p *Panel) pluginLog(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	found, err := agent.Plugin(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	lines, err := agent.PluginLog(r.Context(), found.Name, 0)
	if err != nil {
		return err
	}
	page := p.page(r, "plugins", "Log of "+found.Name)
	page.Refresh = 5
	return p.show(w, r, view.PluginLog(page, found, lines))
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
