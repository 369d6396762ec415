package ui_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
)

// newer is the test's agent as if it were of a later version: it has more settings than the panel knows.
type newer struct {
	t       *testing.T
	proxy   *httputil.ReverseProxy
	mu      sync.Mutex
	changes []string // bodies of what changed a blueprint
}

func newNewer(t *testing.T, behind string) *newer {
	t.Helper()
	target, err := url.Parse(behind)
	if err != nil {
		t.Fatal(err)
	}
	n := &newer{t: t, proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Set("Authorization", "Bearer "+agenttest.Token)
	}}}
	n.proxy.ModifyResponse = n.add
	return n
}

const newerSettings = `"weather":{"rain":[1,"<b>"]},"limits":{"gpu":2}`

// add puts the new settings into the blueprint as the agent shows it.
func (n *newer) add(answer *http.Response) error {
	if answer.Request.URL.Path != "/v1/blueprints/alpha" || answer.StatusCode != http.StatusOK {
		return nil
	}
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	data = bytes.Replace(data, []byte(`"settings":{}`), []byte(`"settings":{`+newerSettings+`}`), 1)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	answer.Header.Del("Content-Length")
	return nil
}

// ServeHTTP keeps what the panel sends, without the new settings for the older agent behind.
func (n *newer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPatch {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			n.t.Error(err)
		}
		n.mu.Lock()
		n.changes = append(n.changes, string(data))
		n.mu.Unlock()
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
	}
	n.proxy.ServeHTTP(w, r)
}

// A panel that is older than an agent takes no setting away that it does not know.
func TestBlueprintFormKeepsSettingsOfANewerAgent(t *testing.T) {
	p := signedIn(t)
	p.seed()
	agent := newNewer(t, p.agent.URL)
	server := httptest.NewServer(agent)
	t.Cleanup(server.Close)
	p.handler.Register(t, "later", server.URL)
	p.post("/hosts/later/blueprints/alpha", url.Values{"do": {"save"}, "overlays": {"alpha"}, "settings.mode": {"versus"}, "settings.limits.tasks": {"99"}}, http.StatusSeeOther)
	agent.mu.Lock()
	defer agent.mu.Unlock()
	if len(agent.changes) != 1 {
		t.Fatalf("%d changes: %q", len(agent.changes), agent.changes)
	}
	var sent struct {
		Settings map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(agent.changes[0]), &sent); err != nil {
		t.Fatal(err)
	}
	var limits map[string]int
	if err := json.Unmarshal(sent.Settings["limits"], &limits); err != nil || limits["gpu"] != 2 || limits["tasks"] != 99 {
		t.Errorf("limits: %s, %v", sent.Settings["limits"], err)
	}
	var weather struct{ Rain []any }
	if err := json.Unmarshal(sent.Settings["weather"], &weather); err != nil || len(weather.Rain) != 2 || weather.Rain[1] != "<b>" || string(sent.Settings["mode"]) != `"versus"` {
		t.Errorf("sent: %s, %v", agent.changes[0], err)
	}
}
