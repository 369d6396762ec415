package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/account"
)

func TestSetUpMakesTheFirstAccountOnce(t *testing.T) {
	p := newPanel(t)
	p.mustSay(p.get("/sign-in", http.StatusOK), "setup-link")
	token, err := account.SetupToken(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	p.get("/setup?token="+url.QueryEscape(token), http.StatusOK)
	p.get("/setup", http.StatusForbidden)
	p.get("/setup?token=x"+token, http.StatusForbidden)
	form := url.Values{"token": {token}, "name": {testName}, "password": {"short"}}
	got := p.post("/setup", form, http.StatusBadRequest)
	p.mustSay(got, "10 to 200")
	if got.value("name") != testName {
		t.Errorf("the name was lost: %q", got.value("name"))
	}
	form.Set("password", testPassword)
	p.post("/setup", form, http.StatusSeeOther)
	p.mustSay(p.get("/hosts/local", http.StatusOK), "Welcome")
	if got := p.get("/hosts/local", http.StatusOK); strings.Contains(got.text(), "Welcome") {
		t.Error("the welcome is shown twice")
	}
	form.Set("name", "eve")
	p.post("/setup", form, http.StatusForbidden)
	p.get("/setup?token="+url.QueryEscape(token), http.StatusForbidden)
}

func cookie(t *testing.T, a answer, name string) *http.Cookie {
	t.Helper()
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s among %v", name, a.Cookies())
	return nil
}

// Shows S3.
func TestSessionCookie(t *testing.T) {
	for name, insecure := range map[string]bool{"__Host-session": false, "session": true} {
		t.Run(name, func(t *testing.T) {
			p := newPanel(t)
			p.serve(insecure)
			p.createAccount()
			got := p.post("/sign-in", url.Values{"name": {testName}, "password": {testPassword}}, http.StatusSeeOther)
			c := cookie(t, got, name)
			if !c.HttpOnly || c.Secure == insecure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("cookie %v", c)
			}
		})
	}
}

// A session that somebody planted, or that was handed out before, is not the one that is signed in.
func TestSignInChangesTheToken(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	form := url.Values{"name": {testName}, "password": {testPassword}}
	first := cookie(t, p.post("/sign-in", form, http.StatusSeeOther), "session").Value
	second := cookie(t, p.post("/sign-in", form, http.StatusSeeOther), "session").Value
	if first == second {
		t.Error("signing in again kept the token")
	}
	stranger := newBrowser(t)
	planted := p.request(http.MethodPost, "/sign-in", form)
	planted.AddCookie(&http.Cookie{Name: "session", Value: "planted"})
	if got := cookie(t, p.do(stranger, planted), "session").Value; got == "planted" {
		t.Error("a planted token was signed in")
	}
	for _, token := range []string{first, "planted"} {
		r := p.request(http.MethodGet, "/hosts/local", nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: token})
		if got := p.do(newBrowser(t), r); got.StatusCode != http.StatusSeeOther {
			t.Errorf("token %q sees %d", token, got.StatusCode)
		}
	}
}

func TestWrongPasswordAndUnknownNameLookAlike(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	wrong := p.post("/sign-in", url.Values{"name": {testName}, "password": {"wrong password"}}, http.StatusUnauthorized)
	unknown := p.post("/sign-in", url.Values{"name": {"eve"}, "password": {"wrong password"}}, http.StatusUnauthorized)
	if a, b := strings.ReplaceAll(wrong.body, testName, "X"), strings.ReplaceAll(unknown.body, "eve", "X"); a != b {
		t.Errorf("they differ:\n%s\n%s", wrong.text(), unknown.text())
	}
	if strings.Contains(wrong.body, "wrong password\"") {
		t.Error("the password comes back in the page")
	}
}

func TestSignInIsThrottled(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	wrong := url.Values{"name": {testName}, "password": {"wrong password"}}
	for range 10 {
		p.post("/sign-in", wrong, http.StatusUnauthorized)
	}
	p.mustSay(p.post("/sign-in", wrong, http.StatusTooManyRequests), "Too many tries")
	right := url.Values{"name": {strings.ToUpper(testName)}, "password": {testPassword}}
	p.post("/sign-in", right, http.StatusTooManyRequests)
}

func TestSignInLeadsOnlyIntoThePanel(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	for next, want := range map[string]string{
		"/hosts/local/jobs?status=failed": "/hosts/local/jobs?status=failed", "": "/", "https://evil.example/": "/", "//evil.example": "/",
		"/\\evil.example": "/", "\\\\evil.example": "/", "javascript:alert(1)": "/", "/\t/evil.example": "/", "hosts/local": "/",
		"/%2f/evil.example": "/%2f/evil.example", "/\n/evil.example": "/",
	} {
		got := p.post("/sign-in", url.Values{"name": {testName}, "password": {testPassword}, "next": {next}}, http.StatusSeeOther)
		if location := got.Header.Get("Location"); location != want {
			t.Errorf("next %q leads to %q, want %q", next, location, want)
		}
		theme := p.post("/theme", url.Values{"theme": {"dark"}, "next": {next}}, http.StatusSeeOther)
		if location := theme.Header.Get("Location"); location != want {
			t.Errorf("theme with next %q leads to %q, want %q", next, location, want)
		}
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	p := signedIn(t)
	address, _ := url.Parse(p.URL)
	token := p.browser.Jar.Cookies(address)[0]
	p.post("/sign-out", nil, http.StatusSeeOther)
	r := p.request(http.MethodGet, "/hosts/local", nil)
	r.AddCookie(token)
	if got := p.do(newBrowser(t), r); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the old token sees %d", got.StatusCode)
	}
}

func TestPasswordChangeSignsOthersOut(t *testing.T) {
	p := signedIn(t)
	other := newBrowser(t)
	p.signIn(other)
	p.mustSay(p.post("/account/password", url.Values{"current": {"wrong"}, "password": {"a better password"}}, http.StatusBadRequest), "present password is wrong")
	p.mustSay(p.post("/account/password", url.Values{"current": {testPassword}, "password": {"short"}}, http.StatusBadRequest), "10 to 200")
	p.post("/account/password", url.Values{"current": {testPassword}, "password": {"a better password"}}, http.StatusSeeOther)
	p.mustSay(p.get("/account", http.StatusOK), "Password changed")
	if got := p.do(other, p.request(http.MethodGet, "/hosts/local", nil)); got.StatusCode != http.StatusSeeOther {
		t.Errorf("the other session sees %d", got.StatusCode)
	}
	p.post("/account/sign-out-everywhere", nil, http.StatusSeeOther)
	if got := p.do(p.browser, p.request(http.MethodGet, "/hosts/local", nil)); got.StatusCode != http.StatusSeeOther {
		t.Errorf("after signing out everywhere: %d", got.StatusCode)
	}
}

func TestThemeIsKeptWithoutJavaScript(t *testing.T) {
	p := signedIn(t)
	for value, want := range map[string]string{"dark": "dark", "light": "light", "": "", "\"><script>": ""} {
		p.post("/theme", url.Values{"theme": {value}, "next": {"/hosts/local"}}, http.StatusSeeOther)
		if n := len(p.get("/hosts/local", http.StatusOK).all("html", "data-theme", want)); n != 1 {
			t.Errorf("theme %q is not shown as %q", value, want)
		}
	}
}
