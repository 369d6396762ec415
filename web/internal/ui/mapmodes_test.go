package ui_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

// burning is a campaign for coop and survival, whose second map has coop alone.
func burning() api.Campaign {
	return api.Campaign{Name: "burning", Title: "Burning Night", Modes: []api.CampaignMode{
		{Name: "coop", Chapters: []api.Chapter{{Number: 1, Map: "Burn1"}, {Number: 2, Map: "burn2"}}},
		{Name: "survival", Chapters: []api.Chapter{{Number: 1, Map: "Burn1"}}},
		{Name: "mutation99", Chapters: []api.Chapter{{Number: 1, Map: "burn2"}}}}}
}

func TestModesOfAMap(t *testing.T) {
	addons := api.Addons{Campaigns: []api.Campaign{burning()}}
	for name, want := range map[string][]string{
		"burn1": {"coop", "realism", "survival"}, "BURN2": {"coop", "realism", "mutation99"}, "c1m1_hotel": nil, "": nil,
	} {
		if got := view.ModesOf(addons, name); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Without JavaScript every mode can be chosen; what the campaign does not have is refused, and the answer says what it has.
func TestMapFormKnowsTheModesOfACampaign(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.SetContent("alpha", agenttest.Content{Campaigns: []api.Campaign{burning()}})
	page := p.get(alphaPage, http.StatusOK)
	if n := len(page.all("option", "data-modes", "coop realism survival")); n != 1 {
		t.Errorf("%d maps are marked with their modes: %s", n, page.text())
	}
	before := len(p.agent.Requests())
	got := p.post(alphaPage+"/map", url.Values{"map": {"burn2"}, "mode": {"versus"}}, http.StatusBadRequest)
	p.mustSay(got, "The map burn2 cannot be played in the mode versus.", "Its campaign has: coop, realism, mutation99.")
	if got.value("map") != "burn2" || got.value("mode") != "versus" {
		t.Errorf("the form lost what was chosen: %q, %q", got.value("map"), got.value("mode"))
	}
	for _, request := range p.agent.Requests()[before:] {
		if strings.HasPrefix(request, "POST ") {
			t.Errorf("the agent was made to do %s", request)
		}
	}
	p.post(alphaPage+"/map", url.Values{"map": {"burn2"}, "mode": {"realism"}}, http.StatusSeeOther)
	p.post(alphaPage+"/map", url.Values{"map": {"c2m1_highway"}, "mode": {"versus"}}, http.StatusSeeOther)
}

// The choice of a mode follows the choice of a map.
func TestMapFormNarrowsModesInChromium(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	p.seed()
	p.agent.SetContent("alpha", agenttest.Content{Campaigns: []api.Campaign{burning()}})
	c := signedInChromium(p)
	c.open(p.URL + alphaPage)
	c.sees("#map-form")
	choose := func(name string) string {
		return eval[string](c, `(() => { const map = document.querySelector("#map"); map.value = "`+name+`"; map.dispatchEvent(new Event("change"));
			return [...document.querySelector("#mode").options].filter((o) => !o.disabled).map((o) => o.value).join(" ") })()`)
	}
	if got := choose("burn2"); got != " coop realism mutation99" {
		t.Errorf("modes of burn2: %q", got)
	}
	eval[bool](c, `(document.querySelector("#mode").value = "mutation99", true)`)
	if got := choose("Burn1"); got != " coop realism survival" {
		t.Errorf("modes of Burn1: %q", got)
	}
	if got := eval[string](c, `document.querySelector("#mode").value`); got != "" {
		t.Errorf("a mode that the map does not have stays chosen: %q", got)
	}
	if got := choose("c1m1_hotel"); got != " coop realism versus survival scavenge mutation99" {
		t.Errorf("modes of an official map: %q", got)
	}
}
