package ui

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) shares(w http.ResponseWriter, r *http.Request) error {
	return p.showShares(w, r, http.StatusOK, "", nil)
}

func (p *Panel) showShares(w http.ResponseWriter, r *http.Request, status int, name string, problem *view.Problem) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	data := view.SharesData{With: name, Rights: right.Shareable()}
	if data.Server, err = agent.Server(r.Context(), param(r, "name")); err != nil {
		return err
	}
	list, err := p.Accounts.Shares(r.Context(), p.hostName(r), data.Server.ID)
	if err != nil {
		return err
	}
	for _, share := range list {
		data.Shares = append(data.Shares, view.Shared{Name: share.Name, Rights: right.ParseSet(share.Rights), By: share.GivenBy, At: share.GivenAt})
	}
	return p.render(w, r, status, view.Shares(p.page(r, "servers", "Who may use "+data.Server.Name), data, problem))
}

// share gives one person rights on a server, changes them, or takes them all back.
func (p *Panel) share(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	server, err := agent.Server(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	name := strings.TrimSpace(r.PostFormValue("person"))
	found, err := p.Accounts.Find(r.Context(), name)
	if errors.Is(err, account.ErrNotFound) {
		return p.showShares(w, r, http.StatusBadRequest, name, &view.Problem{Message: "There is no account with that name.",
			Hint: "Ask the person for their name here, or an administrator for an invitation.", Field: "person"})
	}
	if err != nil {
		return err
	}
	if found.Name == server.Owner {
		return p.showShares(w, r, http.StatusBadRequest, name, &view.Problem{Message: "This is the owner, who may do everything already.", Hint: "Choose somebody else.", Field: "person"})
	}
	rights := right.ParseSet(strings.Join(r.PostForm["right"], " "))
	if len(rights) > 0 && !rights.Has(right.ServerView) {
		rights = append(right.Set{right.ServerView}, rights...)
	}
	note(r, "%s may %s", found.Name, orNothing(rights))
	if err := p.putShare(r, server, found, rights); err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "servers", server.Name, "people"), "Saved.")
}

func orNothing(rights right.Set) string {
	if len(rights) == 0 {
		return "nothing any more"
	}
	return rights.String()
}

// putShare stores what a person may do. Tokens that could do more are revoked.
func (p *Panel) putShare(r *http.Request, server api.Server, a account.Account, rights right.Set) error {
	ctx, host := r.Context(), p.hostName(r)
	text, err := p.Accounts.ShareOf(ctx, host, server.ID, a.ID)
	if err != nil {
		return err
	}
	if len(rights) == 0 {
		err = p.Accounts.RemoveShare(ctx, host, server.ID, a.ID)
	} else {
		err = p.Accounts.PutShare(ctx, account.Share{Host: host, Server: server.ID, AccountID: a.ID, Rights: rights.String(), GivenBy: personOf(r).Name})
	}
	less := slices.ContainsFunc(right.ParseSet(text), func(had right.Right) bool { return !rights.Has(had) })
	if err != nil || !less {
		return err
	}
	return p.revokeTokensFor(ctx, host, a.Name, server.ID)
}
