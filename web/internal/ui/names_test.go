package ui_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/ui"
)

// Whatever word an address of the panel has, a thing can be called like that and is reached all the same.
func TestNamesThatAreWordsOfAddresses(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`) // as agents take it
	var words []string
	for _, route := range ui.Routes() {
		for _, word := range strings.Split(route.Row, "/") {
			if name.MatchString(word) && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	if len(words) < 50 || !slices.Contains(words, "new") {
		t.Fatalf("only %d words: %q", len(words), words)
	}
	p := signedIn(t)
	ctx, agent := t.Context(), p.agent.Client
	for _, word := range words {
		if _, err := agent.CreateOverlay(ctx, api.OverlayCreate{Name: word, Type: "overlay-script", Settings: []byte(`{"script":"#!/bin/sh\n"}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: word, Overlays: []string{word}}); err != nil {
			t.Fatal(err)
		}
		if _, err := agent.CreateServer(ctx, api.ServerCreate{Name: word, Blueprint: word}); err != nil {
			t.Fatal(err)
		}
		if _, err := agent.CreateSchedule(ctx, api.ScheduleCreate{Name: word, ScheduleDefinition: api.ScheduleDefinition{
			Trigger: api.ScheduleTrigger{Cron: "@daily"}, Actions: []api.ScheduleAction{{Kind: "restart", Server: word}}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"servers", "overlays", "blueprints", "schedules"} {
		list := p.get("/hosts/local/"+kind, http.StatusOK)
		for _, word := range words {
			address := "/hosts/local/" + kind + "/" + word
			if len(list.all("a", "href", address)) == 0 {
				t.Errorf("the list of %s does not lead to %q", kind, word)
			}
			got := p.get(address, http.StatusOK)
			if headings := got.all("h1"); len(headings) != 1 || text(headings[0]) != word {
				t.Errorf("%s is the page of something else: %s", address, got.text())
			}
		}
		if got := p.get("/hosts/local/"+kind+"/-new", http.StatusOK); !strings.HasPrefix(text(got.all("h1")[0]), "New ") {
			t.Errorf("the form for new %s: %s", kind, got.text())
		}
	}
}
