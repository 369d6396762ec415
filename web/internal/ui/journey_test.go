package ui_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/web/internal/account"
)

// A person sets the panel up and gets to a running server, in a real browser, without loading a page by hand (S19).
func TestJourneyInChromium(t *testing.T) {
	p := newPanel(t)
	c := newChromium(t)
	token, err := account.SetupToken(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	c.open(p.URL + "/setup?token=" + token)
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+kb.Enter)
	c.sees(".empty")
	c.says("h1", "Dashboard")
	c.says(".flash", "Welcome")
	overlayWithLiveLog(p, c)
	blueprintFromOverlay(p, c)
	serverToTheEnd(p, c)
}

func overlayWithLiveLog(p *panel, c *chromium) {
	logged, goOn := make(chan struct{}), make(chan struct{})
	p.agent.Script("overlay.build", func(ctx context.Context, run *agenttest.Run) error {
		run.Log("stdout", "<b>first line</b>")
		close(logged)
		select {
		case <-goOn:
		case <-ctx.Done():
			return ctx.Err()
		}
		run.Log("warn", "second line")
		return agenttest.Default("overlay.build")(ctx, run)
	})
	defer p.agent.Script("overlay.build", nil)
	c.open(p.URL + "/hosts/local/overlays/-new?type=overlay-script")
	c.typeInto("#name", "maps")
	c.click("main form button")
	c.sees("#log")
	<-logged
	c.says("#log", "<b>first line</b>")
	c.says(".huge", "running")
	close(goOn)
	c.says("#log", "second line")
	c.says(".huge", "succeeded")
	c.holds("document.title.startsWith('succeeded')")
	if n := eval[int](c, "document.querySelectorAll('#log b').length"); n != 0 {
		p.t.Error("a line of a log became markup")
	}
}

func blueprintFromOverlay(p *panel, c *chromium) {
	c.open(p.URL + "/hosts/local/blueprints/-new")
	c.typeInto("#name", "campaign")
	c.click("button[value=add]")
	c.sees("button[name=remove]")
	if got := eval[string](c, "document.querySelector('#name').value"); got != "campaign" {
		p.t.Errorf("adding an overlay lost the name: %q", got)
	}
	c.click("button[value=save]")
	c.sees(".flash")
	c.says("h1", "campaign")
}

func serverToTheEnd(p *panel, c *chromium) {
	c.open(p.URL + "/hosts/local/servers/-new")
	c.typeInto("#name", "alpha")
	c.click("main form.card button")
	c.sees("#console")
	c.says(".huge", "running")
	c.holds("document.title.startsWith('running')")
	c.says("#log", "VAC secure mode")
	p.agent.Print("alpha", `L 11/24/2026 "Coach<script>alert(1)</script>" joined`)
	c.says("#log", "Coach<script>alert(1)</script>")
	c.holds("!document.querySelector('#command').disabled")
	c.typeInto("#command", "status"+kb.Enter)
	c.sees(".reply")
	c.says(".reply", "c1m1_hotel")
	c.typeInto("#command", kb.ArrowUp)
	if got := eval[string](c, "document.querySelector('#command').value"); got != "status" {
		p.t.Errorf("the last command did not come back: %q", got)
	}
	c.typeInto("#filter", "coach")
	c.holds("[...document.querySelectorAll('#log > div')].filter(d => d.offsetParent).length === 1")
	c.click(`form[action$="/stop"] button`)
	c.sees(".steps")
	c.says(".huge", "succeeded")
	c.open(p.URL + "/hosts/local/servers/alpha")
	c.says(".huge", "offline")
}
