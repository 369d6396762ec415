package ui

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// tokenScopes are the rights on servers that a token can carry: agents know them by the same names.
func tokenScopes() []right.Entry {
	scopes := []string{api.ScopeServerView, api.ScopeServerConsole, api.ScopeServerPlayers, api.ScopeServerMap, api.ScopeServerPower,
		api.ScopeServerCommand, api.ScopeServerReset, api.ScopeServerFiles, api.ScopeServerWrite}
	return slices.DeleteFunc(right.Shareable(), func(e right.Entry) bool { return !slices.Contains(scopes, string(e.Right)) })
}

func (p *Panel) tokensRoot(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/account/tokens/"+p.hostName(r), http.StatusSeeOther)
	return nil
}

func (p *Panel) tokens(w http.ResponseWriter, r *http.Request) error {
	return p.showTokens(w, r, http.StatusOK, view.TokenForm{Days: "90"}, "", nil)
}

func (p *Panel) showTokens(w http.ResponseWriter, r *http.Request, status int, form view.TokenForm, secret string, problem *view.Problem) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	data := view.TokensData{Form: form, Secret: secret, Scopes: tokenScopes()}
	for _, s := range sees.servers {
		data.Servers = append(data.Servers, s.Name)
	}
	if data.Tokens, err = agent.Tokens(r.Context(), personOf(r).Name); err != nil {
		return err
	}
	return p.render(w, r, status, view.Tokens(p.page(r, "account", "Tokens"), data, problem))
}

func (p *Panel) tokenCreate(w http.ResponseWriter, r *http.Request) error {
	form := view.TokenForm{Name: strings.TrimSpace(r.PostFormValue("name")), Days: strings.TrimSpace(r.PostFormValue("days")),
		Scopes: r.PostForm["scope"], Servers: r.PostForm["server"]}
	sees, err := p.sight(r)
	if err != nil {
		return err
	}
	in := api.TokenCreate{Name: form.Name, Scopes: form.Scopes, Servers: form.Servers}
	problem := checkToken(sees, form)
	if problem == nil {
		in.ExpiresAt, problem = readDays(form.Days)
	}
	if problem != nil {
		return p.showTokens(w, r, http.StatusBadRequest, form, "", problem)
	}
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	sceneOf(r).target = "token/" + cut(form.Name)
	note(r, "%s for %s", strings.Join(form.Scopes, " "), orEverything(form.Servers))
	made, err := agent.CreateToken(r.Context(), in)
	if err != nil {
		problem, status := problemOf(err)
		return p.showTokens(w, r, status, form, "", problem)
	}
	return p.showTokens(w, r, http.StatusOK, view.TokenForm{Days: "90"}, made.Secret, nil)
}

func orEverything(servers []string) string {
	if len(servers) == 0 {
		return "everything"
	}
	return strings.Join(servers, ", ")
}

// checkToken lets nobody hand on more than they have: every right on every server that the token is for. Only
// administrators make tokens that are for more than certain servers.
func checkToken(sees sight, form view.TokenForm) *view.Problem {
	if len(form.Scopes) == 0 {
		return &view.Problem{Message: "The token would be for nothing.", Hint: "Choose what it may do.", Field: "scope"}
	}
	if sees.who.Admin {
		return nil // the agent checks the rest
	}
	if len(form.Servers) == 0 {
		return &view.Problem{Message: "The token is for no server.", Hint: "Choose at least one.", Field: "server"}
	}
	for _, server := range form.Servers {
		for _, scope := range form.Scopes {
			known := slices.ContainsFunc(tokenScopes(), func(e right.Entry) bool { return string(e.Right) == scope })
			if !known || !sees.has("server/"+server, right.Right(scope)) {
				return &view.Problem{Message: "You do not have the right " + cut(scope) + " on the server " + cut(server) + " yourself.", Hint: "Choose less, or ask its owner."}
			}
		}
	}
	return nil
}

func readDays(text string) (*time.Time, *view.Problem) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 3650 {
		return nil, &view.Problem{Message: "A token works for 1 to 3650 days.", Hint: "Leave it empty for one without an end.", Field: "days"}
	}
	at := time.Now().AddDate(0, 0, n).UTC()
	return &at, nil
}

func (p *Panel) tokenRevoke(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	id := param(r, "id")
	own, err := agent.Tokens(r.Context(), personOf(r).Name)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(own, func(t api.Token) bool { return t.ID == id }) {
		return errNothing("token", id) // also for somebody else's
	}
	if err := agent.RevokeToken(r.Context(), id); err != nil && !client.Is(err, client.CodeNotFound) {
		return err
	}
	return p.done(w, r, "/account/tokens/"+p.hostName(r), "The token does not work any more.")
}

func (p *Panel) personRevokeTokens(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Every token of this person is revoked, on a host that is down as soon as it is back.", func(ctx context.Context, a account.Account) error {
		return p.revokeTokens(ctx, a.Name)
	})
}
