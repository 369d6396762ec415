package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

// gift is what a person makes belong to somebody else.
type gift struct {
	kind, name string
	owner      string
	server     string // id, of a server
}

// gift asks the agent whose the request's object is.
func (p *Panel) gift(r *http.Request) (gift, error) {
	agent, err := p.agent(r)
	if err != nil {
		return gift{}, err
	}
	kind, name, _ := strings.Cut(sceneOf(r).subject, "/")
	out := gift{kind: kind, name: name}
	switch kind {
	case "server":
		found, failure := agent.Server(r.Context(), name)
		out.owner, out.server, err = found.Owner, found.ID, failure
	case "overlay":
		found, failure := agent.Overlay(r.Context(), name)
		out.owner, err = found.Owner, failure
	case "blueprint":
		found, failure := agent.Blueprint(r.Context(), name)
		out.owner, err = found.Owner, failure
	default:
		err = errNoPage
	}
	return out, err
}

// hand tells the agent.
func (g gift) hand(ctx context.Context, agent *client.Client, to string) error {
	in, err := api.OwnerChange{Owner: to}, error(nil)
	switch g.kind {
	case "server":
		_, err = agent.GiveServer(ctx, g.name, in)
	case "overlay":
		_, err = agent.GiveOverlay(ctx, g.name, in)
	case "blueprint":
		_, err = agent.GiveBlueprint(ctx, g.name, in)
	}
	return err
}

func (p *Panel) giveForm(w http.ResponseWriter, r *http.Request) error {
	g, err := p.gift(r)
	if err != nil {
		return err
	}
	return p.showGive(w, r, http.StatusOK, g, nil)
}

func (p *Panel) showGive(w http.ResponseWriter, r *http.Request, status int, g gift, problem *view.Problem) error {
	page := p.page(r, g.kind+"s", "Give "+g.name)
	data := view.GiveData{Kind: g.kind, Name: g.name, Owner: g.owner, To: r.PostFormValue("person")}
	return p.render(w, r, status, view.Give(page, data, problem))
}

// give makes something belong to somebody else. What the person before had because of it ends at once.
func (p *Panel) give(w http.ResponseWriter, r *http.Request) error {
	g, err := p.gift(r)
	if err != nil {
		return err
	}
	to, problem, err := p.receiver(r, g)
	if err != nil {
		return err
	}
	if problem != nil {
		return p.showGive(w, r, http.StatusBadRequest, g, problem)
	}
	note(r, "from %s to %s", orNobody(g.owner), orNobody(to.Name))
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	if err := g.hand(r.Context(), agent, to.Name); err != nil {
		problem, status := problemOf(err)
		return p.showGive(w, r, status, g, problem)
	}
	if err := p.settle(background(r), p.hostName(r), g, to); err != nil {
		return err
	}
	said := fmt.Sprintf("%s belongs to %s now.", g.name, orNobody(to.Name))
	if personOf(r).Admin() {
		return p.done(w, r, p.url(r, g.kind+"s", g.name), said)
	}
	return p.done(w, r, p.url(r, g.kind+"s"), said)
}

// receiver returns the account that is to own the gift; without a name it is nobody, which only administrators choose.
func (p *Panel) receiver(r *http.Request, g gift) (account.Account, *view.Problem, error) {
	refuse := func(message, hint string) (account.Account, *view.Problem, error) {
		return account.Account{}, &view.Problem{Message: message, Hint: hint, Field: "person"}, nil
	}
	if r.PostFormValue("nobody") != "" && personOf(r).Admin() {
		return account.Account{}, nil, nil
	}
	found, err := p.Accounts.Find(r.Context(), strings.TrimSpace(r.PostFormValue("person")))
	switch {
	case errors.Is(err, account.ErrNotFound):
		return refuse("There is no account with that name.", "Ask the person for their name here, or an administrator for an invitation.")
	case err != nil:
		return account.Account{}, nil, err
	case found.Name == g.owner:
		return refuse("This is the owner already.", "Choose somebody else.")
	case found.DisabledAt != nil:
		return refuse("This account is disabled.", "Choose somebody who can look after it.")
	case personOf(r).Admin():
		return found, nil, nil
	}
	agent, err := p.agent(r)
	if err != nil {
		return account.Account{}, nil, err
	}
	sees, err := p.sightOf(r, agent, person{Account: found, signedIn: true})
	if err != nil {
		return account.Account{}, nil, err
	}
	if limit := limitOf(found, g.kind); !found.Admin() && limit != account.Unlimited && sees.owned(g.kind) >= limit {
		return refuse(fmt.Sprintf("This account may not own more %ss on this host.", g.kind), "Ask an administrator to give it, or to allow more.")
	}
	return found, nil, nil
}

// settle takes away what somebody had on a server because it was theirs: tokens for it. What it was shared with stays, but
// its owner needs no share.
func (p *Panel) settle(ctx context.Context, host string, g gift, to account.Account) error {
	if g.kind != "server" {
		return p.holdOn(ctx, host)
	}
	if to.ID != 0 {
		if err := p.Accounts.RemoveShare(ctx, host, g.server, to.ID); err != nil {
			return err
		}
	}
	before, err := p.Accounts.Find(ctx, g.owner)
	if errors.Is(err, account.ErrNotFound) || err == nil && before.Admin() {
		return nil // nobody's tokens, or those of somebody who may do everything anyway
	}
	if err != nil {
		return err
	}
	return p.revokeTokensFor(ctx, host, before.Name, g.server)
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}
