package ui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) invitations(w http.ResponseWriter, r *http.Request) error {
	return p.showInvitations(w, r, http.StatusOK, view.InvitationForm{Role: account.RoleUser}, "", nil)
}

func (p *Panel) showInvitations(w http.ResponseWriter, r *http.Request, status int, form view.InvitationForm, link string, problem *view.Problem) error {
	open, err := p.Accounts.Invitations(r.Context())
	if err != nil {
		return err
	}
	return p.render(w, r, status, view.Invitations(p.page(r, "people", "Invitations"), open, form, link, problem))
}

func (p *Panel) invite(w http.ResponseWriter, r *http.Request) error {
	form := view.InvitationForm{Note: strings.TrimSpace(r.PostFormValue("note")), Role: r.PostFormValue("role"),
		Servers: r.PostFormValue("servers"), Overlays: r.PostFormValue("overlays"), Blueprints: r.PostFormValue("blueprints")}
	role, problem := readRole(r)
	limits, wrong := readLimits(r)
	if problem == nil {
		problem = wrong
	}
	if problem == nil && len(form.Note) > 200 {
		problem = &view.Problem{Message: "The note is longer than 200 bytes.", Hint: "Make it shorter.", Field: "note"}
	}
	if problem != nil {
		return p.showInvitations(w, r, http.StatusBadRequest, form, "", problem)
	}
	secret, err := p.Accounts.Invite(r.Context(), account.Link{Role: role, Limits: limits, Note: form.Note, CreatedBy: personOf(r).Name})
	if err != nil {
		return err
	}
	note(r, "role %s, limits %s, for %q", role, limits, form.Note)
	return p.showInvitations(w, r, http.StatusOK, view.InvitationForm{Role: account.RoleUser}, p.absolute(r, "/welcome?token="+secret), nil)
}

func (p *Panel) invitationRevoke(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(param(r, "id"), 10, 64)
	if err != nil {
		return errNoPage
	}
	err = p.Accounts.RevokeInvitation(r.Context(), id)
	if isLinkError(err) {
		return errNoPage
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/invitations", "The link does not work any more.")
}

// linkForm is what an invitation, or a link to a new password, leads to.
func (p *Panel) linkForm(w http.ResponseWriter, r *http.Request) error {
	secret := r.URL.Query().Get("token")
	l, err := p.Accounts.OpenLink(r.Context(), secret)
	if err != nil {
		return p.badLink(w, r, err)
	}
	return p.showLink(w, r, http.StatusOK, l, secret, "", nil)
}

func (p *Panel) showLink(w http.ResponseWriter, r *http.Request, status int, l account.Link, secret, name string, problem *view.Problem) error {
	if l.AccountID == 0 {
		return p.render(w, r, status, view.Welcome(p.page(r, "", "Welcome"), secret, name, problem))
	}
	a, err := p.Accounts.Get(r.Context(), l.AccountID)
	if errors.Is(err, account.ErrNotFound) {
		return p.badLink(w, r, account.ErrLink)
	}
	if err != nil {
		return err
	}
	return p.render(w, r, status, view.NewPassword(p.page(r, "", "New password"), secret, a.Name, problem))
}

func (p *Panel) badLink(w http.ResponseWriter, r *http.Request, err error) error {
	if !isLinkError(err) {
		return err
	}
	problem := view.Problem{Message: "This link is wrong, was used already or is too old.", Hint: "Ask for a new one, or sign in."}
	return p.render(w, r, http.StatusForbidden, view.Failure(p.page(r, "", "Welcome"), problem))
}

func (p *Panel) useLink(w http.ResponseWriter, r *http.Request) error {
	secret, name, password := r.PostFormValue("token"), strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("password")
	l, err := p.Accounts.OpenLink(r.Context(), secret)
	if err != nil {
		return p.badLink(w, r, err)
	}
	problem := checkPassword(password)
	if l.AccountID == 0 {
		if wrong := checkName(name); wrong != nil {
			problem = wrong
		}
	}
	if problem != nil {
		return p.showLink(w, r, http.StatusBadRequest, l, secret, name, problem)
	}
	if l.AccountID != 0 {
		return p.resetPassword(w, r, secret, password)
	}
	made, err := p.Accounts.Accept(r.Context(), secret, name, password)
	if errors.Is(err, account.ErrTaken) {
		return p.showLink(w, r, http.StatusConflict, l, secret, name, &view.Problem{Message: "The name is taken.", Hint: "Choose another.", Field: "name"})
	}
	if err != nil {
		return p.badLink(w, r, err)
	}
	sceneOf(r).target = "account/" + made.Name
	note(r, "invited by %s as %s", l.CreatedBy, l.Role)
	if err := p.begin(r, made); err != nil {
		return err
	}
	return p.done(w, r, "/", "Welcome. This is the dashboard: every server is a card.")
}

// resetPassword does not sign in: a second factor is still asked for.
func (p *Panel) resetPassword(w http.ResponseWriter, r *http.Request, secret, password string) error {
	changed, err := p.Accounts.ResetPassword(r.Context(), secret, password)
	if err != nil {
		return p.badLink(w, r, err)
	}
	sceneOf(r).target, sceneOf(r).actor = "account/"+changed.Name, changed.Name
	note(r, "new password by a link")
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}
