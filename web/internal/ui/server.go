package ui

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
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

// confirmation is what a person is asked before something is lost.
type confirmation struct{ title, message, lost, button string }

var confirmations = map[string]confirmation{
	"stop":    {"Stop %s", "Ends the game in order.", "Whoever plays is thrown out.", "Stop server"},
	"restart": {"Restart %s", "Ends the game in order and starts it with the newest content.", "Whoever plays is thrown out, and the present map begins anew.", "Restart server"},
	"kill":    {"Kill %s", "Ends the game at once, without its own clean-up.", "Players are thrown out. What the game had not written yet is lost.", "Kill server"},
	"reset":   {"Reset %s", "Empties what the server itself wrote: logs, plugin databases, bans. Overlays and settings stay.", "What the server wrote is lost for good.", "Reset server"},
	"delete":  {"Delete %s", "Stops the server and removes it with everything it wrote. Its blueprint and overlays stay.", "The server and what it wrote are lost for good.", "Delete server"},
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
	if s.Live != nil && s.Live.Players > 0 {
		c.message += " " + view.Playing(s.Live.Players)
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
	return p.watch(w, r, queued, err)
}
