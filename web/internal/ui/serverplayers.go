package ui

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) players(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return p.playersPage(w, r, http.StatusOK, query.Get("user"), query.Get("steam"), view.BanForm{}, nil)
}

// playersPage shows who plays. user and steam name who was chosen: the number may be somebody else's by now.
func (p *Panel) playersPage(w http.ResponseWriter, r *http.Request, status int, user, steam string, form view.BanForm, problem *view.Problem) error {
	about, host, err := p.aboutServer(r)
	if err != nil {
		return err
	}
	data := view.PlayersData{ServerData: about, Form: form}
	data.Problem = problem
	// The game may be silent for a moment; the page is worth showing without players.
	data.Players, _ = playersOf(r, host.Client, data.Server)
	if user != "" {
		number, _ := strconv.Atoi(user)
		at := slices.IndexFunc(data.Players, func(player api.Player) bool { return player.UserID == number && player.SteamID == steam && !player.Bot })
		if data.Gone = at < 0; !data.Gone {
			data.Chosen = &data.Players[at]
		} else if data.Form.SteamID == "" {
			data.Form.SteamID = steam
		}
	}
	return p.render(w, r, status, view.Players(p.page(r, "servers", "Players · "+data.Title()), data))
}

// orderPlayers gives an order about players, and comes back to who plays.
func (p *Panel) orderPlayers(w http.ResponseWriter, r *http.Request, done string, order func(name string) error) error {
	name := param(r, "name")
	if err := order(name); err != nil {
		problem, status := problemOf(err)
		form := view.BanForm{Reason: r.PostFormValue("reason"), Minutes: r.PostFormValue("minutes"), SteamID: r.PostFormValue("steam_id"), Text: r.PostFormValue("text")}
		return p.playersPage(w, r, status, r.PostFormValue("user"), form.SteamID, form, problem)
	}
	return p.done(w, r, p.url(r, "servers", name, "players"), done)
}

func (p *Panel) serverSay(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	said := api.ServerSay{Text: strings.TrimSpace(r.PostFormValue("text"))}
	note(r, "%s", said.Text)
	return p.orderPlayers(w, r, "Said.", func(name string) error { return agent.Say(r.Context(), name, said) })
}

func (p *Panel) serverKick(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	number, _ := strconv.Atoi(r.PostFormValue("user")) // nobody has the number 0
	kick := api.ServerKick{UserID: number, SteamID: r.PostFormValue("steam_id"), Reason: strings.TrimSpace(r.PostFormValue("reason"))}
	note(r, "%s %s", kick.SteamID, kick.Reason)
	return p.orderPlayers(w, r, "Kicked.", func(name string) error { return agent.Kick(r.Context(), name, kick) })
}

func (p *Panel) serverBan(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	ban := api.ServerBan{SteamID: strings.TrimSpace(r.PostFormValue("steam_id"))}
	if ban.Minutes, err = strconv.Atoi(r.PostFormValue("minutes")); err != nil {
		problem := &view.Problem{Message: "It is not said for how long.", Hint: "Choose a time.", Field: "minutes"}
		return p.playersPage(w, r, http.StatusBadRequest, "", "", view.BanForm{SteamID: ban.SteamID}, problem)
	}
	note(r, "%s %d minutes", ban.SteamID, ban.Minutes)
	return p.orderPlayers(w, r, "Banned.", func(name string) error { return agent.Ban(r.Context(), name, ban) })
}

func (p *Panel) serverUnban(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	unban := api.ServerUnban{SteamID: strings.TrimSpace(r.PostFormValue("steam_id"))}
	note(r, "%s", unban.SteamID)
	return p.orderPlayers(w, r, "The ban is taken back.", func(name string) error { return agent.Unban(r.Context(), name, unban) })
}
