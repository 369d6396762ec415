package ui_test

import (
	"net/http"
	"strings"
	"testing"
)

// A plugin's log is on a page of its own, for administrators, and goes on by itself. What it holds is text.
func TestPluginLog(t *testing.T) {
	p := signedIn(t)
	p.mustSay(p.get("/hosts/local/plugins/overlay-script/log", http.StatusOK), "Nothing was logged since the agent began.")
	p.agent.LogPlugin("overlay-script", "error", "cannot open "+everything)
	got := p.get("/hosts/local/plugins/overlay-script/log", http.StatusOK)
	p.mustSay(got, "<script>alert(1)</script>", "cannot open")
	if len(got.all("div", "class", "l-error")) != 1 || len(got.all("div", "data-poll", "2")) != 1 {
		t.Errorf("the page does not go on, or shows no level: %s", got.body)
	}
	p.agent.LogPlugin("overlay-script", "info", "a line that came later")
	p.mustSay(p.get("/hosts/local/plugins/overlay-script/log", http.StatusOK), "a line that came later")
	if n := len(p.get("/hosts/local/plugins", http.StatusOK).all("a", "href", "/hosts/local/plugins/overlay-script/log")); n != 1 {
		t.Errorf("%d links to it", n)
	}
	p.get("/hosts/local/plugins/nothing/log", http.StatusNotFound)
	bob := p.person(owner)
	if got := p.look(bob, "/hosts/local/plugins/overlay-script/log"); got.StatusCode != http.StatusForbidden || strings.Contains(got.body, "cannot open") {
		t.Errorf("bob reads it: %d", got.StatusCode)
	}
}

// The page shows the newest line without a person scrolling to it.
func TestPluginLogGoesOnInChromium(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	for range 150 {
		p.agent.LogPlugin("overlay-script", "info", "an early line")
	}
	c := signedInChromium(p)
	c.open(p.URL + "/hosts/local/plugins/overlay-script/log")
	c.sees(".log")
	p.agent.LogPlugin("overlay-script", "warn", "a line that came later")
	c.says(".log", "a line that came later")
	c.holds(`(box => box.scrollTop + box.clientHeight >= box.scrollHeight - 2)(document.querySelector(".log"))`)
}
