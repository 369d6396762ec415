package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

const alphaPage = "/hosts/local/servers/alpha"

// withPlayers is a panel with the server alpha, on which two people and a bot play.
func withPlayers(t *testing.T) *panel {
	t.Helper()
	p := signedIn(t)
	p.seed()
	p.agent.SetPlayers("alpha", api.Player{UserID: 2, Name: `Zoë"><b>`, SteamID: "76561197960287930", Ping: 34, Connected: 600},
		api.Player{UserID: 3, Name: "\u202eנועה", SteamID: "76561197960265731"}, api.Player{UserID: 4, Name: "Nick", Bot: true})
	return p
}

func TestPlayersAreKickedAndBanned(t *testing.T) {
	p := withPlayers(t)
	page := p.get(alphaPage+"/players?user=2&steam=76561197960287930", http.StatusOK)
	p.mustSay(page, `Zoë"><b>`, "They may come back at once.")
	if n := len(page.all("form", "action", alphaPage+"/kick")); n != 1 {
		t.Fatalf("%d forms to kick", n)
	}
	gone := p.get(alphaPage+"/players?user=2&steam=76561197960265731", http.StatusOK) // the number is somebody else's now
	p.mustSay(gone, "They do not play any more.")
	if len(gone.all("form", "action", alphaPage+"/kick")) != 0 || gone.value("steam_id") != "76561197960265731" {
		t.Error("somebody else can be kicked, or who left cannot be banned")
	}
	p.post(alphaPage+"/kick", url.Values{"user": {"2"}, "steam_id": {"76561197960287930"}, "reason": {"bye"}}, http.StatusSeeOther)
	p.post(alphaPage+"/ban", url.Values{"steam_id": {"76561197960265731"}, "minutes": {"30"}}, http.StatusSeeOther)
	p.mustSay(p.get(alphaPage, http.StatusOK), "Nick")
	if left := p.get(alphaPage+"/players", http.StatusOK).text(); strings.Contains(left, "Zoë") || strings.Contains(left, "נועה") {
		t.Errorf("still there: %s", left)
	}
	p.mustSay(p.post(alphaPage+"/kick", url.Values{"user": {"2"}, "steam_id": {"76561197960287930"}}, http.StatusNotFound), "they may have left")
	p.mustSay(p.post(alphaPage+"/ban", url.Values{"steam_id": {"1"}, "minutes": {""}}, http.StatusBadRequest), "for how long")
	p.post(alphaPage+"/unban", url.Values{"steam_id": {"76561197960265731"}}, http.StatusSeeOther)
	p.post(alphaPage+"/say", url.Values{"text": {"hello"}}, http.StatusSeeOther)
	p.mustSay(p.post(alphaPage+"/say", url.Values{"text": {`"`}}, http.StatusBadRequest), "The game cannot take this text.")
	history := p.get(alphaPage+"/history", http.StatusOK)
	p.mustSay(history, `Kicked Zoë"><b>.`, "Banned 76561197960265731.", "Took back the ban", "Said: hello", "by ada")
	game := p.get(alphaPage+"/history?show=game&text=zo%C3%AB", http.StatusOK)
	p.mustSay(game, "left", "bye")
	if strings.Contains(game.text(), "banned") {
		t.Errorf("the filter lets through: %s", game.text())
	}
	p.mustSay(p.get(alphaPage+"/history?show=game&kind=chat", http.StatusOK), "Nothing in the history fits.")
	p.mustSay(p.get(alphaPage+"/history?show=jobs", http.StatusOK), "Start of server alpha", "succeeded")
	for _, page := range []answer{page, gone, history, game} {
		harmless(t, "players and history", page)
	}
}

func TestMapIsChanged(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.SetContent("alpha", agenttest.Content{Campaigns: []api.Campaign{{File: "x.vpk", Name: "x", Title: "Burning <b>Night</b>",
		Modes: []api.CampaignMode{{Name: "mutation4", Chapters: []api.Chapter{{Number: 1, Map: "BN_Streets", Title: "Streets"}}}}}}})
	page := p.get(alphaPage, http.StatusOK)
	harmless(t, alphaPage, page)
	for _, want := range []string{"BN_Streets", "c1m1_hotel", "c14m2_lighthouse", "mutation4", "scavenge"} {
		if len(page.all("option", "value", want)) == 0 {
			t.Errorf("%s is not offered", want)
		}
	}
	p.post(alphaPage+"/map", url.Values{"map": {"BN_Streets"}, "mode": {"mutation4"}}, http.StatusSeeOther)
	p.mustSay(p.get(alphaPage, http.StatusOK), "The map is being changed to BN_Streets.", "Burning <b>Night</b>, 1")
	p.mustSay(p.post(alphaPage+"/map", url.Values{"map": {"a b"}}, http.StatusBadRequest), "is not the name of a map")
}

func TestStoppingPlayersAsksFirst(t *testing.T) {
	p := withPlayers(t)
	if page := p.get(alphaPage, http.StatusOK); len(page.all("form", "action", alphaPage+"/stop")) != 0 || len(page.all("a", "href", alphaPage+"/stop")) != 1 {
		t.Error("it stops without asking")
	}
	p.mustSay(p.get(alphaPage+"/stop", http.StatusOK), "Whoever plays is thrown out.", "3 players are in the game now.")
	p.agent.SetPlayers("alpha")
	if page := p.get(alphaPage, http.StatusOK); len(page.all("form", "action", alphaPage+"/stop")) != 1 {
		t.Error("it asks although nobody plays")
	}
}

func TestConsoleIsSearchedAndDownloaded(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.Print("alpha", "\x1b[31mred <b>\x1b[0m rest", "Zoë ☢ joined", "\u202edesrever")
	page := p.get(alphaPage+"/console", http.StatusOK)
	harmless(t, "console", page)
	if red := page.all("span", "class", "t-red"); len(red) != 1 || text(red[0]) != "red <b>" {
		t.Errorf("the colour is lost: %d", len(red))
	}
	if strings.ContainsAny(page.body, "\x1b\u202e") {
		t.Error("the page holds codes of a terminal")
	}
	found := p.get(alphaPage+"/console?search="+url.QueryEscape("zoë ☢"), http.StatusOK)
	p.mustSay(found, "1 line with “ zoë ☢ ”.", "Zoë ☢ joined")
	if strings.Contains(found.text(), "rest") || len(found.all("div", "data-stream", "*")) != 0 {
		t.Error("a search shows other lines, or follows")
	}
	p.mustSay(p.get(alphaPage+"/console?search=nothing-like-it", http.StatusOK), "No line with")
	file := p.get(alphaPage+"/console.txt", http.StatusOK)
	if !strings.Contains(file.body, "Z red <b> rest\n") || !strings.HasPrefix(file.Header.Get("Content-Type"), "text/plain") ||
		file.Header.Get("Content-Disposition") != `attachment; filename="alpha-console.txt"` {
		t.Errorf("%v\n%s", file.Header, file.body)
	}
}

func TestCurvesAndStack(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.SetContent("alpha", agenttest.Content{Packs: []api.Addon{{File: "a.vpk", Bytes: 2 << 20, Maps: []string{"x"}}, {File: "b.vpk", Maps: []string{"X"}}}})
	page := p.get(alphaPage+"?last=10min", http.StatusOK)
	p.mustSay(page, "CPU", "Memory", "Tick rate", "2 add-ons, 2.0 MiB", "1 conflict: the higher layer wins")
	lines := page.all("path", "class", "line")
	if len(lines) < 6 {
		t.Fatalf("%d curves", len(lines))
	}
	if d, _ := attribute(lines[0], "d"); strings.Count(d, "M") != 2 {
		t.Errorf("a gap is drawn over: %s", d)
	}
	if n := len(page.all("a", "aria-current", "true")); n != 1 {
		t.Errorf("%d times are marked", n)
	}
	if n := len(p.get("/hosts/local", http.StatusOK).all("path", "class", "line")); n < 6 {
		t.Errorf("%d curves on the dashboard", n)
	}
}

func TestHostDownIsShown(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.agent.Stop()
	got := p.get("/hosts/local", http.StatusBadGateway)
	p.mustSay(got, "down", "looks again")
	p.agent.Start()
	p.mustSay(p.get("/hosts/local", http.StatusOK), "alpha")
}

func TestPagesAreCompressed(t *testing.T) {
	p := signedIn(t)
	p.seed()
	page := p.get(alphaPage, http.StatusOK)
	style, _ := attribute(page.all("link", "rel", "stylesheet")[0], "href")
	script, _ := attribute(page.all("script", "src", "*")[0], "src")
	for path, zipped := range map[string]bool{alphaPage: true, style: true, script: true, alphaPage + "/stream": false} {
		r := p.request(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", "gzip") // then the client leaves the answer as it is
		response, err := p.browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%s is compressed: %v", path, got)
		}
	}
}

// A person follows the console, completes and sends a command, changes the map and kicks a player (S19).
func TestServerJourneyInChromium(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	p.seed()
	p.agent.SetPlayers("alpha", api.Player{UserID: 2, Name: "Zoë <i>", SteamID: "76561197960287930"}, api.Player{UserID: 3, Name: "Noa", SteamID: "76561197960265731"})
	c := signedInChromium(p)
	c.open(p.URL + alphaPage)
	c.says(".hero", "2 of 8")
	p.agent.Print("alpha", "\x1b[32mgreen <i>\x1b[0m text")
	c.says("#log .t-green", "green <i>")
	c.typeInto("#command", "chang"+kb.Tab)
	c.holds("document.querySelector('#command').value === 'changelevel '")
	c.typeInto("#command", "c1m4"+kb.Tab+kb.Enter)
	c.says(".reply", "changelevel c1m4_atrium")
	c.says(".hero", "c1m4_atrium")
	c.says(".hero", "Dead Center, 4")
	eval[bool](c, "(document.querySelector('#map').value = 'c5m1_waterfront', true)")
	c.click("#map-form button")
	c.sees(".flash")
	c.says(".flash", "c5m1_waterfront")
	c.says(".hero", "The Parish, 1")
	c.click(`a[aria-label="Kick or ban Zoë <i>"]`)
	c.sees("#player")
	c.typeInto("#reason", "bye"+kb.Enter)
	c.sees(".flash")
	c.says(".flash", "Kicked.")
	c.says(".hero", "1 of 8")
	if eval[bool](c, "document.querySelector('#live-players').textContent.includes('Zoë')") {
		t.Error("who was kicked is still shown")
	}
	c.holds("document.title.startsWith('running · alpha')")
	p.agent.Crash("alpha", "It fell over.")
	c.holds("document.title.startsWith('crashed · alpha')")
	c.says("#live", "It fell over.")
}
