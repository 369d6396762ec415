package ui_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/agenttest"
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
	p.mustSay(page, "3 items", "Burning Night", "1780846734567890123", "Zoë ☢", "is no longer in the Workshop", "827 MiB")
	if links := page.all("a", "rel", "noreferrer"); len(links) != 1 {
		t.Errorf("%d links to other sites", len(links))
	}
	for _, picture := range page.all("img") {
		source, _ := attribute(picture, "src")
		if !strings.HasPrefix(source, "/static/") && !strings.HasPrefix(source, "/hosts/local/overlays/maps/picture?item=") {
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

// Pictures come from the panel itself, to those who may see the overlay, and can be nothing but pictures.
func TestPicturesOfItems(t *testing.T) {
	p := signedIn(t)
	ctx := t.Context()
	for _, name := range []string{"maps", "plain"} {
		if _, err := p.agent.Client.CreateOverlay(ctx, api.OverlayCreate{Name: name, Type: "overlay-workshop", Settings: []byte(`{"items":["1"]}`)}); err != nil {
			t.Fatal(err)
		}
	}
	content := workshopContent()
	content.Pictures["333"] = []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
	p.agent.SetContent("maps", content)
	page := p.get("/hosts/local/overlays/maps", http.StatusOK)
	pictures := page.all("img", "loading", "lazy")
	if len(pictures) != 1 || len(page.all("span", "class", "thumb")) != 2 {
		t.Fatalf("%d pictures and %d places for them", len(pictures), len(page.all("span", "class", "thumb")))
	}
	for name, want := range map[string]string{"alt": "", "width": "96", "height": "54"} {
		if got, there := attribute(pictures[0], name); !there || got != want {
			t.Errorf("attribute %s is %q", name, got)
		}
	}
	source, _ := attribute(pictures[0], "src")
	got := p.get(source, http.StatusOK)
	if got.Header.Get("Content-Type") != "image/jpeg" || got.body != string(content.Pictures["2542824628"]) {
		t.Errorf("picture: %d, %v", got.StatusCode, got.Header)
	}
	if h := got.Header; h.Get("Cache-Control") != "private, max-age=31536000, immutable" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("headers %v", h)
	}
	if got := p.get("/hosts/local/overlays/maps/picture?item=2542824628", http.StatusOK); got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a picture without its version may be kept: %v", got.Header)
	}
	if got := p.get("/hosts/local/overlays/maps/picture?item=333&v=1", http.StatusBadGateway); strings.Contains(got.body, "onload") || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("what is no picture: %d, %v", got.StatusCode, got.Header)
	}
	p.get("/hosts/local/overlays/maps/picture", http.StatusBadRequest)
	for _, address := range []string{"maps/picture?item=121088946", "plain/picture?item=2542824628", "none/picture?item=2542824628"} {
		p.get("/hosts/local/overlays/"+address, http.StatusNotFound)
	}
	p.agent.SetContent("maps", agenttest.Content{Items: []api.Item{{ID: "1"}}})
	if page := p.get("/hosts/local/overlays/maps", http.StatusOK); len(page.all("span", "class", "thumb")) != 0 {
		t.Error("there is room for pictures where there are none")
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
	p.mustSay(p.get(job, http.StatusOK), "Refresh of", "maps", "unchanged")
}
