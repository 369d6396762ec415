package ui

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

// codeTime is how long the code may take after the password.
const codeTime = 10 * time.Minute

// askCode remembers whose password was right and asks for the code. The token is new here already: whoever planted the
// old one must not get half-way.
func (p *Panel) askCode(w http.ResponseWriter, r *http.Request, a account.Account, next string) error {
	ctx := r.Context()
	if err := p.sessions.RenewToken(ctx); err != nil {
		return err
	}
	p.sessions.Put(ctx, sessionPending, a.ID)
	p.sessions.Put(ctx, sessionSince, time.Now().Unix())
	http.Redirect(w, r, "/sign-in/code?next="+url.QueryEscape(next), http.StatusSeeOther)
	return nil
}

// pending returns whose code is awaited.
func (p *Panel) pending(r *http.Request) (account.Account, bool) {
	ctx := r.Context()
	id := p.sessions.GetInt64(ctx, sessionPending)
	if id == 0 || time.Since(time.Unix(p.sessions.GetInt64(ctx, sessionSince), 0)) > codeTime {
		return account.Account{}, false
	}
	a, err := p.Accounts.Get(ctx, id)
	return a, err == nil && a.DisabledAt == nil
}

func (p *Panel) codeForm(w http.ResponseWriter, r *http.Request) error {
	if _, ok := p.pending(r); !ok {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return nil
	}
	return p.show(w, r, view.SignInCode(p.page(r, "", "Sign in"), local(r.URL.Query().Get("next")), nil))
}

func (p *Panel) signInCode(w http.ResponseWriter, r *http.Request) error {
	next := local(r.PostFormValue("next"))
	a, ok := p.pending(r)
	if !ok {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return nil
	}
	sceneOf(r).target = "account/" + a.Name
	again := func(status int, problem view.Problem) error {
		return p.render(w, r, status, view.SignInCode(p.page(r, "", "Sign in"), next, &problem))
	}
	// Counted like passwords: six digits are guessed sooner than one.
	if !p.throttle.allowed(r, a.Name) {
		return again(http.StatusTooManyRequests, tooMany)
	}
	err := p.Accounts.CheckCode(r.Context(), a.ID, r.PostFormValue("code"))
	if errors.Is(err, account.ErrCode) {
		return again(http.StatusUnauthorized, view.Problem{Message: "The code is wrong or was used already.", Hint: "Wait for the next one, or use a recovery code.", Field: "code"})
	}
	if err != nil {
		return err
	}
	p.throttle.forget(r, a.Name)
	if err := p.begin(r, a); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (p *Panel) twoFactor(w http.ResponseWriter, r *http.Request) error {
	return p.showTwoFactor(w, r, http.StatusOK, nil)
}

func (p *Panel) showTwoFactor(w http.ResponseWriter, r *http.Request, status int, problem *view.Problem) error {
	ctx, who := r.Context(), personOf(r)
	data := view.TwoFactorData{On: who.TwoFactor(), Since: who.TOTPSince}
	if codes := p.sessions.PopString(ctx, sessionCodes); codes != "" {
		data.Codes = strings.Fields(codes)
	}
	var err error
	if data.Left, err = p.Accounts.RecoveryCodes(ctx, who.ID); err != nil {
		return err
	}
	if !data.On && who.TOTPSecret != "" {
		if data.Secret, data.Picture, err = authenticator(who.Account); err != nil {
			return err
		}
	}
	return p.render(w, r, status, view.TwoFactor(p.page(r, "account", "Two-factor sign-in"), data, problem))
}

// authenticator returns a secret in groups for people, and as a picture for cameras.
func authenticator(a account.Account) (secret, picture string, err error) {
	key, err := account.TOTPKey(a, "left4me")
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	image, err := key.Image(240, 240)
	if err != nil {
		return "", "", fmt.Errorf("draw a key: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, image); err != nil {
		return "", "", fmt.Errorf("draw a key: %w", err)
	}
	var groups []string
	for rest := key.Secret(); rest != ""; rest = rest[min(4, len(rest)):] {
		groups = append(groups, rest[:min(4, len(rest))])
	}
	return strings.Join(groups, " "), "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

func (p *Panel) twoFactorBegin(w http.ResponseWriter, r *http.Request) error {
	problem, err := p.confirmed(r)
	if err != nil {
		return err
	}
	if problem != nil {
		return p.showTwoFactor(w, r, http.StatusBadRequest, problem)
	}
	if _, err := p.Accounts.BeginTOTP(r.Context(), personOf(r).ID); err != nil {
		return err
	}
	return p.done(w, r, "/account/two-factor", "")
}

func (p *Panel) twoFactorOn(w http.ResponseWriter, r *http.Request) error {
	who := personOf(r)
	if !p.throttle.allowed(r, who.Name) {
		problem := tooMany
		return p.showTwoFactor(w, r, http.StatusTooManyRequests, &problem)
	}
	codes, err := p.Accounts.ConfirmTOTP(r.Context(), who.ID, r.PostFormValue("code"))
	if errors.Is(err, account.ErrCode) {
		return p.showTwoFactor(w, r, http.StatusBadRequest, &view.Problem{Message: "The code does not fit.", Hint: "Check the clock of your phone and try the next one.", Field: "code"})
	}
	if err != nil {
		return err
	}
	p.throttle.forget(r, who.Name)
	return p.showCodes(w, r, codes, "Two-factor sign-in is on. Keep the recovery codes where your phone is not.")
}

func (p *Panel) showCodes(w http.ResponseWriter, r *http.Request, codes []string, flash string) error {
	p.sessions.Put(r.Context(), sessionCodes, strings.Join(codes, " "))
	return p.done(w, r, "/account/two-factor", flash)
}

func (p *Panel) twoFactorOff(w http.ResponseWriter, r *http.Request) error {
	problem, err := p.confirmed(r)
	if err != nil {
		return err
	}
	if problem != nil {
		return p.showTwoFactor(w, r, http.StatusBadRequest, problem)
	}
	if err := p.Accounts.RemoveTOTP(r.Context(), personOf(r).ID); err != nil {
		return err
	}
	return p.done(w, r, "/account", "Two-factor sign-in is off.")
}

func (p *Panel) newCodes(w http.ResponseWriter, r *http.Request) error {
	problem, err := p.confirmed(r)
	if err != nil {
		return err
	}
	if problem == nil && !personOf(r).TwoFactor() {
		problem = &view.Problem{Message: "Two-factor sign-in is off.", Hint: "Turn it on first."}
	}
	if problem != nil {
		return p.showTwoFactor(w, r, http.StatusBadRequest, problem)
	}
	codes, err := p.Accounts.RenewRecoveryCodes(r.Context(), personOf(r).ID)
	if err != nil {
		return err
	}
	return p.showCodes(w, r, codes, "New recovery codes. The old ones do not work any more.")
}
