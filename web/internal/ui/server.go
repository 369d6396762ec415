package ui

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) servers(w http.ResponseWriter, r *http.Request) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	page := p.page(r, "servers", "Servers")
	sees.tell(&page)
	return p.show(w, r, view.Servers(page, sees.servers))
}

func (p *Panel) serverNew(w http.ResponseWriter, r *http.Request) error {
	return p.serverForm(w, r, http.StatusOK, view.ServerForm{Start: true}, nil)
}

func (p *Panel) serverForm(w http.ResponseWriter, r *http.Request, status int, form view.ServerForm, problem *view.Problem) error {
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	return p.render(w, r, status, view.ServerNew(p.page(r, "servers", "New server"), form, sees.blueprints, problem))
}

func (p *Panel) serverCreate(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	form := view.ServerForm{Name: strings.TrimSpace(r.PostFormValue("name")), Blueprint: r.PostFormValue("blueprint"),
		Port: strings.TrimSpace(r.PostFormValue("port")), Start: r.PostFormValue("start") != ""}
	port := 0
	if form.Port != "" {
		if port, err = strconv.Atoi(form.Port); err != nil {
			problem := &view.Problem{Message: "The port is not a number.", Hint: "Leave it empty to take the next free one.", Field: "port"}
			return p.serverForm(w, r, http.StatusBadRequest, form, problem)
		}
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	if !sees.has("blueprint/"+form.Blueprint, right.BlueprintView) {
		problem, _ := problemOf(errNothing("blueprint", form.Blueprint))
		problem.Field = "blueprint"
		return p.serverForm(w, r, http.StatusNotFound, form, problem)
	}
	sceneOf(r).target = "server/" + cut(form.Name)
	made, err := agent.CreateServer(r.Context(), api.ServerCreate{Name: form.Name, Blueprint: form.Blueprint, Port: port, Start: form.Start})
	if err != nil {
		problem, status := problemOf(err)
		return p.serverForm(w, r, status, form, problem)
	}
	return p.done(w, r, p.url(r, "servers", made.Name), "Server made.")
}

func (p *Panel) server(w http.ResponseWriter, r *http.Request) error {
	return p.serverPage(w, r, http.StatusOK, nil)
}

func (p *Panel) serverPage(w http.ResponseWriter, r *http.Request, status int, reply *view.Reply) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name := param(r, "name")
	data := view.ServerData{Address: address(r), Reply: reply}
	if data.Server, err = agent.Server(r.Context(), name); err != nil {
		return err
	}
	if data.Server.State == "running" && may(r, right.ServerPlayers) {
		// The game may be silent for a moment; the page is worth showing without players.
		data.Players, _ = agent.Players(r.Context(), name)
	}
	if data.Jobs, err = agent.Jobs(r.Context(), client.JobFilter{Subject: "server/" + name, Limit: 8}); err != nil {
		return err
	}
	if data.Events, err = newestEvents(r, agent, "server/"+name, 20); err != nil {
		return err
	}
	if may(r, right.ServerConsole) {
		if data.Console, err = consoleTail(r, agent, name); err != nil {
			return err
		}
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	data.Jobs, data.Events = keep(data.Jobs, sees.job), keep(data.Events, sees.event)
	return p.render(w, r, status, view.Server(p.page(r, "servers", name), data))
}

// consoleTail returns what a server printed last.
func consoleTail(r *http.Request, agent *client.Client, name string) ([]api.ConsoleLine, error) {
	var lines []api.ConsoleLine
	for item, err := range agent.Console(r.Context(), name, client.ConsoleOptions{Tail: 200}) {
		if err != nil {
			return nil, err
		}
		if item.Line != nil {
			lines = append(lines, *item.Line)
		}
	}
	return lines, nil
}

func (p *Panel) serverCommand(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	reply := &view.Reply{Command: r.PostFormValue("command")}
	note(r, "%s", reply.Command)
	answer, err := agent.Command(r.Context(), param(r, "name"), reply.Command)
	status := http.StatusOK
	if err != nil {
		reply.Problem, status = problemOf(err)
	}
	reply.Output = strings.TrimSpace(answer.Output)
	return p.serverPage(w, r, status, reply)
}

// confirmation is what a person is asked before something is lost.
type confirmation struct{ title, message, lost, button string }

var confirmations = map[string]confirmation{
	"kill":   {"Kill %s", "Ends the game at once, without its own clean-up.", "Players are thrown out. What the game had not written yet is lost.", "Kill server"},
	"reset":  {"Reset %s", "Empties what the server itself wrote: logs, plugin databases, bans. Overlays and settings stay.", "What the server wrote is lost for good.", "Reset server"},
	"delete": {"Delete %s", "Stops the server and removes it with everything it wrote. Its blueprint and overlays stay.", "The server and what it wrote are lost for good.", "Delete server"},
}

// action is the last element of the address: what to do with a server.
func action(r *http.Request) string { return path.Base(r.URL.Path) }

func (p *Panel) serverConfirm(w http.ResponseWriter, r *http.Request) error {
	c, ok := confirmations[action(r)]
	if !ok {
		return errNoPage
	}
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	s, err := agent.Server(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	page := p.page(r, "servers", fmt.Sprintf(c.title, s.Name))
	return p.show(w, r, view.Confirm(page, c.message, c.lost, c.button, page.URL("servers", s.Name)))
}

func (p *Panel) serverAction(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name := param(r, "name")
	var queued api.Job
	switch action(r) {
	case "start":
		queued, err = agent.StartServer(r.Context(), name)
	case "stop":
		queued, err = agent.StopServer(r.Context(), name)
	case "restart":
		queued, err = agent.RestartServer(r.Context(), name)
	case "kill":
		queued, err = agent.KillServer(r.Context(), name)
	case "reset":
		queued, err = agent.ResetServer(r.Context(), name)
	case "delete":
		queued, err = agent.DeleteServer(r.Context(), name)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "jobs", queued.ID), "")
}
