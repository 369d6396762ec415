package ui_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
)

func TestItemsArePinnedExcludedAndAdded(t *testing.T) {
	p := signedIn(t)
	ctx, agent := t.Context(), p.agent.Client
	if _, err := agent.CreateOverlay(ctx, api.OverlayCreate{Name: "maps", Type: "overlay-workshop", Settings: []byte(`{"items":["1"]}`)}); err != nil {
		t.Fatal(err)
	}
	p.agent.SetContent("maps", workshopContent())
	page := p.get("/hosts/local/overlays/maps", http.StatusOK)
	p.mustSay(page, "3 items", "Burning Night", "1780846734567890123", "76561198000000001", "is no longer in the Workshop", "827 MiB")
	if links := page.all("a", "rel", "noreferrer"); len(links) != 1 {
		t.Errorf("%d links to other sites", len(links))
	}
	for _, picture := range page.all("img") {
		if source, _ := attribute(picture, "src"); !strings.HasPrefix(source, "/static/") {
			t.Errorf("the page loads a picture of others: %s", source)
		}
	}
	for _, step := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"action": {"pin"}, "id": {"1"}, "version": {"v7"}}, `{"items":["1"],"pins":{"1":"v7"}}`},
		{url.Values{"action": {"exclude"}, "id": {"2"}}, `{"exclude":["2"],"items":["1"],"pins":{"1":"v7"}}`},
		{url.Values{"action": {"exclude"}, "id": {"1"}}, `{"exclude":["2","1"],"items":["1"]}`},
		{url.Values{"action": {"include"}, "id": {"1"}}, `{"exclude":["2"],"items":["1"]}`},
		{url.Values{"action": {"pin"}, "id": {"1"}, "version": {"v8"}}, `{"exclude":["2"],"items":["1"],"pins":{"1":"v8"}}`},
		{url.Values{"action": {"unpin"}, "id": {"1"}}, `{"exclude":["2"],"items":["1"]}`},
		{url.Values{"action": {"add"}, "add": {" 3\r\n4 "}}, `{"exclude":["2"],"items":["1","3\n4"]}`},
	} {
		p.post("/hosts/local/overlays/maps/items", step.form, http.StatusSeeOther)
		o, err := agent.Overlay(ctx, "maps")
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if json.Unmarshal(o.Settings, &got) != nil || json.Unmarshal([]byte(step.want), &want) != nil {
			t.Fatalf("settings %s", o.Settings)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v:\n%s", step.form, diff)
		}
	}
	p.post("/hosts/local/overlays/maps/items", url.Values{"action": {"explode"}, "id": {"1"}}, http.StatusBadRequest)
	if o, err := agent.Overlay(ctx, "maps"); err != nil || o.LastJob == "" {
		t.Errorf("adding an item built nothing: %+v, %v", o, err)
	}
}

func TestCampaignPages(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.SetContent("alpha", workshopContent())
	for _, path := range []string{"overlays/alpha", "blueprints/alpha", "servers/alpha"} {
		page := p.get("/hosts/local/"+path+"/campaigns", http.StatusOK)
		p.mustSay(page, "Burning Night", "coop , 2 chapters", "The Streets", "maps/streets.bsp", "2542824628.vpk of alpha", "121088946.vpk of alpha", "Not a VPK file")
	}
	p.get("/hosts/local/overlays/none/campaigns", http.StatusNotFound)
}

func TestRefreshFromThePanel(t *testing.T) {
	p := signedIn(t)
	if _, err := p.agent.Client.CreateOverlay(t.Context(), api.OverlayCreate{Name: "maps", Type: "overlay-workshop", Settings: []byte(`{"items":["1"]}`)}); err != nil {
		t.Fatal(err)
	}
	p.mustSay(p.get("/hosts/local/overlays", http.StatusOK), "Look for updates now", "Next look by itself at 04:30 UTC")
	answer := p.post("/hosts/local/refresh", nil, http.StatusSeeOther)
	job := answer.Header.Get("Location")
	refresh, err := p.agent.Client.Refresh(t.Context())
	if err != nil || refresh.Last == nil {
		t.Fatalf("%+v, %v", refresh, err)
	}
	p.finished(refresh.Last.ID)
	p.mustSay(p.get(job, http.StatusOK), "overlay.refresh", "maps", "unchanged")
}
