package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) people(w http.ResponseWriter, r *http.Request) error {
	list, err := p.Accounts.List(r.Context())
	if err != nil {
		return err
	}
	open, err := p.Accounts.Invitations(r.Context())
	if err != nil {
		return err
	}
	return p.show(w, r, view.People(p.page(r, "people", "People"), list, len(open)))
}

// account returns the account that the address names.
func (p *Panel) account(r *http.Request) (account.Account, error) {
	a, err := p.Accounts.Find(r.Context(), param(r, "name"))
	if errors.Is(err, account.ErrNotFound) {
		return a, errNothing("account", param(r, "name"))
	}
	return a, err
}

func (p *Panel) person(w http.ResponseWriter, r *http.Request) error {
	return p.showPerson(w, r, http.StatusOK, "", nil)
}

func (p *Panel) showPerson(w http.ResponseWriter, r *http.Request, status int, link string, problem *view.Problem) error {
	a, err := p.account(r)
	if err != nil {
		return err
	}
	data := view.PersonData{Person: a, Link: link}
	if data.SignIns, err = p.Accounts.SignIns(r.Context(), a.ID); err != nil {
		return err
	}
	data.Hosts = eachHost(r.Context(), p.hosts.list(), func(ctx context.Context, host Host) (view.Owned, error) {
		return p.owned(ctx, host, a)
	})
	return p.render(w, r, status, view.Person(p.page(r, "people", a.Name), data, problem))
}

// owned lists what a person owns on a host, and what others shared with them.
func (p *Panel) owned(ctx context.Context, host Host, a account.Account) (view.Owned, error) {
	var out view.Owned
	servers, err := host.Client.Servers(ctx)
	if err != nil {
		return out, err
	}
	overlays, err := host.Client.Overlays(ctx)
	if err != nil {
		return out, err
	}
	blueprints, err := host.Client.Blueprints(ctx)
	if err != nil {
		return out, err
	}
	names := map[string]string{}
	for _, x := range servers {
		names[x.ID] = x.Name
		if x.Owner == a.Name {
			out.Servers = append(out.Servers, x.Name)
		}
	}
	for _, x := range overlays {
		if x.Owner == a.Name {
			out.Overlays = append(out.Overlays, x.Name)
		}
	}
	for _, x := range blueprints {
		if x.Owner == a.Name {
			out.Blueprints = append(out.Blueprints, x.Name)
		}
	}
	shares, err := p.Accounts.SharesOf(ctx, host.Name, a.ID)
	for _, share := range shares {
		if name, ok := names[share.Server]; ok {
			out.Shared = append(out.Shared, view.SharedServer{Name: name, Rights: share.Rights})
		}
	}
	return out, err
}

// readLimits reads the fields of a form. Empty is no limit.
func readLimits(r *http.Request) (account.Limits, *view.Problem) {
	limits := account.NoLimits()
	for name, target := range map[string]*int{"servers": &limits.Servers, "overlays": &limits.Overlays, "blueprints": &limits.Blueprints} {
		text := strings.TrimSpace(r.PostFormValue(name))
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 10_000 {
			return limits, &view.Problem{Message: "A limit is a number from 0 to 10000.", Hint: "Leave it empty for no limit.", Field: name}
		}
		*target = n
	}
	return limits, nil
}

func readRole(r *http.Request) (string, *view.Problem) {
	role := r.PostFormValue("role")
	if role != account.RoleAdmin && role != account.RoleUser {
		return "", &view.Problem{Message: "There is no such role.", Hint: "Choose one.", Field: "role"}
	}
	return role, nil
}

func (p *Panel) personSave(w http.ResponseWriter, r *http.Request) error {
	role, problem := readRole(r)
	limits, wrong := readLimits(r)
	if problem == nil {
		problem = wrong
	}
	if problem != nil {
		return p.showPerson(w, r, http.StatusBadRequest, "", problem)
	}
	note(r, "role %s, limits %s", role, limits)
	return p.change(w, r, "Saved.", func(ctx context.Context, a account.Account) error {
		if err := p.Accounts.SetRole(ctx, a.ID, role, limits); err != nil || role == a.Role || !a.Admin() {
			return err
		}
		return p.revokeTokens(ctx, a.Name) // they could do what only administrators may
	})
}

// change does something to the account that the address names, and shows it again.
func (p *Panel) change(w http.ResponseWriter, r *http.Request, flash string, do func(context.Context, account.Account) error) error {
	a, err := p.account(r)
	if err != nil {
		return err
	}
	err = do(r.Context(), a)
	if errors.Is(err, account.ErrLastAdmin) {
		return p.showPerson(w, r, http.StatusConflict, "", &view.Problem{Message: "Nobody would be left to look after the panel.",
			Hint: "Make somebody else an administrator first."})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/people/"+a.Name, flash)
}

func (p *Panel) personDisable(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Disabled. Every session is signed out and every token is revoked.", func(ctx context.Context, a account.Account) error {
		if err := p.Accounts.SetDisabled(ctx, a.ID, true); err != nil {
			return err
		}
		return p.revokeTokens(ctx, a.Name)
	})
}

func (p *Panel) personEnable(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Enabled.", func(ctx context.Context, a account.Account) error { return p.Accounts.SetDisabled(ctx, a.ID, false) })
}

func (p *Panel) personTwoFactorOff(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Two-factor sign-in is off for this account.", func(ctx context.Context, a account.Account) error {
		return p.Accounts.RemoveTOTP(ctx, a.ID)
	})
}

func (p *Panel) personSignOut(w http.ResponseWriter, r *http.Request) error {
	return p.change(w, r, "Signed out everywhere.", func(ctx context.Context, a account.Account) error {
		return p.Accounts.SignOutEverywhere(ctx, a.ID)
	})
}

func (p *Panel) personReset(w http.ResponseWriter, r *http.Request) error {
	a, err := p.account(r)
	if err != nil {
		return err
	}
	secret, err := p.Accounts.ResetLink(r.Context(), a.ID, personOf(r).Name)
	if err != nil {
		return err
	}
	return p.showPerson(w, r, http.StatusOK, p.absolute(r, "/welcome?token="+secret), nil)
}

// absolute returns an address of this panel as the browser knows it, to be handed to somebody.
func (p *Panel) absolute(r *http.Request, path string) string {
	scheme := "https"
	if p.InsecureCookies && r.TLS == nil {
		scheme = "http"
	}
	return scheme + "://" + r.Host + path
}

func (p *Panel) personConfirm(w http.ResponseWriter, r *http.Request) error {
	a, err := p.account(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Confirm(p.page(r, "people", "Delete "+a.Name), "Removes the account, its sessions, its tokens and what was shared with it. "+
		"Its servers, overlays and blueprints stay, and administrators look after them.",
		"The name is not given to anybody else.", "Delete account", "/people/"+a.Name))
}

func (p *Panel) personDelete(w http.ResponseWriter, r *http.Request) error {
	a, err := p.account(r)
	if err != nil {
		return err
	}
	err = p.Accounts.Delete(r.Context(), a.ID)
	if errors.Is(err, account.ErrLastAdmin) {
		return &client.Error{Code: client.CodeConflict, Status: http.StatusConflict, Message: "Nobody would be left to look after the panel.",
			Hint: "Make somebody else an administrator first."}
	}
	if err != nil {
		return err
	}
	if err := p.revokeTokens(r.Context(), a.Name); err != nil {
		return err
	}
	return p.done(w, r, "/people", fmt.Sprintf("Account %s is deleted.", a.Name))
}
