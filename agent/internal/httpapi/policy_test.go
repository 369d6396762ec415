package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/id"
)

// concrete fills the parameters of a path.
func concrete(path string) string {
	return strings.NewReplacer("{name}", "alpha", "{id}", id.New()).Replace(path)
}

// policies returns the access of each "METHOD path".
func policies(t *testing.T, a *httpapi.API) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, line := range a.Routes() {
		key, access, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("route %q", line)
		}
		out[key] = access
	}
	return out
}

func TestEveryMountedRouteHasAPolicy(t *testing.T) {
	a, _ := newAPI(t, nil)
	known := policies(t, a)
	mounted := 0
	err := chi.Walk(a.Router(), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		mounted++
		access := known[method+" "+path]
		if !slices.Contains([]string{"open", "read", "operate", "admin"}, access) {
			t.Errorf("%s %s has the policy %q", method, path, access)
		}
		return nil
	})
	if err != nil || mounted != len(known) || mounted < 40 {
		t.Errorf("%d routes are mounted, %d are in the table: %v", mounted, len(known), err)
	}
}

// TestRolesTimesRoutes sends every request as everybody. Whoever is refused is told 401 or 403 before
// anything else, so no answer says whether something exists.
func TestRolesTimesRoutes(t *testing.T) {
	a, _ := newAPI(t, nil)
	rank := map[string]int{"open": 1, "read": 2, "operate": 3, "admin": 4}
	callers := []struct {
		name    string
		handler http.Handler
		rank    int
		refused int
	}{
		{"nobody", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Authorization"); a.ServeHTTP(w, r) }), 1, 401},
		{"stranger", asPeer(a, stranger), 1, 403},
		{"reader", asPeer(a, reader), 2, 403},
		{"operator", asPeer(a, operator), 3, 403},
		{"operator by group", asPeer(a, stranger, 1, operators), 3, 403},
		{"admin", asPeer(a, admin), 4, 403},
		{"root", asPeer(a, 0), 4, 403},
		{"token", a, 4, 401},
	}
	for route, access := range policies(t, a) {
		method, path, _ := strings.Cut(route, " ")
		for _, caller := range callers {
			query := ""
			if path == "/v1/events/stream" || strings.HasSuffix(path, "/log") || strings.HasSuffix(path, "/console") {
				query = "?after=not-a-number&bad=1" // refused after the policy, so that no stream begins
			}
			status, body, _ := do(t, caller.handler, method, concrete(path)+query, "")
			allowed := caller.rank >= rank[access]
			if allowed == (status == 401 || status == 403) || !allowed && status != caller.refused {
				t.Errorf("%s as %s (%s): status %d %s", route, caller.name, access, status, body)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	a, _ := newAPI(t, nil)
	for header, want := range map[string]int{
		"Bearer " + token: 200, "Bearer " + token + "x": 401, "Bearer ": 401, "bearer " + token: 401,
		"Basic " + token: 401, token: 401, "Bearer  " + token: 401,
	} {
		status, body, headers := do(t, a, "GET", "/v1/host", "", "Authorization", header)
		if status != want {
			t.Errorf("%q: %d %s", header, status, body)
		}
		if status == 401 && headers.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: 401 without a challenge", header)
		}
	}
	open, _ := newAPI(t, func(c *httpapi.Config) { c.Grants.Token = "" })
	for _, header := range []string{"Bearer ", "Bearer " + token} {
		if status, _, _ := do(t, open, "GET", "/v1/host", "", "Authorization", header); status != 401 {
			t.Errorf("an agent without a token takes %q: %d", header, status)
		}
	}
	// A wrong token is refused even where the socket alone would do.
	if status, _, _ := do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ServeHTTP(w, r.WithContext(httpapi.WithPeer(r.Context(), 0)))
	}), "GET", "/v1/host", "", "Authorization", "Bearer x"); status != 401 {
		t.Errorf("root with a wrong token: %d", status)
	}
}

func TestActors(t *testing.T) {
	a, _ := newAPI(t, nil)
	create := func(h http.Handler, name string, headers ...string) (int, string) {
		status, body, _ := do(t, h, "POST", "/v1/blueprints", fmt.Sprintf(`{"name":%q}`, name), headers...)
		return status, body
	}
	create(a, "one")
	create(a, "two", "Left4me-Actor", "account:alice@example.org")
	create(asPeer(a, admin), "three")
	_, events, _ := do(t, a, "GET", "/v1/events", "")
	for _, actor := range []string{`"actor":"token"`, `"actor":"account:alice@example.org"`, `"actor":"local:2003"`} {
		if !strings.Contains(events, actor) {
			t.Errorf("no event has %s: %s", actor, events)
		}
	}
	for _, bad := range []string{"system", "agent", "token", " x", "-x", "a b", "a\tb", "ü", strings.Repeat("a", 101), "a;b", "a\"b"} {
		status, body := create(a, "four", "Left4me-Actor", bad)
		if e := failure(t, body); status != 400 || e.Field != "Left4me-Actor" {
			t.Errorf("actor %q: %d %+v", bad, status, e)
		}
	}
	r := httptest.NewRequest("GET", "/v1/host", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header["Left4me-Actor"] = []string{"alice", "bob"}
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("two actors: %d", w.Code)
	}
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	if _, err := httpapi.New(httpapi.Config{}); err == nil || !strings.Contains(err.Error(), "no service Host") {
		t.Errorf("without services: %v", err)
	}
}
