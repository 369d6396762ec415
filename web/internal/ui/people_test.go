package ui_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
)

// as posts a form as somebody and returns the answer.
func (p *panel) as(browser *http.Client, path string, form url.Values) answer {
	p.t.Helper()
	return p.do(browser, p.request(http.MethodPost, path, form))
}

func (p *panel) look(browser *http.Client, path string) answer {
	p.t.Helper()
	return p.do(browser, p.request(http.MethodGet, path, nil))
}

// shown returns what stands in an element, for what is shown once.
func (a answer) shown(id string) string {
	for _, tag := range []string{"pre", "p"} {
		for _, n := range a.all(tag, "id", id) {
			return text(n)
		}
	}
	return ""
}

func TestTwoFactorSignIn(t *testing.T) {
	p := signedIn(t)
	p.post("/account/two-factor/begin", url.Values{"current": {"wrong"}}, http.StatusBadRequest)
	p.post("/account/two-factor/begin", url.Values{"current": {testPassword}}, http.StatusSeeOther)
	page := p.get("/account/two-factor", http.StatusOK)
	secret := strings.ReplaceAll(page.shown("secret"), " ", "")
	if len(page.all("img", "alt", "QR code of the secret below")) != 1 || len(secret) != 32 {
		t.Fatalf("no secret to take in: %s", page.text())
	}
	code := func(at time.Time) string {
		out, err := totp.GenerateCode(secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	now := time.Now()
	p.post("/account/two-factor", url.Values{"code": {"12345"}}, http.StatusBadRequest)
	p.post("/account/two-factor", url.Values{"code": {code(now.Add(-30 * time.Second))}}, http.StatusSeeOther)
	codes := strings.Fields(p.get("/account/two-factor", http.StatusOK).shown("codes"))
	if len(codes) != 10 {
		t.Fatalf("recovery codes: %q", codes)
	}
	if again := p.get("/account/two-factor", http.StatusOK).shown("codes"); again != "" {
		t.Error("the recovery codes are shown twice")
	}

	other := newBrowser(t)
	got := p.as(other, "/sign-in", url.Values{"name": {testName}, "password": {testPassword}, "next": {"/account"}})
	if location := got.Header.Get("Location"); location != "/sign-in/code?next=%2Faccount" {
		t.Fatalf("the password alone leads to %q", location)
	}
	if got := p.look(other, "/account"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the password alone is enough: %d", got.StatusCode)
	}
	if got := p.as(other, "/sign-in/code", url.Values{"code": {"000000"}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong code: %d", got.StatusCode)
	}
	if got := p.as(other, "/sign-in/code", url.Values{"code": {code(now)}, "next": {"/account"}}); got.Header.Get("Location") != "/account" {
		t.Errorf("the right code leads to %q: %s", got.Header.Get("Location"), got.text())
	}
	third := newBrowser(t)
	p.as(third, "/sign-in", url.Values{"name": {testName}, "password": {testPassword}})
	if got := p.as(third, "/sign-in/code", url.Values{"code": {code(now)}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the same code again: %d", got.StatusCode)
	}
	if got := p.as(third, "/sign-in/code", url.Values{"code": {codes[0]}}); got.StatusCode != http.StatusSeeOther {
		t.Errorf("a recovery code: %d", got.StatusCode)
	}
	p.mustSay(p.look(third, "/account"), "9 recovery codes left")
	if got := p.as(newBrowser(t), "/sign-in/code", url.Values{"code": {codes[1]}}); got.Header.Get("Location") != "/sign-in" {
		t.Errorf("a code without a password leads to %q", got.Header.Get("Location"))
	}
}

// Six digits are guessed sooner than a password, so tries are counted alike.
func TestCodesAreThrottled(t *testing.T) {
	p := signedIn(t)
	ada, err := p.accounts.Find(t.Context(), testName)
	if err != nil {
		t.Fatal(err)
	}
	if ada, err = p.accounts.BeginTOTP(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	first, err := totp.GenerateCode(ada.TOTPSecret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.accounts.ConfirmTOTP(t.Context(), ada.ID, first); err != nil {
		t.Fatal(err)
	}
	guesser := newBrowser(t)
	refused := 0
	for range 12 {
		p.as(guesser, "/sign-in", url.Values{"name": {testName}, "password": {testPassword}})
		if got := p.as(guesser, "/sign-in/code", url.Values{"code": {"000000"}}); got.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("codes can be guessed without an end, with the password in between")
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	p := signedIn(t)
	other := newBrowser(t)
	r := p.request(http.MethodPost, "/sign-in", url.Values{"name": {testName}, "password": {testPassword}})
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0")
	p.do(other, r)
	page := p.get("/account", http.StatusOK)
	p.mustSay(page, "Firefox 142 on Linux", "127.0.0.1", "this one")
	var end string
	for _, form := range page.all("form", "method", "post") {
		if action, _ := attribute(form, "action"); strings.HasPrefix(action, "/account/sessions/") {
			end = action
		}
	}
	stranger := p.person("dave")
	if got := p.as(stranger, end, nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else ends the session: %d", got.StatusCode)
	}
	if got := p.look(other, "/account"); got.StatusCode != http.StatusOK {
		t.Errorf("before: %d", got.StatusCode)
	}
	p.post(end, nil, http.StatusSeeOther)
	if got := p.look(other, "/account"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("after: %d", got.StatusCode)
	}
	p.get("/account", http.StatusOK)
}

func TestInvitationWithLimits(t *testing.T) {
	p := signedIn(t)
	p.post("/invitations", url.Values{"role": {"user"}, "servers": {"many"}}, http.StatusBadRequest)
	p.post("/invitations", url.Values{"role": {"root"}}, http.StatusBadRequest)
	got := p.post("/invitations", url.Values{"role": {"user"}, "servers": {"1"}, "overlays": {"0"}, "note": {"<b>Eve</b> \u202e"}}, http.StatusOK)
	link := got.shown("link")
	if !strings.HasPrefix(link, p.URL+"/welcome?token=") || !strings.Contains(got.text(), "<b>Eve</b>") {
		t.Fatalf("link %q: %s", link, got.text())
	}
	if again := p.get("/invitations", http.StatusOK); strings.Contains(again.body, link) {
		t.Error("the link is shown twice")
	}
	secret := strings.TrimPrefix(link, p.URL+"/welcome?token=")
	eve := newBrowser(t)
	p.mustSay(p.look(eve, "/welcome?token="+secret), "Make your account")
	for name, form := range map[string]url.Values{
		"reserved": {"token": {secret}, "name": {"system"}, "password": {testPassword}}, "taken": {"token": {secret}, "name": {"ADA"}, "password": {testPassword}},
		"short": {"token": {secret}, "name": {"eve"}, "password": {"short"}}} {
		if got := p.as(eve, "/welcome", form); got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusConflict {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	if got := p.as(eve, "/welcome", url.Values{"token": {secret}, "name": {"eve"}, "password": {testPassword}, "role": {"admin"}}); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("accepting: %d %s", got.StatusCode, got.text())
	}
	if got := p.look(eve, "/people"); got.StatusCode != http.StatusForbidden {
		t.Errorf("eve is an administrator: %d", got.StatusCode)
	}
	p.mustSay(p.look(eve, "/hosts/local/overlays/-new"), "may own 0 overlays")
	p.mustSay(p.look(newBrowser(t), "/welcome?token="+secret), "was used already")
	p.mustSay(p.get("/people", http.StatusOK), "eve", "1 server, 0 overlays, any number of blueprints")
}

func TestAdministratorsHelpPeople(t *testing.T) {
	p := signedIn(t)
	bob := p.person(owner)
	link := p.post("/people/bob/reset-link", nil, http.StatusOK).shown("link")
	secret := strings.TrimPrefix(link, p.URL+"/welcome?token=")
	p.mustSay(p.look(newBrowser(t), "/welcome?token="+secret), "Choose a new password", "bob")
	if got := p.as(newBrowser(t), "/welcome", url.Values{"token": {secret}, "password": {"another password"}}); got.Header.Get("Location") != "/sign-in" {
		t.Errorf("a new password leads to %q", got.Header.Get("Location"))
	}
	if got := p.look(bob, "/account"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the old session goes on: %d", got.StatusCode)
	}
	if got := p.as(bob, "/sign-in", url.Values{"name": {owner}, "password": {"another password"}}); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the new password: %d", got.StatusCode)
	}
	p.post("/people/bob/disable", nil, http.StatusSeeOther)
	p.mustSay(p.as(bob, "/sign-in", url.Values{"name": {owner}, "password": {"another password"}}), "disabled")
	p.post("/people/bob/enable", nil, http.StatusSeeOther)
	p.post("/people/bob", url.Values{"role": {"admin"}}, http.StatusSeeOther)
	p.as(bob, "/sign-in", url.Values{"name": {owner}, "password": {"another password"}})
	if got := p.as(bob, "/people/ada/delete", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("deleting another administrator: %d", got.StatusCode)
	}
	if got := p.look(p.browser, "/account"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("a deleted account goes on: %d", got.StatusCode)
	}
	if got := p.as(bob, "/people/bob/disable", nil); got.StatusCode != http.StatusConflict {
		t.Errorf("the last administrator disables himself: %d", got.StatusCode)
	}
}

// A person's token can do no more than the person, is theirs alone, and ends with their rights.
func TestTokensOfPeople(t *testing.T) {
	p := newTown(t)
	form := func(scopes, servers string) url.Values {
		return url.Values{"name": {"bot"}, "scope": strings.Fields(scopes), "server": strings.Fields(servers), "days": {"30"}}
	}
	for _, refused := range []struct{ who, scopes, servers string }{
		{friend, "server.power", ""}, {friend, "admin", "alpha"}, {friend, "read", "alpha"}, {friend, "server.command", "alpha"},
		{friend, "server.delete", "alpha"}, {stranger, "server.view", "alpha"}, {friend, "", "alpha"}, {friend, "server.power", "alpha omega"}} {
		if got := p.as(p.browsers[refused.who], "/account/tokens/local", form(refused.scopes, refused.servers)); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %d %s", refused, got.StatusCode, got.text())
		}
	}
	got := p.as(p.browsers[friend], "/account/tokens/local", form("server.power", "alpha"))
	secret := got.shown("link")
	if !strings.HasPrefix(secret, "l4m_") || strings.Contains(p.look(p.browsers[friend], "/account/tokens/local").body, secret) {
		t.Fatalf("secret %q: %s", secret, got.text())
	}
	direct, err := client.New(client.Options{URL: p.agent.URL, Token: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(direct.Close)
	stop, err := direct.StopServer(t.Context(), "alpha")
	if err != nil || stop.Actor != "carol:bot" {
		t.Fatalf("stopping with the token: %+v, %v", stop, err)
	}
	if _, err := direct.Overlays(t.Context()); !client.Is(err, client.CodeForbidden) {
		t.Errorf("overlays with the token: %v", err)
	}
	own, err := p.agent.Client.Tokens(t.Context(), friend)
	if err != nil || len(own) != 1 {
		t.Fatalf("%v, %v", own, err)
	}
	revoke := "/account/tokens/local/" + own[0].ID + "/revoke"
	for _, who := range []string{owner, stranger, testName} {
		if got := p.as(p.browsers[who], revoke, nil); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s revokes carol's: %d", who, got.StatusCode)
		}
	}
	p.as(p.browsers[owner], "/hosts/local/servers/alpha/people", url.Values{"person": {friend}, "right": {"server.view", "server.console"}})
	if _, err := direct.StartServer(t.Context(), "alpha"); !client.Is(err, client.CodeUnauthenticated) {
		t.Errorf("the token outlives the right: %v", err)
	}
}

// Tokens of people who are gone are revoked, on a host that is down as soon as it is back.
func TestTokensOfAHostThatIsDown(t *testing.T) {
	p := newTown(t)
	made, err := p.agent.Client.As(owner).CreateToken(t.Context(), api.TokenCreate{Name: "bot", Scopes: []string{"server.power"}, Servers: []string{"alpha"}})
	if err != nil {
		t.Fatal(err)
	}
	p.agent.Stop()
	p.post("/people/bob/delete", nil, http.StatusSeeOther)
	p.agent.Start()
	direct, err := client.New(client.Options{URL: p.agent.URL, Token: made.Secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(direct.Close)
	if _, err := direct.Server(t.Context(), "alpha"); err != nil {
		t.Fatalf("it is revoked before anybody told the agent: %v", err)
	}
	if err := p.handler.RevokePending(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.Server(t.Context(), "alpha"); !client.Is(err, client.CodeUnauthenticated) {
		t.Errorf("after the host came back: %v", err)
	}
	if waiting, err := p.accounts.Revocations(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("still waiting: %v, %v", waiting, err)
	}
}

func TestAuditPageAndExport(t *testing.T) {
	p := signedIn(t)
	if err := p.accounts.Record(t.Context(), account.Entry{Actor: "=cmd|' /C calc'!A0", Action: "server.command", Target: "server/alpha", Detail: everything, Status: 303}); err != nil {
		t.Fatal(err)
	}
	page := p.get("/audit?action=server.command", http.StatusOK)
	p.mustSay(page, "<script>alert(1)</script>", "server/alpha")
	if strings.Contains(page.text(), "sign-in") && len(page.all("td")) > 7 {
		t.Errorf("the filter lets others through: %s", page.text())
	}
	rows, err := csv.NewReader(strings.NewReader(p.get("/audit/audit.csv?action=server.command", http.StatusOK).body)).ReadAll()
	if err != nil || len(rows) != 2 || !strings.HasPrefix(rows[1][2], "'=") {
		t.Errorf("csv: %v, %v", rows, err)
	}
	var entries []account.Entry
	if err := json.Unmarshal([]byte(p.get("/audit/audit.json", http.StatusOK).body), &entries); err != nil || len(entries) != 2 {
		t.Errorf("json: %v, %v", entries, err)
	}
	if !regexp.MustCompile(`"action":"sign-in"`).MatchString(p.get("/audit/audit.json", http.StatusOK).body) {
		t.Error("the sign-in is missing")
	}
	p.get("/audit/audit.xml", http.StatusNotFound)
	p.as(newBrowser(t), "/sign-in", url.Values{"name": {"my-secret-password"}, "password": {"x"}})
	if body := p.get("/audit/audit.json", http.StatusOK).body; strings.Contains(body, "my-secret-password") {
		t.Error("what was typed as a name that nobody has is written down")
	}
}
