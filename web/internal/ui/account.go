package ui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

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
	if err := p.begin(r, made); err != nil {
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
		return again(http.StatusTooManyRequests, tooMany)
	}
	if len(password) > account.MaxPassword {
		password = "" // hashing it would be work for nothing
	}
	found, err := p.Accounts.Authenticate(r.Context(), name, password)
	if errors.Is(err, account.ErrNotFound) {
		p.noteTry(r, name)
		return again(http.StatusUnauthorized, view.Problem{Message: "Name or password is wrong.", Hint: "Try again."})
	}
	if errors.Is(err, account.ErrDisabled) {
		p.noteTry(r, name)
		return again(http.StatusForbidden, view.Problem{Message: "This account is disabled.", Hint: "Ask an administrator."})
	}
	if err != nil {
		return err
	}
	if found.TwoFactor() {
		sceneOf(r).actor = found.Name
		note(r, "password right, code asked for")
		return p.askCode(w, r, found, next)
	}
	p.throttle.forget(r, name)
	if err := p.begin(r, found); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// noteTry names the account that was tried. Other names are not written down: people type passwords into that field.
func (p *Panel) noteTry(r *http.Request, name string) {
	if found, err := p.Accounts.Find(r.Context(), name); err == nil {
		sceneOf(r).target = "account/" + found.Name
	}
}

// begin signs an account in, under a new token: one that somebody planted before is worth nothing.
func (p *Panel) begin(r *http.Request, a account.Account) error {
	ctx := r.Context()
	if err := p.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if old := p.sessions.GetInt64(ctx, sessionSignIn); old != 0 {
		// The session goes on under another token; the list shows it once.
		if err := p.Accounts.SignOut(ctx, p.sessions.GetInt64(ctx, sessionAccount), old); err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
	}
	signIn, err := p.Accounts.SignIn(ctx, a.ID, remote(r), r.UserAgent())
	if err != nil {
		return err
	}
	p.sessions.Remove(ctx, sessionPending)
	p.sessions.Put(ctx, sessionAccount, a.ID)
	p.sessions.Put(ctx, sessionSignIn, signIn)
	p.sessions.Put(ctx, sessionEpoch, a.Epoch)
	sceneOf(r).actor = a.Name
	return nil
}

func (p *Panel) signOut(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	err := p.Accounts.SignOut(ctx, personOf(r).ID, p.sessions.GetInt64(ctx, sessionSignIn))
	if err != nil && !errors.Is(err, account.ErrNotFound) { // it was ended from elsewhere meanwhile
		return err
	}
	if err := p.sessions.Destroy(ctx); err != nil {
		return err
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

func (p *Panel) accountPage(w http.ResponseWriter, r *http.Request) error {
	return p.showAccount(w, r, http.StatusOK, nil)
}

func (p *Panel) showAccount(w http.ResponseWriter, r *http.Request, status int, problem *view.Problem) error {
	ctx, who := r.Context(), personOf(r)
	data := view.AccountData{Person: who.Account, Present: p.sessions.GetInt64(ctx, sessionSignIn)}
	var err error
	if data.SignIns, err = p.Accounts.SignIns(ctx, who.ID); err != nil {
		return err
	}
	if data.Recovery, err = p.Accounts.RecoveryCodes(ctx, who.ID); err != nil {
		return err
	}
	return p.render(w, r, status, view.Account(p.page(r, "account", "Account"), data, problem))
}

// confirmed checks the present password before something about the account itself changes. problem is what to show
// when it is wrong, or was tried too often.
func (p *Panel) confirmed(r *http.Request) (problem *view.Problem, err error) {
	who := personOf(r)
	if !p.throttle.allowed(r, who.Name) {
		problem := tooMany
		return &problem, nil
	}
	_, err = p.Accounts.Authenticate(r.Context(), who.Name, r.PostFormValue("current"))
	if errors.Is(err, account.ErrNotFound) {
		return &view.Problem{Message: "The present password is wrong.", Hint: "Try again.", Field: "current"}, nil
	}
	if err == nil {
		p.throttle.forget(r, who.Name)
	}
	return nil, err
}

func (p *Panel) changePassword(w http.ResponseWriter, r *http.Request) error {
	problem, err := p.confirmed(r)
	if err != nil {
		return err
	}
	password := r.PostFormValue("password")
	if problem == nil {
		problem = checkPassword(password)
	}
	if problem != nil {
		return p.showAccount(w, r, http.StatusBadRequest, problem)
	}
	changed, err := p.Accounts.SetPassword(r.Context(), personOf(r).ID, password)
	if err != nil {
		return err
	}
	if err := p.begin(r, changed); err != nil {
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

func (p *Panel) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(param(r, "id"), 10, 64)
	if err != nil {
		return errNoPage
	}
	err = p.Accounts.SignOut(r.Context(), personOf(r).ID, id)
	if errors.Is(err, account.ErrNotFound) {
		return errNoPage // also for somebody else's
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/account", "That session is signed out.")
}

var tooMany = view.Problem{Message: "Too many tries.", Hint: "Wait a quarter of an hour."}

func checkName(name string) *view.Problem {
	if !account.ValidName(name) {
		return &view.Problem{Message: "A name has 1 to 64 letters, digits and . _ @ + -, and begins with a letter or digit.", Hint: "Choose another.", Field: "name"}
	}
	return nil
}

func checkPassword(password string) *view.Problem {
	if len(password) < account.MinPassword || len(password) > account.MaxPassword {
		return &view.Problem{Message: "A password has 10 to 200 bytes.", Hint: "A few words make a good one.", Field: "password"}
	}
	return nil
}
