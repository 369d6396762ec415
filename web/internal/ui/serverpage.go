package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) server(w http.ResponseWriter, r *http.Request) error {
	return p.serverPage(w, r, http.StatusOK, nil, nil)
}

// aboutServer begins the data of every page about a server.
func (p *Panel) aboutServer(r *http.Request) (view.ServerData, Host, error) {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return view.ServerData{}, host, errNoPage
	}
	data := view.ServerData{Address: gameAddress(r, host)}
	var err error
	if data.Server, err = host.Client.Server(r.Context(), param(r, "name")); err != nil {
		return data, host, err
	}
	data.Addons = p.serverAddons(r, host, data.Server)
	return data, host, nil
}

// serverAddons returns what a server's layers bring, or nothing: pages are worth showing without it. Revisions never
// change, so the answer is the same as long as the layers are.
func (p *Panel) serverAddons(r *http.Request, host Host, s api.Server) api.Addons {
	key := s.ID + "/" + s.Blueprint
	for _, layer := range s.Layers {
		key += "/" + layer.Overlay + "@" + layer.Revision
	}
	addons, _ := p.memos.addons.get(r.Context(), upstream{host.Client, key}, func(ctx context.Context) (api.Addons, error) {
		return host.Client.ServerCampaigns(ctx, s.Name)
	})
	return addons
}

func (p *Panel) serverPage(w http.ResponseWriter, r *http.Request, status int, reply *view.Reply, problem *view.Problem) error {
	data, host, err := p.aboutServer(r)
	if err != nil {
		return err
	}
	agent := host.Client.As(personOf(r).Name)
	name := data.Server.Name
	data.Reply, data.Problem = reply, problem
	if problem != nil && (problem.Field == "map" || problem.Field == "mode") {
		data.Wanted = wantedMap(r)
	}
	// The game may be silent for a moment; the page is worth showing without players.
	data.Players, _ = playersOf(r, agent, data.Server)
	if data.Events, err = newestEvents(r, agent, "server/"+name, 40); err != nil {
		return err
	}
	if may(r, right.ServerConsole) && r.Header.Get(liveHeader) == "" {
		if data.Console, _, err = consoleLines(r, agent, name, client.ConsoleOptions{Tail: 200}); err != nil {
			return err
		}
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	data.Events = keep(data.Events, sees.event)
	data.Events = data.Events[:min(len(data.Events), 6)]
	if sees.has("blueprint/"+data.Server.Blueprint, right.BlueprintView) {
		if found, err := agent.Blueprint(r.Context(), data.Server.Blueprint); err == nil {
			data.Blueprint = &found
		}
	}
	last, long := rangeOf(r)
	data.Range, data.Figures = last, view.ServerFigures(p.serverSeries(r, host, data.Server, long))
	return p.render(w, r, status, view.Server(p.page(r, "servers", data.Title()), data))
}

func playersOf(r *http.Request, agent *client.Client, s api.Server) ([]api.Player, error) {
	if s.State != "running" || !may(r, right.ServerPlayers) {
		return nil, nil
	}
	return agent.Players(r.Context(), s.Name)
}

// consoleLines returns lines that a server printed so far, and whether some were lost.
func consoleLines(r *http.Request, agent *client.Client, name string, options client.ConsoleOptions) ([]api.ConsoleLine, bool, error) {
	var lines []api.ConsoleLine
	lost := false
	for item, err := range agent.Console(r.Context(), name, options) {
		if err != nil {
			return nil, false, err
		}
		lost = lost || item.Dropped > 0
		if item.Line != nil {
			lines = append(lines, *item.Line)
		}
	}
	return lines, lost, nil
}

func (p *Panel) serverCommand(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	reply := &view.Reply{Command: strings.TrimSpace(r.PostFormValue("command"))}
	note(r, "%s", reply.Command)
	answer, err := agent.Command(r.Context(), param(r, "name"), reply.Command)
	status := http.StatusOK
	if err != nil {
		reply.Problem, status = problemOf(err)
	}
	reply.Output = strings.TrimSpace(answer.Output)
	return p.serverPage(w, r, status, reply, nil)
}

func (p *Panel) serverMap(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	wanted := wantedMap(r)
	note(r, "%s %s", wanted.Map, wanted.Mode)
	about, _, err := p.aboutServer(r)
	if err != nil {
		return err
	}
	if modes := view.ModesOf(about.Addons, wanted.Map); wanted.Mode != "" && modes != nil && !slices.Contains(modes, wanted.Mode) {
		problem := &view.Problem{Message: "The map " + wanted.Map + " cannot be played in the mode " + cut(wanted.Mode) + ".",
			Hint: "Its campaign has: " + strings.Join(modes, ", ") + ".", Field: "mode"}
		return p.serverPage(w, r, http.StatusBadRequest, nil, problem)
	}
	if err := agent.ChangeMap(r.Context(), param(r, "name"), wanted); err != nil {
		problem, status := problemOf(err)
		return p.serverPage(w, r, status, nil, problem)
	}
	return p.done(w, r, p.url(r, "servers", param(r, "name")), "The map is being changed to "+wanted.Map+".")
}

// wantedMap is what stands in the form that changes the map.
func wantedMap(r *http.Request) api.ServerMap {
	return api.ServerMap{Map: strings.TrimSpace(r.PostFormValue("map")), Mode: r.PostFormValue("mode")}
}
