package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// newToken makes a token over the API and returns it.
func newToken(t *testing.T, h http.Handler, in api.TokenCreate) api.TokenSecret {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, _ := do(t, h, "POST", "/v1/tokens", string(body))
	var out api.TokenSecret
	if err := json.Unmarshal([]byte(answer), &out); err != nil || status != 201 {
		t.Fatalf("%d %s", status, answer)
	}
	return out
}

// someServers makes two servers, alpha and beta.
func someServers(t *testing.T, h http.Handler) {
	t.Helper()
	for _, request := range [][2]string{{"/v1/blueprints", `{"name":"plain"}`}, {"/v1/servers", `{"name":"alpha","blueprint":"plain"}`},
		{"/v1/servers", `{"name":"beta","blueprint":"plain"}`}} {
		if status, body, _ := do(t, h, "POST", request[0], request[1]); status != 201 {
			t.Fatalf("%s: %d %s", request[0], status, body)
		}
	}
}

// TestScopesTimesRoutes sends every request with a token of every scope, bound to a server and not. What it is not for
// is refused before anything else.
func TestScopesTimesRoutes(t *testing.T) {
	services := agenttest.Services(t)
	a, _ := newAPI(t, func(c *httpapi.Config) { c.Services = services })
	someServers(t, a)
	levels := map[string]int{"read": 2, "operate": 3, "admin": 4}
	rank := map[string]int{"open": 1, "read": 2, "operate": 3, "admin": 4}
	scopes := a.RouteScopes()
	tried := 0
	for _, scope := range httpapi.Scopes() {
		for _, servers := range [][]string{nil, {"alpha"}, {"beta"}} {
			if servers != nil && !strings.HasPrefix(scope, "server.") {
				continue
			}
			made := newToken(t, a, api.TokenCreate{Name: fmt.Sprintf("t-%s-%s", strings.ReplaceAll(scope, ".", "-"), strings.Join(servers, "")), Scopes: []string{scope}, Servers: servers})
			for route, access := range policies(t, a) {
				method, path, _ := strings.Cut(route, " ")
				allowed := access == "open" || levels[scope] >= rank[access] ||
					scopes[route] != "" && (scopes[route] == scope || scopes[route] == api.ScopeServerView && strings.HasPrefix(scope, "server."))
				if strings.HasPrefix(path, "/v1/servers/{name}") && servers != nil && servers[0] != "alpha" {
					allowed = false
				}
				if allowed && method != "GET" {
					continue // it would happen
				}
				tried++
				query := ""
				if path == "/v1/events/stream" || strings.HasSuffix(path, "/log") || strings.HasSuffix(path, "/console") {
					query = "?after=not-a-number&bad=1" // refused after the policy, so that no stream begins
				}
				status, body, _ := do(t, a, method, concrete(path)+query, "", "Authorization", "Bearer "+made.Secret)
				if allowed == (status == 401 || status == 403) || !allowed && status != 403 {
					t.Errorf("%s with %s for %v: status %d %s", route, scope, servers, status, body)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d requests were tried", tried)
	}
}

// A token bound to a server sees that one in lists, jobs and events, and nothing else.
func TestBoundTokensSeeTheirServer(t *testing.T) {
	a, _ := newAPI(t, nil)
	someServers(t, a)
	var jobs []api.Job
	for _, name := range []string{"alpha", "beta"} {
		_, body, _ := do(t, a, "POST", "/v1/servers/"+name+"/start", "")
		var job api.Job
		if err := json.Unmarshal([]byte(body), &job); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job)
	}
	made := newToken(t, a, api.TokenCreate{Name: "bot", Scopes: []string{api.ScopeServerPower}, Servers: []string{"alpha"}})
	bearer := []string{"Authorization", "Bearer " + made.Secret}
	for _, path := range []string{"/v1/servers", "/v1/jobs", "/v1/events", "/v1/jobs/" + jobs[0].ID, "/v1/servers/alpha"} {
		status, body, _ := do(t, a, "GET", path, "", bearer...)
		if status != 200 || !strings.Contains(body, "alpha") || strings.Contains(body, "beta") || strings.Contains(body, "plain\"") && path == "/v1/events" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for path, want := range map[string]int{"/v1/jobs/" + jobs[1].ID: 404, "/v1/jobs/" + jobs[1].ID + "/log?format=text": 404, "/v1/servers/beta": 403, "/v1/overlays": 403} {
		if status, body, _ := do(t, a, "GET", path, "", bearer...); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body, _ := do(t, a, "POST", "/v1/servers/alpha/stop", "", bearer...); status != 202 || !strings.Contains(body, `"actor":"token:bot"`) {
		t.Errorf("stop: %d %s", status, body)
	}
}

// Only who was given the right to may name somebody else.
func TestActing(t *testing.T) {
	a, _ := newAPI(t, nil)
	plain := newToken(t, a, api.TokenCreate{Name: "plain", Scopes: []string{"admin"}})
	panel := newToken(t, a, api.TokenCreate{Name: "panel", Scopes: []string{"admin"}, Act: true})
	for secret, want := range map[string]int{plain.Secret: 403, panel.Secret: 200, token: 200} {
		if status, body, _ := do(t, a, "GET", "/v1/host", "", "Authorization", "Bearer "+secret, "Left4me-Actor", "ada"); status != want {
			t.Errorf("%d %s, want %d", status, body, want)
		}
	}
	for uid, want := range map[int]int{reader: 403, operator: 403, admin: 200} {
		if status, body, _ := do(t, asPeer(a, uid), "GET", "/v1/host", "", "Left4me-Actor", "ada"); status != want {
			t.Errorf("user %d: %d %s, want %d", uid, status, body, want)
		}
	}
	_, body, _ := do(t, a, "GET", "/v1/tokens?owner=token", "")
	if !strings.Contains(body, `"name":"plain"`) || strings.Contains(body, plain.Secret) {
		t.Errorf("list: %s", body)
	}
}

func TestTokensAreRevoked(t *testing.T) {
	a, _ := newAPI(t, nil)
	someServers(t, a)
	made := newToken(t, a, api.TokenCreate{Name: "bot", Scopes: []string{"read"}})
	use := func() int {
		status, _, _ := do(t, a, "GET", "/v1/host", "", "Authorization", "Bearer "+made.Secret)
		return status
	}
	if before := use(); before != 200 {
		t.Errorf("before: %d", before)
	}
	if status, body, _ := do(t, a, "DELETE", "/v1/tokens/"+made.Token.ID, ""); status != 204 {
		t.Errorf("revoke: %d %s", status, body)
	}
	if after := use(); after != 401 {
		t.Errorf("after: %d", after)
	}
	if status, body, _ := do(t, a, "POST", "/v1/tokens/revoke", `{"owner":""}`); status != 400 {
		t.Errorf("nobody's: %d %s", status, body)
	}
	if status, body, _ := do(t, a, "POST", "/v1/tokens/revoke", `{"owner":"token"}`); status != 200 || !strings.Contains(body, `"count":0`) {
		t.Errorf("revoke of: %d %s", status, body)
	}
}

func TestTokensThatPromiseTooMuch(t *testing.T) {
	a, _ := newAPI(t, nil)
	someServers(t, a)
	for body, field := range map[string]string{
		`{"name":"x","scopes":[]}`:                                               "scopes",
		`{"name":"x","scopes":["root"]}`:                                         "scopes",
		`{"name":"x","scopes":[""]}`:                                             "scopes",
		`{"name":"x","scopes":["read"],"servers":["alpha"]}`:                     "scopes",
		`{"name":"x","scopes":["server.power"],"act":true}`:                      "act",
		`{"name":"A b","scopes":["read"]}`:                                       "name",
		`{"name":"x","scopes":["read"],"expires_at":"2001-01-01T00:00:00Z"}`:     "expires_at",
		`{"name":"x","scopes":["server.power"],"servers":["gamma"],"act":false}`: "",
	} {
		status, answer, _ := do(t, a, "POST", "/v1/tokens", body)
		if e := failure(t, answer); status < 400 || status > 404 || e.Field != field {
			t.Errorf("%s: %d %+v", body, status, e)
		}
	}
	if !slices.Contains(httpapi.Scopes(), api.ScopeServerMap) {
		t.Error("a scope is missing")
	}
}
