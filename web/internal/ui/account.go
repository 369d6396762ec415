package ui

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) setupForm(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if err := p.Accounts.CheckSetupToken(r.Context(), token); err != nil {
		return p.badSetup(w, r, err)
	}
	return p.show(w, r, view.SetUp(p.page(r, "", "Set up"), token, "", nil))
}

func (p *Panel) badSetup(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, account.ErrSetupToken) {
		return err
	}
	problem := view.Problem{Message: "This set-up link is wrong or was used already.", Hint: "Sign in, or ask for a new link with: left4me-web setup-link"}
	return p.render(w, r, http.StatusForbidden, view.Failure(p.page(r, "", "Set up"), problem))
}

func (p *Panel) setUp(w http.ResponseWriter, r *http.Request) error {
	token, name, password := r.PostFormValue("token"), strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("password")
	if err := p.Accounts.CheckSetupToken(r.Context(), token); err != nil {
		return p.badSetup(w, r, err)
	}
	problem := checkName(name)
	if problem == nil {
		problem = checkPassword(password)
	}
	if problem != nil {
		return p.render(w, r, http.StatusBadRequest, view.SetUp(p.page(r, "", "Set up"), token, name, problem))
	}
	made, err := p.Accounts.SetUp(r.Context(), token, name, password)
	if err != nil {
		return p.badSetup(w, r, err)
	}
	if err := p.begin(r.Context(), made); err != nil {
		return err
	}
	return p.done(w, r, "/", "Welcome. This is the dashboard: every server is a card.")
}

func (p *Panel) signInForm(w http.ResponseWriter, r *http.Request) error {
	if personOf(r).signedIn {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	empty, err := p.Accounts.Empty(r.Context())
	if err != nil {
		return err
	}
	if empty {
		return p.show(w, r, view.NoSetUp(p.page(r, "", "Not set up yet")))
	}
	return p.show(w, r, view.SignIn(p.page(r, "", "Sign in"), local(r.URL.Query().Get("next")), "", nil))
}

func (p *Panel) signIn(w http.ResponseWriter, r *http.Request) error {
	name, password, next := strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("password"), local(r.PostFormValue("next"))
	again := func(status int, problem view.Problem) error {
		return p.render(w, r, status, view.SignIn(p.page(r, "", "Sign in"), next, name, &problem))
	}
	if !p.throttle.allowed(r, name) {
		return again(http.StatusTooManyRequests, view.Problem{Message: "Too many tries.", Hint: "Wait a quarter of an hour."})
	}
	if len(password) > account.MaxPassword {
		password = "" // hashing it would be work for nothing
	}
	found, err := p.Accounts.Authenticate(r.Context(), name, password)
	if errors.Is(err, account.ErrNotFound) {
		return again(http.StatusUnauthorized, view.Problem{Message: "Name or password is wrong.", Hint: "Try again."})
	}
	if err != nil {
		return err
	}
	p.throttle.forget(r, name)
	if err := p.begin(r.Context(), found); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// begin signs an account in, under a new token: one that somebody planted before is worth nothing.
func (p *Panel) begin(ctx context.Context, a account.Account) error {
	if err := p.sessions.RenewToken(ctx); err != nil {
		return err
	}
	p.sessions.Put(ctx, sessionAccount, a.ID)
	p.sessions.Put(ctx, sessionEpoch, a.Epoch)
	p.sessions.Put(ctx, sessionSeen, time.Now().Unix())
	return nil
}

func (p *Panel) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

func (p *Panel) accountPage(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, view.Account(p.page(r, "account", "Account"), nil))
}

func (p *Panel) changePassword(w http.ResponseWriter, r *http.Request) error {
	again := func(problem *view.Problem) error {
		return p.render(w, r, http.StatusBadRequest, view.Account(p.page(r, "account", "Account"), problem))
	}
	who := personOf(r)
	if !p.throttle.allowed(r, who.Name) {
		return again(&view.Problem{Message: "Too many tries.", Hint: "Wait a quarter of an hour."})
	}
	_, err := p.Accounts.Authenticate(r.Context(), who.Name, r.PostFormValue("current"))
	if errors.Is(err, account.ErrNotFound) {
		return again(&view.Problem{Message: "The present password is wrong.", Hint: "Try again.", Field: "current"})
	}
	if err != nil {
		return err
	}
	p.throttle.forget(r, who.Name)
	password := r.PostFormValue("password")
	if problem := checkPassword(password); problem != nil {
		return again(problem)
	}
	changed, err := p.Accounts.SetPassword(r.Context(), who.ID, password)
	if err != nil {
		return err
	}
	if err := p.begin(r.Context(), changed); err != nil {
		return err
	}
	return p.done(w, r, "/account", "Password changed. Other sessions are signed out.")
}

func (p *Panel) signOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	if err := p.Accounts.SignOutEverywhere(r.Context(), personOf(r).ID); err != nil {
		return err
	}
	return p.signOut(w, r)
}

func checkName(name string) *view.Problem {
	if name == "" || len(name) > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return &view.Problem{Message: "A name has 1 to 64 bytes and no control characters.", Hint: "Choose another.", Field: "name"}
	}
	return nil
}

func checkPassword(password string) *view.Problem {
	if len(password) < account.MinPassword || len(password) > account.MaxPassword {
		return &view.Problem{Message: "A password has 10 to 200 bytes.", Hint: "A few words make a good one.", Field: "password"}
	}
	return nil
}
