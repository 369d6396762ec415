package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEverything goes through all operations once, as a person would.
func TestEverything(t *testing.T) {
	agent := agenttest.New(t)
	c, ctx := agent.Client, t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	host, err := c.Host(ctx)
	must(err)
	if host.Name != "testhost" || len(host.Notices) != 1 {
		t.Errorf("%+v", host)
	}
	overlay, err := c.CreateOverlay(ctx, api.OverlayCreate{Name: "maps", Type: "overlay-workshop", Settings: json.RawMessage(`{"items":["1"]}`), System: true, Build: true})
	must(err)
	job, err := c.WaitJob(ctx, overlay.LastJob, nil)
	must(err)
	if job.Status != "succeeded" || job.Kind != "overlay.build" || job.Summary == "" {
		t.Errorf("%+v", job)
	}
	overlay, err = c.UpdateOverlay(ctx, "maps", api.OverlayUpdate{Settings: json.RawMessage(`{"items":["1","2"]}`)})
	must(err)
	if string(overlay.Settings) != `{"items":["1","2"]}` || overlay.Revision == "" || overlay.LastStatus != "succeeded" {
		t.Errorf("%+v", overlay)
	}
	job, err = c.BuildOverlay(ctx, "maps", api.OverlayBuild{Wipe: true})
	must(err)
	_, err = c.WaitJob(ctx, job.ID, nil)
	must(err)
	revisions, err := c.Revisions(ctx, "maps")
	must(err)
	if len(revisions) != 2 || !revisions[0].Current {
		t.Fatalf("%+v", revisions)
	}
	changes, err := c.DiffRevisions(ctx, "maps", revisions[0].ID, revisions[1].ID)
	must(err)
	if want := []api.FileChange{{Kind: "changed", Path: "left4dead2/build.txt", Size: 101}}; !cmp.Equal(changes, want) {
		t.Error(cmp.Diff(want, changes))
	}
	overlay, err = c.RollbackOverlay(ctx, "maps", revisions[1].ID)
	must(err)
	if overlay.Revision != revisions[1].ID {
		t.Errorf("%+v", overlay)
	}
	blueprint, err := c.CreateBlueprint(ctx, api.BlueprintCreate{Name: "coop", Overlays: []string{"maps"}, Settings: api.BlueprintSettings{Map: "c1m1_hotel"}})
	must(err)
	settings := blueprint.Settings
	settings.MaxPlayers = 8
	blueprint, err = c.UpdateBlueprint(ctx, "coop", api.BlueprintUpdate{Settings: &settings})
	must(err)
	if blueprint.Settings.Map != "c1m1_hotel" || blueprint.Settings.MaxPlayers != 8 || !slices.Equal(blueprint.Overlays, []string{"maps"}) {
		t.Errorf("%+v", blueprint)
	}
	server, err := c.CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "coop"})
	must(err)
	if server.Port != 27015 {
		t.Errorf("%+v", server)
	}
	for _, act := range []func(context.Context, string) (api.Job, error){c.StartServer, c.RestartServer, c.StopServer, c.StartServer, c.KillServer, c.ResetServer, c.StartServer} {
		job, err := act(ctx, "alpha")
		must(err)
		if job, err = c.WaitJob(ctx, job.ID, nil); err != nil || job.Status != "succeeded" {
			t.Fatalf("%+v %v", job, err)
		}
	}
	reply, err := c.Command(ctx, "alpha", "say hello")
	must(err)
	if reply.Output != "Console: hello\n" {
		t.Errorf("%+v", reply)
	}
	agent.SetPlayers("alpha", api.Player{UserID: 2, Name: "<b>Ellis</b>"})
	players, err := c.Players(ctx, "alpha")
	must(err)
	if len(players) != 1 || players[0].Name != "<b>Ellis</b>" {
		t.Errorf("%+v", players)
	}
	plugin, err := c.RestartPlugin(ctx, "overlay-script")
	must(err)
	if plugin.Restarts != 1 {
		t.Errorf("%+v", plugin)
	}
	job, err = c.DeleteServer(ctx, "alpha")
	must(err)
	_, err = c.WaitJob(ctx, job.ID, nil)
	must(err)
	must(c.DeleteBlueprint(ctx, "coop"))
	must(c.DeleteOverlay(ctx, "maps"))
	for name, list := range map[string]func() (int, error){
		"plugins":    func() (int, error) { l, err := c.Plugins(ctx); return len(l), err },
		"types":      func() (int, error) { l, err := c.OverlayTypes(ctx); return len(l), err },
		"overlays":   func() (int, error) { l, err := c.Overlays(ctx); return len(l), err },
		"blueprints": func() (int, error) { l, err := c.Blueprints(ctx); return len(l), err },
		"servers":    func() (int, error) { l, err := c.Servers(ctx); return len(l), err },
		"releases":   func() (int, error) { l, err := c.Releases(ctx); return len(l), err },
		"jobs": func() (int, error) {
			l, err := c.Jobs(ctx, client.JobFilter{Subject: "server/alpha", Limit: 3})
			return len(l), err
		},
		"events": func() (int, error) {
			l, err := c.Events(ctx, client.EventFilter{After: 2, Limit: 5})
			return len(l), err
		},
	} {
		want := map[string]int{"plugins": 3, "types": 2, "releases": 1, "jobs": 3, "events": 5}[name]
		if n, err := list(); err != nil || n != want {
			t.Errorf("%d %s, want %d: %v", n, name, want, err)
		}
	}
}

func TestErrors(t *testing.T) {
	agent := agenttest.New(t)
	c, ctx := agent.Client, t.Context()
	_, err := c.Server(ctx, "alpha")
	want := &client.Error{Code: client.CodeNotFound, Message: `There is no server "alpha".`, Hint: "List them with: left4me server list", Source: "agent", Status: 404}
	got, ok := errors.AsType[*client.Error](err)
	if !ok || got.Code != want.Code || got.Message != want.Message || got.Hint != want.Hint || got.Source != want.Source || got.Status != want.Status {
		t.Errorf("%+v", err)
	}
	_, err = c.CreateOverlay(ctx, api.OverlayCreate{Name: "x", Type: "overlay-script", Settings: json.RawMessage(`{"script":"echo"}`)})
	if got, _ := errors.AsType[*client.Error](err); got == nil || got.Field != "/settings/script" || got.Source != "plugin:overlay-script" {
		t.Errorf("%+v", err)
	}
	if _, err := c.CreateOverlay(ctx, api.OverlayCreate{Name: "x", Type: "overlay-script", Settings: json.RawMessage(`{`)}); !client.Is(err, client.CodeInvalid) {
		t.Errorf("broken settings: %v", err)
	}
	agent.Answer("GET", "/v1/host", 500, api.Error{Code: "internal", Message: "It failed.", Hint: "Look.", Reference: "r1"})
	if _, err := c.Host(ctx); !client.Is(err, client.CodeInternal) || err.(*client.Error).Reference != "r1" {
		t.Errorf("%+v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Host(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestNamesStayOneElement: whatever a name holds, it never changes which path is asked for.
func TestNamesStayOneElement(t *testing.T) {
	agent := agenttest.New(t)
	for _, name := range []string{"", "..", ".", "../../v1/host", "a/b", "a?b=c", "a#b", "%2e%2e", "{name}", "{id}", "a b", "ü", "a\x00", "a\nb", strings.Repeat("a", 300)} {
		if _, err := agent.Client.Server(t.Context(), name); !client.Is(err, client.CodeInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, request := range agent.Requests() {
		if !strings.HasPrefix(request, "GET /v1/servers/") {
			t.Errorf("asked for %q", request)
		}
	}
}

func TestUnreachable(t *testing.T) {
	agent := agenttest.New(t)
	agent.Stop()
	for name, options := range map[string]client.Options{
		"no socket": {Socket: filepath.Join(t.TempDir(), "none.sock")}, "dead socket": {Socket: agent.Socket}, "dead port": {URL: agent.URL},
	} {
		c, err := client.New(options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Host(t.Context())
		got, _ := errors.AsType[*client.Error](err)
		if got == nil || got.Code != client.CodeUnavailable || !strings.HasPrefix(got.Message, "The agent is not running: nothing listens at ") || got.Hint == "" {
			t.Errorf("%s: %+v", name, err)
		}
		for _, err := range c.FollowEvents(t.Context(), -1) { // a first connection that fails is told at once
			if !client.Is(err, client.CodeUnavailable) {
				t.Errorf("%s: stream: %v", name, err)
			}
		}
	}
}

func TestForbiddenSocket(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open every socket")
	}
	agent := agenttest.New(t)
	if err := os.Chmod(agent.Socket, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Client.Host(t.Context()); !client.Is(err, client.CodeForbidden) {
		t.Errorf("%v", err)
	}
}

func TestStrangersAtTheAddress(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a proxy's page": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); w.Write([]byte("<html>Bad Gateway")) },
		"a web page":     func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>Welcome")) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		},
		"other JSON": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.Write([]byte(`{"detail":"no"}`)) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte(`{"name":`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			c, err := client.New(client.Options{URL: server.URL, Token: "x"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Host(t.Context()); !client.Is(err, client.CodeUnavailable) {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestTokensAndActors(t *testing.T) {
	agent := agenttest.New(t)
	for token, code := range map[string]string{agenttest.Token: "", "wrong": client.CodeUnauthenticated, "": client.CodeUnauthenticated} {
		c, err := client.New(client.Options{URL: agent.URL + "/", Token: token, Actor: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.As("account:bob").CreateBlueprint(t.Context(), api.BlueprintCreate{Name: "b"})
		if code == "" && err != nil || code != "" && !client.Is(err, code) {
			t.Errorf("%q: %v", token, err)
		}
		c.Close()
	}
	events, err := agent.Client.Events(t.Context(), client.EventFilter{})
	if err != nil || len(events) != 1 || events[0].Actor != "account:bob" {
		t.Errorf("%+v %v", events, err)
	}
	for _, bad := range []string{"", "127.0.0.1:1", "ftp://x", "http://", "http://u:p@x", "http://x/path", "http://x?y", "://"} {
		if _, err := client.New(client.Options{URL: bad}); !client.Is(err, client.CodeInvalid) {
			t.Errorf("URL %q: %v", bad, err)
		}
	}
	if _, err := client.New(client.Options{URL: "http://x", Socket: "/x"}); !client.Is(err, client.CodeInvalid) {
		t.Error("both a socket and a URL")
	}
}
