package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
)

// Saving a blueprint whose form was not touched changes nothing, whatever is set.
func TestBlueprintFormLosesNothing(t *testing.T) {
	p := signedIn(t)
	p.seed()
	region, lobby := 255, false
	want := api.BlueprintSettings{Hostname: "x", Region: &region, LobbyOnly: &lobby, Rates: true, Password: "pw", Tags: "a,b", GameTypes: "coop", MOTD: "one\ntwo",
		SteamGroupExclusive: true, SMCvars: []string{"sv_cheats 1"}, Mode: "mutation12", Limits: api.Limits{MemoryMiB: 2048, CPUs: "0-1"}}
	if _, err := p.agent.Client.UpdateBlueprint(t.Context(), "alpha", api.BlueprintUpdate{Settings: &want}); err != nil {
		t.Fatal(err)
	}
	page := p.get("/hosts/local/blueprints/alpha", http.StatusOK)
	form := url.Values{"do": {"save"}}
	for _, tag := range []string{"input", "textarea", "select"} {
		for _, n := range page.all(tag, "name", "*") {
			name, _ := attribute(n, "name")
			id, _ := attribute(n, "id")
			_, checked := attribute(n, "checked")
			if kind, _ := attribute(n, "type"); kind == "checkbox" && !checked {
				continue
			}
			if value := page.value(id); id != "" {
				form.Set(name, value)
			} else if value, ok := attribute(n, "value"); ok {
				form.Add(name, value)
			}
		}
	}
	p.post("/hosts/local/blueprints/alpha", form, http.StatusSeeOther)
	got, err := p.agent.Client.Blueprint(t.Context(), "alpha")
	if err != nil || !cmp.Equal(got.Settings, want) || !cmp.Equal(got.Overlays, []string{"alpha"}) {
		t.Errorf("%v: %s\n%v", err, cmp.Diff(want, got.Settings), got.Overlays)
	}
}

// A likely mistake stands beside the line it is about, and nothing is saved by looking.
func TestBlueprintPreview(t *testing.T) {
	p := signedIn(t)
	p.seed()
	got := p.post("/hosts/local/blueprint-preview", url.Values{"blueprint": {"alpha"}, "overlays": {"alpha"}, "config": {"sv_alltalk 1\r\n# <b>note</b>"}}, http.StatusOK)
	odd := got.all("li", "class", "odd")
	if len(odd) != 1 || !strings.Contains((answer{root: odd[0]}).text(), "# <b>note</b> Source knows no comments") {
		t.Errorf("%d lines are marked: %s", len(odd), got.text())
	}
	p.mustSay(got, "Servers take changes up at their next start: alpha")
	if kept := got.value("config"); !strings.Contains(kept, "sv_alltalk 1") {
		t.Errorf("the form lost what was typed: %q", kept)
	}
	got = p.post("/hosts/local/blueprint-preview", url.Values{"name": {"new-one"}, "settings.tickrate": {"fast"}}, http.StatusOK)
	p.mustSay(got, "This is not a number: fast")
	if got.value("name") != "new-one" {
		t.Error("the new blueprint lost its name")
	}
	stored, err := p.agent.Client.Blueprint(t.Context(), "alpha")
	if err != nil || len(stored.Config) != 0 {
		t.Errorf("a look changed it: %+v, %v", stored, err)
	}
}

// A preview tells nothing about what its reader may not see.
func TestBlueprintPreviewOfStrangers(t *testing.T) {
	p := newTown(t)
	for _, form := range []url.Values{{"blueprint": {"alpha"}}, {"name": {"mine"}, "overlays": {"alpha"}}} {
		got := p.do(p.browsers[stranger], p.request(http.MethodPost, "/hosts/local/blueprint-preview", form))
		if strings.Contains(got.body, "secret") || form.Has("blueprint") != (got.StatusCode == http.StatusNotFound) {
			t.Errorf("%v: %d %s", form, got.StatusCode, got.text())
		}
	}
}
