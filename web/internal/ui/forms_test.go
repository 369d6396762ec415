package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
)

func TestErrorsKeepWhatPeopleTyped(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for _, tt := range []struct {
		name, path string
		form       url.Values
		status     int
		says       string
		bad        string // id of the marked input
	}{
		{"name taken", "/servers/-new", url.Values{"name": {"alpha"}, "blueprint": {"alpha"}, "port": {"27020"}}, http.StatusConflict, "already", "name"},
		{"port no number", "/servers/-new", url.Values{"name": {"beta"}, "port": {"http"}}, http.StatusBadRequest, "not a number", "port"},
		{"port outside", "/servers/-new", url.Values{"name": {"beta"}, "blueprint": {"alpha"}, "port": {"80"}}, http.StatusBadRequest, "range", "port"},
		{"bad name", "/overlays/-new", url.Values{"name": {"A b"}, "type": {"overlay-script"}, "set.script": {"#!/bin/sh\necho kept"}}, http.StatusBadRequest, "not a name", "name"},
		{"blueprint name", "/blueprints/-new", url.Values{"name": {"x y"}, "config": {"sv_cheats 0"}, "settings.map": {"c1m1"}}, http.StatusBadRequest, "not a name", "name"},
		{"blueprint number", "/blueprints/alpha", url.Values{"settings.tickrate": {"fast"}, "arguments": {"-x"}}, http.StatusBadRequest, "not a number", "settings.tickrate"},
	} {
		got := p.post("/hosts/local"+tt.path, tt.form, tt.status)
		p.mustSay(got, tt.says)
		if len(got.all("div", "role", "alert")) != 1 {
			t.Errorf("%s: the problem is not announced", tt.name)
		}
		for id, want := range tt.form {
			if value := got.value(id); value != want[0] && id != "type" && id != "blueprint" {
				t.Errorf("%s: %s is now %q, was %q", tt.name, id, value, want[0])
			}
		}
		marked := got.all("div", "class", "field bad")
		if len(marked) != 1 || len((answer{root: marked[0]}).all("label", "for", tt.bad)) != 1 {
			t.Errorf("%s: %d fields are marked, want %s", tt.name, len(marked), tt.bad)
		}
	}
}

func TestBlueprintOrderWithoutJavaScript(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for _, name := range []string{"beta", "gamma"} {
		if _, err := p.agent.Client.CreateOverlay(t.Context(), api.OverlayCreate{Name: name, Type: "overlay-script", Settings: []byte(`{"script":"#!/bin/sh\n"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	form := url.Values{"overlays": {"alpha"}, "add": {"beta"}, "do": {"add"}, "config": {"sv_cheats 0"}}
	press := func(form url.Values, want string) url.Values {
		t.Helper()
		got := p.post("/hosts/local/blueprints/alpha", form, http.StatusOK)
		var names []string
		for _, n := range got.all("input", "name", "overlays") {
			value, _ := attribute(n, "value")
			names = append(names, value)
		}
		if strings.Join(names, " ") != want {
			t.Errorf("%v gives %q, want %q", form, names, want)
		}
		if got.value("config") != "sv_cheats 0" {
			t.Errorf("the config was lost: %q", got.value("config"))
		}
		return url.Values{"overlays": names, "config": {got.value("config")}}
	}
	form = press(form, "beta alpha")
	form.Set("down", "beta")
	form = press(form, "alpha beta")
	form.Set("up", "alpha")
	form = press(form, "alpha beta") // the top stays the top
	form.Set("remove", "alpha")
	form = press(form, "beta")
	form.Set("do", "save")
	p.post("/hosts/local/blueprints/alpha", form, http.StatusSeeOther)
	got, err := p.agent.Client.Blueprint(t.Context(), "alpha")
	if err != nil || strings.Join(got.Overlays, " ") != "beta" || strings.Join(got.Config, "\n") != "sv_cheats 0" {
		t.Errorf("stored: %+v, %v", got, err)
	}
}

// The agent knows who did it, and every change ends on a page that can be loaded again (S19).
func TestActionsAreDoneInTheNameOfThePerson(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for _, path := range []string{"/servers/alpha/stop", "/servers/alpha/start", "/servers/alpha/restart", "/servers/alpha/kill",
		"/overlays/alpha/build", "/plugins/overlay-script/restart", "/installation/update", "/servers/alpha/delete"} {
		got := p.post("/hosts/local"+path, nil, http.StatusSeeOther)
		page := p.get(got.Header.Get("Location"), http.StatusOK)
		if job := strings.TrimPrefix(got.Header.Get("Location"), "/hosts/local/jobs/"); job != got.Header.Get("Location") {
			p.mustSay(page, testName)
			p.finished(job)
		}
	}
	for _, request := range p.agent.Requests() {
		if strings.Contains(request, "/restart") && !strings.HasSuffix(request, " "+testName) {
			t.Errorf("not in the name of the person: %s", request)
		}
	}
	got := p.post("/hosts/local/servers/gone/start", nil, http.StatusNotFound)
	p.mustSay(got, `There is no server "gone".`)
	p.get("/hosts/local/servers/alpha/destroy", http.StatusNotFound)
}

func TestSettingsOfAMissingTypeAreKept(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.SetOverlayTypes()
	p.mustSay(p.get("/hosts/local/overlays/alpha", http.StatusOK), "No enabled plugin makes overlays of type")
	p.post("/hosts/local/overlays/alpha/settings", url.Values{"set.script": {"#!/bin/sh"}}, http.StatusConflict)
	p.mustSay(p.get("/hosts/local/overlays/-new", http.StatusOK), "No enabled plugin makes overlays.")
}

func TestCommandShowsItsReply(t *testing.T) {
	p := signedIn(t)
	p.seed()
	got := p.post("/hosts/local/servers/alpha/command", url.Values{"command": {"status"}}, http.StatusOK)
	p.mustSay(got, "map : c1m1_hotel")
	p.mustSay(p.post("/hosts/local/servers/alpha/command", url.Values{"command": {"a\nb"}}, http.StatusBadRequest), "one line")
}

func TestAgentAwayIsSaidAsItIs(t *testing.T) {
	p := signedIn(t)
	p.agent.Stop()
	got := p.do(p.browser, p.request(http.MethodGet, "/hosts/local", nil))
	if got.StatusCode < 500 || len(got.all("div", "role", "alert")) != 1 {
		t.Errorf("answered %d: %s", got.StatusCode, got.text())
	}
	p.agent.Start()
	p.get("/hosts/local", http.StatusOK)
}

func TestEmptyListsSayWhatToDo(t *testing.T) {
	p := signedIn(t)
	for path, link := range map[string]string{"": "/servers/-new", "/servers": "/servers/-new", "/overlays": "/overlays/-new", "/blueprints": "/blueprints/-new",
		"/servers/-new": "/blueprints/-new"} {
		got := p.get("/hosts/local"+path, http.StatusOK)
		empty := got.all("div", "class", "empty")
		if len(empty) != 1 || len((answer{root: empty[0]}).all("a", "href", "/hosts/local"+link)) != 1 {
			t.Errorf("%s does not say to go to %s", path, link)
		}
	}
}
