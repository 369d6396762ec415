package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

// crowd fills the panel with people, what they share, and a host that is down.
func crowd(p *panel) {
	p.t.Helper()
	ctx := p.t.Context()
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	bob, err := p.accounts.Create(ctx, "bob", testPassword, account.RoleUser)
	must(err)
	long, err := p.accounts.Create(ctx, strings.Repeat("very-long.", 6)+"name", testPassword, account.RoleUser)
	must(err)
	must(p.accounts.SetDisabled(ctx, long.ID, true))
	_, err = p.accounts.SignIn(ctx, bob.ID, "2001:db8:85a3::8a2e:370:7334", "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0")
	must(err)
	_, err = p.accounts.Invite(ctx, account.Link{Role: account.RoleUser, Limits: account.Limits{Servers: 2, Overlays: 5, Blueprints: account.Unlimited}, Note: `<b>Zoë</b> ☢ קואצ'`, CreatedBy: testName})
	must(err)
	server, err := p.agent.Client.Server(ctx, "campaign-night")
	must(err)
	must(p.accounts.PutShare(ctx, account.Share{Host: "local", Server: server.ID, AccountID: bob.ID, Rights: right.Set{right.ServerView, right.ServerPower}.String(), GivenBy: testName}))
	_, err = p.agent.Client.As(testName).CreateToken(ctx, api.TokenCreate{Name: "stats-bot", Scopes: []string{api.ScopeServerView, api.ScopeServerPlayers}, Servers: []string{"campaign-night"}})
	must(err)
	for _, e := range []account.Entry{
		{Actor: testName, Action: "server.command", Host: "local", Target: "server/campaign-night", Address: "2001:db8::1", Status: http.StatusOK, Detail: `say "<script>alert(1)</script>" ☢ ` + "\u202eסוף"},
		{Actor: "bob", Action: "server.delete", Host: "local", Target: "server/versus", Address: "192.0.2.7", Status: http.StatusForbidden},
		{Action: "sign-in", Target: "account/bob", Address: "203.0.113.200", Status: http.StatusUnauthorized}} {
		must(p.accounts.Record(ctx, e))
	}
	p.handler.Register(p.t, "gone", "https://127.0.0.1:1")
}

// The pages before signing in, and those that show something once, in every colour and width and without a barrier.
func TestPagesAroundSigningIn(t *testing.T) {
	source := axe(t)
	p := newPanel(t)
	token, err := account.SetupToken(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	c := newChromium(t)
	look := func(name, path string) {
		t.Helper()
		for _, colours := range []string{"light", "dark"} {
			for _, width := range []int64{390, 1440} {
				c.look(width, colours)
				c.open(p.URL + path)
				c.picture(name + "-" + colours + "-" + map[bool]string{true: "390", false: "1440"}[width == 390])
				c.barriers(name+" in "+colours, source)
			}
		}
	}
	look("set-up", "/setup?token="+url.QueryEscape(token))
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	ada, err := p.accounts.Find(t.Context(), testName)
	if err != nil {
		t.Fatal(err)
	}
	if !ada.Admin() {
		t.Error("the first account is no administrator")
	}
	// Two-factor sign-in, on a phone.
	c.open(p.URL + "/account/two-factor")
	c.typeInto("#current", testPassword+"\r")
	c.sees("#secret")
	look("two-factor-begun", "/account/two-factor")
	secret := strings.ReplaceAll(eval[string](c, `document.querySelector("#secret").textContent.trim()`), " ", "")
	code := func(at time.Time) string {
		out, err := totp.GenerateCode(secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	c.typeInto("#code", code(time.Now().Add(-30*time.Second))+"\r")
	c.sees("#codes")
	c.picture("recovery-codes")
	c.barriers("recovery codes", source)
	recovery := strings.Fields(eval[string](c, `document.querySelector("#codes").textContent`))
	if len(recovery) != 10 {
		t.Errorf("recovery codes: %q", recovery)
	}
	// An invitation, from the link to the new person's dashboard.
	c.open(p.URL + "/invitations")
	c.typeInto("#servers", "1")
	c.click("form.card button")
	c.sees("#link")
	c.picture("invitation-link")
	link := eval[string](c, `document.querySelector("#link").textContent.trim()`)
	c.click(`form[action="/sign-out"] button`)
	c.sees("#password")
	look("welcome", strings.TrimPrefix(link, p.URL))
	c.typeInto("#name", "eve")
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	c.says(".side", "Servers")
	if text := eval[string](c, `document.querySelector(".side").textContent`); strings.Contains(text, "People") {
		t.Errorf("a user is offered what administrators do: %s", text)
	}
	c.click(`form[action="/sign-out"] button`)
	c.sees("#name")
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees("#code")
	look("sign-in-code", "/sign-in/code")
	c.typeInto("#code", recovery[0]+"\r")
	c.sees(".side")
}
