package ui_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/ui"
)

// What may be seen and done without an account is written down here, so that nothing is added by mistake.
func TestOpenRoutes(t *testing.T) {
	var open []string
	for _, route := range ui.Routes() {
		if route.Open {
			open = append(open, route.Method+" "+route.Path)
		}
	}
	want := []string{"GET /health", "GET /static/app.css", "GET /setup", "POST /setup", "GET /sign-in", "POST /sign-in",
		"GET /sign-in/code", "POST /sign-in/code", "GET /welcome", "POST /welcome", "POST /theme"}
	if !slices.Equal(open, want) {
		t.Errorf("open routes: %q, want %q", open, want)
	}
}

func TestSignedOutPeopleSeeAndChangeNothing(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	p.seed()
	before := len(p.agent.Requests())
	for _, route := range ui.Routes() {
		if route.Open {
			continue
		}
		got := p.do(p.browser, p.request(route.Method, route.Path, nil))
		if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in") {
			t.Errorf("%s %s answered %d to %q", route.Method, route.Path, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if asked := p.agent.Requests()[before:]; len(asked) > 0 {
		t.Errorf("the agent was asked: %q", asked)
	}
}

// A page of somebody else makes a signed-in browser send a form.
func TestCrossOriginPostsAreRefused(t *testing.T) {
	p := signedIn(t)
	p.seed()
	before := len(p.agent.Requests())
	for _, route := range ui.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		for name, header := range map[string]http.Header{
			"fetch metadata": {"Sec-Fetch-Site": {"cross-site"}},
			"a sub-domain":   {"Sec-Fetch-Site": {"same-site"}},
			"origin":         {"Origin": {"https://evil.example"}},
			"null origin":    {"Origin": {"null"}},
		} {
			r := p.request(http.MethodPost, route.Path, url.Values{"name": {testName}})
			r.Header.Del("Sec-Fetch-Site")
			for key := range header {
				r.Header.Set(key, header.Get(key))
			}
			if got := p.do(p.browser, r); got.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %s answered %d", route.Path, name, got.StatusCode)
			}
		}
	}
	if asked := p.agent.Requests()[before:]; len(asked) > 0 {
		t.Errorf("the agent was asked: %q", asked)
	}
	p.get("/hosts/local", http.StatusOK) // still signed in
}

// Nothing changes by looking: a link or an image on a strange page must not do anything.
func TestGetChangesNothing(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for _, route := range ui.Routes() {
		if route.Method == http.MethodPost {
			p.do(p.browser, p.request(http.MethodGet, route.Path, nil))
		}
	}
	for _, request := range p.agent.Requests() {
		method, rest, _ := strings.Cut(request, " ")
		if method != http.MethodGet && strings.HasSuffix(rest, " "+testName) && !strings.Contains(rest, "-preview ") { // previews change nothing
			t.Errorf("looking made the agent do %s", request)
		}
	}
}

func TestHeaders(t *testing.T) {
	p := signedIn(t)
	for _, path := range []string{"/sign-in", "/hosts/local", "/nothing", "/hosts/local/servers/nothing"} {
		got := p.do(p.browser, p.request(http.MethodGet, path, nil))
		policy := got.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q is weak", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
			if value := got.Header.Get(name); value != want {
				t.Errorf("%s: %s is %q", path, name, value)
			}
		}
		if got.Header.Get("Server") != "" || got.Header.Get("X-Powered-By") != "" {
			t.Errorf("%s tells what it is made of", path)
		}
	}
}

func TestHealthAndUnknownPages(t *testing.T) {
	p := newPanel(t)
	if got := p.get("/health", http.StatusOK); got.body != "ok\n" {
		t.Errorf("health: %q", got.body)
	}
	p.get("/nothing", http.StatusNotFound)
	p.get("/static/app.css", http.StatusNotFound)
	p.createAccount()
	p.signIn(p.browser)
	p.mustSay(p.get("/hosts/elsewhere/servers", http.StatusNotFound), "There is no such page.")
	p.mustSay(p.get("/hosts/local/servers/nothing", http.StatusNotFound), `There is no server "nothing".`)
	p.mustSay(p.get("/hosts/local/servers/..%2f..%2fjobs", http.StatusBadRequest), "is not a name")
}

func TestLargeFormsAreRefused(t *testing.T) {
	p := signedIn(t)
	huge := url.Values{"name": {"big"}, "type": {"overlay-script"}, "set.script": {strings.Repeat("x", 2<<20)}}
	got := p.do(p.browser, p.request(http.MethodPost, "/hosts/local/overlays/-new", huge))
	if got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d: %s", got.StatusCode, got.text())
	}
	broken := p.request(http.MethodPost, "/hosts/local/overlays/-new", nil)
	broken.URL.RawQuery = "a=%zz"
	if got := p.do(p.browser, broken); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a broken form answered %d: %s", got.StatusCode, got.text())
	}
}
