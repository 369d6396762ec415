package ui_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

// secondHost starts another agent behind TLS and returns its address, pin and a token for a panel.
func secondHost(t *testing.T) (agent *agenttest.Agent, address, pin, token string) {
	t.Helper()
	agent = agenttest.New(t)
	secured := httptest.NewTLSServer(agent)
	t.Cleanup(secured.Close)
	sum := sha256.Sum256(secured.Certificate().Raw)
	made, err := agent.Client.CreateToken(t.Context(), api.TokenCreate{Name: "panel", Scopes: []string{"admin"}, Act: true})
	if err != nil {
		t.Fatal(err)
	}
	return agent, secured.URL, "sha256:" + hex.EncodeToString(sum[:]), made.Secret
}

func TestASecondHost(t *testing.T) {
	p := signedIn(t)
	p.seed()
	other, address, pin, token := secondHost(t)
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"no name":            {url.Values{"address": {address}, "token": {token}}, "host's name"},
		"a taken name":       {url.Values{"name": {"local"}, "address": {address}, "token": {token}}, "already"},
		"the word new":       {url.Values{"name": {"new"}, "address": {address}, "token": {token}}, "host's name"},
		"no address":         {url.Values{"name": {"beta"}, "token": {token}}, "neither"},
		"javascript":         {url.Values{"name": {"beta"}, "address": {"javascript:alert(1)"}, "token": {token}}, "neither"},
		"plain http":         {url.Values{"name": {"beta"}, "address": {"http://192.0.2.1:8440"}, "token": {token}}, "could read the token"},
		"no token":           {url.Values{"name": {"beta"}, "address": {address}}, "wants a token"},
		"no pin":             {url.Values{"name": {"beta"}, "address": {address}, "token": {token}}, pin},
		"a wrong pin":        {url.Values{"name": {"beta"}, "address": {address}, "token": {token}, "pin": {"sha256:" + strings.Repeat("0", 64)}}, "not the pinned one"},
		"a pin that is none": {url.Values{"name": {"beta"}, "address": {address}, "token": {token}, "pin": {"x"}}, "64 hex digits"},
		"a wrong token":      {url.Values{"name": {"beta"}, "address": {address}, "token": {"x"}, "pin": {pin}}, "token is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.do(p.browser, p.request(http.MethodPost, "/hosts/new", tt.form))
			if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.text(), tt.want) {
				t.Errorf("%d, want %q: %s", got.StatusCode, tt.want, got.text())
			}
			if strings.Contains(got.body, token) {
				t.Error("the token comes back in the page")
			}
		})
	}
	p.post("/hosts/new", url.Values{"name": {"beta"}, "address": {address}, "token": {token}, "pin": {strings.ToUpper(pin)}}, http.StatusSeeOther)
	p.mustSay(p.get("/hosts", http.StatusOK), "beta", "answers", address, pin)
	ada := other.Client.As(testName)
	if _, err := ada.CreateBlueprint(t.Context(), api.BlueprintCreate{Name: "plain"}); err != nil {
		t.Fatal(err)
	}
	p.post("/hosts/beta/servers/-new", url.Values{"name": {"over-there"}, "blueprint": {"plain"}}, http.StatusSeeOther)
	made, err := ada.Server(t.Context(), "over-there")
	if err != nil || made.Owner != testName {
		t.Errorf("made over there: %+v, %v", made, err)
	}
	p.mustSay(p.get("/", http.StatusOK), "alpha", "over-there", "local", "beta")
	// Without a new token the address stays where it is: the secret is not sent elsewhere.
	got := p.post("/hosts/beta/edit", url.Values{"address": {"https://127.0.0.1:1"}, "pin": {pin}}, http.StatusBadRequest)
	p.mustSay(got, "wants a token")
	p.post("/hosts/beta/edit", url.Values{"address": {address}, "pin": {pin}}, http.StatusSeeOther)
	p.get("/hosts/beta/servers/over-there", http.StatusOK)

	other.Stop() // the listener with TLS goes on and answers for it: stop the way to it, too
	p.post("/hosts/beta/remove", nil, http.StatusSeeOther)
	p.get("/hosts/beta/servers", http.StatusNotFound)
}

// A host that is down, or that takes connections and says nothing, is shown as such; the others go on.
func TestAHostThatIsDown(t *testing.T) {
	p := signedIn(t)
	p.seed()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	p.handler.Register(t, "silent", "http://"+silent.Addr().String())
	p.handler.Register(t, "gone", "http://127.0.0.1:1")
	page := p.get("/", http.StatusOK)
	p.mustSay(page, "alpha", "does not answer", "nothing listens")
	if n := strings.Count(page.text(), " down"); n != 2 {
		t.Errorf("%d hosts are down: %s", n, page.text())
	}
	p.mustSay(p.get("/hosts", http.StatusOK), "answers", "down")
	p.get("/hosts/local", http.StatusOK)
	p.get("/hosts/gone", http.StatusBadGateway)
	p.get("/people/"+testName, http.StatusOK)
}
