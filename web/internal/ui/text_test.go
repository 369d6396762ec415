package ui_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

// nasty is what people, games and plugins may call things or print.
var nasty = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</div></body><form action=//evil.example>`,
	`javascript:alert(1)`,
	`{{7*7}} ${7*7} { p.User }`,
	"\x1b[31mred\x1b[0m",
	"\u202edesrever\u202c",
	"😀 ☢ \u0000null",
	`<!-- --><![CDATA[`,
	`&lt;b&gt;`,
}

// everything is all of nasty, in one line.
var everything = strings.Join(nasty, " ")

// spoil puts everything into every place of the agent that holds free text.
func spoil(p *panel) (job string) {
	p.t.Helper()
	ctx := p.t.Context()
	settings, err := json.Marshal(map[string]any{"script": "#!/bin/sh\n" + everything, "tools": nasty})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.agent.Client.UpdateOverlay(ctx, "alpha", api.OverlayUpdate{Settings: settings}); err != nil {
		p.t.Fatal(err)
	}
	p.agent.SetHost(api.Host{Name: everything, Version: everything, Supervisor: everything, Notices: nasty})
	p.agent.SetPlugin(api.Plugin{Name: "bad", Kind: everything, Version: everything, State: everything, Description: everything, Launch: everything,
		User: everything, PID: 1, LastExit: everything, Health: map[string]string{everything: everything}, Enabled: true})
	p.agent.ChangeServer("alpha", func(s *api.Server) {
		s.Reason, s.Pending = everything, nasty
		s.Live = &api.Live{Map: everything, Hostname: everything, Version: everything}
		s.Layers = append(s.Layers, api.Layer{Overlay: everything, Newer: everything})
	})
	p.agent.SetPlayers("alpha", api.Player{Name: everything, SteamID: everything, State: everything})
	p.agent.Print("alpha", nasty...)
	p.agent.Record("server.said", "server/alpha", everything, everything)
	p.agent.Record("other", everything, everything, everything)
	p.agent.SetReleases(api.Release{ID: "x", Version: everything, UsedBy: nasty})
	p.agent.Script("overlay.build", func(_ context.Context, run *agenttest.Run) error {
		run.Step(everything)
		for _, text := range nasty {
			run.Log("stdout", text)
		}
		run.Log(`x" onclick="alert(1)`, everything)
		run.Summary("%s", everything)
		return agenttest.Failure("precondition", everything, everything)
	})
	queued, err := p.agent.Client.As(everything).BuildOverlay(ctx, "alpha", api.OverlayBuild{})
	if err != nil { // an actor that cannot be a header is refused before it gets anywhere
		if queued, err = p.agent.Client.BuildOverlay(ctx, "alpha", api.OverlayBuild{}); err != nil {
			p.t.Fatal(err)
		}
	}
	p.finished(queued.ID)
	return queued.ID
}

func TestNastyTextsAreTextEverywhere(t *testing.T) {
	p := signedIn(t)
	p.seed()
	job := spoil(p)
	shown := 0
	for _, path := range []string{"", "/servers", "/servers/alpha", "/servers/alpha/delete", "/servers/-new", "/overlays", "/overlays/alpha", "/overlays/-new",
		"/blueprints", "/blueprints/alpha", "/jobs", "/jobs/" + job, "/events", "/plugins", "/installation"} {
		got := p.get("/hosts/local"+path, http.StatusOK)
		harmless(t, path, got)
		shown += strings.Count(got.text(), "alert(1)")
	}
	if shown < 30 {
		t.Errorf("the texts were shown only %d times: the test looks at the wrong places", shown)
	}
}

// What comes back from a form is text, too.
func TestNastyInputsAreText(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for _, text := range nasty {
		for path, form := range map[string]url.Values{
			"/hosts/local/servers/-new":            {"name": {text}, "port": {text}, "blueprint": {text}},
			"/hosts/local/overlays/-new":           {"name": {text}, "type": {text}, "set.script": {text}},
			"/hosts/local/blueprints/-new":         {"name": {text}, "overlays": {text}, "config": {text}, "arguments": {text}, "settings.hostname": {text}, "settings.region": {text}},
			"/hosts/local/blueprints/alpha":        {"overlays": {text}, "up": {text}},
			"/hosts/local/blueprint-preview":       {"blueprint": {text}, "config": {text}, "settings.motd": {text}, "arguments": {text}},
			"/hosts/local/servers/alpha/command":   {"command": {text}},
			"/hosts/local/overlays/alpha/settings": {"set.tools": {text}},
		} {
			harmless(t, path, p.do(p.browser, p.request(http.MethodPost, path, form)))
		}
		for _, path := range []string{"/hosts/local/overlays/-new?type=", "/hosts/local/jobs?status=", "/nothing?x="} {
			harmless(t, path, p.do(p.browser, p.request(http.MethodGet, path+url.QueryEscape(text), nil)))
		}
		harmless(t, "/setup", p.do(newBrowser(t), p.request(http.MethodGet, "/setup?token="+url.QueryEscape(text), nil)))
		harmless(t, "/sign-in", p.do(newBrowser(t), p.request(http.MethodGet, "/sign-in?next="+url.QueryEscape(text), nil)))
		harmless(t, "/overlays/…/delete", p.do(p.browser, p.request(http.MethodGet, "/hosts/local/overlays/"+url.PathEscape(text)+"/delete", nil)))
	}
}

// harmless fails when a page holds markup that the panel never writes.
func harmless(t *testing.T, path string, page answer) {
	t.Helper()
	for n := range page.root.Descendants() {
		if n.Type == html.CommentNode {
			t.Errorf("%s: a text became a comment", path)
		}
		if n.Type != html.ElementNode {
			continue
		}
		if problem := harmful(n); problem != "" {
			t.Errorf("%s: a text became %s", path, problem)
		}
	}
}

func harmful(n *html.Node) string {
	switch n.Data {
	case "script":
		if src, _ := attribute(n, "src"); !strings.HasPrefix(src, "/static/app.") && !strings.HasPrefix(src, "/static/edit.") || n.FirstChild != nil {
			return "a script"
		}
	case "style", "iframe", "object", "embed", "base", "b":
		return "an element " + n.Data
	}
	for _, a := range n.Attr {
		value := strings.ToLower(strings.TrimSpace(a.Val))
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
			return fmt.Sprintf("an attribute %s of %s", a.Key, n.Data)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") &&
			!strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "steam://connect/"):
			return fmt.Sprintf("an address %s=%q", a.Key, a.Val)
		case strings.HasPrefix(value, "//"):
			return fmt.Sprintf("a foreign address %s=%q", a.Key, a.Val)
		}
	}
	return ""
}
