package ui_test

import (
	"fmt"
	"testing"

	"github.com/left4me/left4me/agent/api"
)

func signedInChromium(p *panel) *chromium {
	p.t.Helper()
	c := newChromium(p.t)
	c.look(1440, "light")
	c.open(p.URL + "/sign-in")
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	return c
}

// Live parts change under a person's hands without taking focus or closing what is open.
func TestLivePartsKeepFocusAndDetails(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	c := signedInChromium(p)
	c.open(p.URL + "/hosts/local/plugins")
	c.click("summary")
	eval[bool](c, `(document.querySelector('form[action$="/mounter-kernel/restart"] button').focus(), true)`)
	p.agent.SetPlugin(api.Plugin{Name: "mounter-kernel", Kind: "mounter", Enabled: true, State: "degraded", Description: "Something changed.",
		Health: map[string]string{"overlayfs": "no"}})
	c.says("main", "Something changed.")
	if !eval[bool](c, "document.querySelector('details').open") {
		t.Error("what was open is closed")
	}
	if got := eval[string](c, "document.activeElement.form?.getAttribute('action') ?? document.activeElement.tagName"); got != "/hosts/local/plugins/mounter-kernel/restart" {
		t.Errorf("the focus is on %s", got)
	}
}

// A flood of lines leaves the newest, in order, without a gap, and following can be paused.
func TestConsoleFlood(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	p.seed()
	c := signedInChromium(p)
	c.open(p.URL + "/hosts/local/servers/alpha")
	c.says("#log", "VAC")
	const lines = 7000
	for from := 0; from < lines; from += 500 {
		var batch []string
		for i := from; i < from+500; i++ {
			batch = append(batch, fmt.Sprintf("line %d", i))
		}
		p.agent.Print("alpha", batch...)
	}
	c.holds(fmt.Sprintf("document.querySelector('#log').lastElementChild.textContent === 'line %d'", lines-1))
	if n := eval[int](c, "document.querySelector('#log').childElementCount"); n != 5000 {
		t.Errorf("the page keeps %d lines", n)
	}
	if first := eval[string](c, "document.querySelector('#log').firstElementChild.textContent"); first != "line 2000" {
		t.Errorf("the first line is %q", first)
	}
	c.holds("(b => b.scrollHeight - b.scrollTop - b.clientHeight < 2)(document.querySelector('#log'))")
	c.click("[data-follow]")
	top := eval[float64](c, "document.querySelector('#log').scrollTop = 100")
	p.agent.Print("alpha", "after the pause")
	c.says("#log", "after the pause")
	if got := eval[float64](c, "document.querySelector('#log').scrollTop"); got > top {
		t.Errorf("a paused log moved from %v to %v", top, got)
	}
}

// A console goes on without loss or repetition after the agent was away.
func TestConsoleResumesInChromium(t *testing.T) {
	p := newPanel(t)
	p.createAccount()
	p.seed()
	c := signedInChromium(p)
	c.open(p.URL + "/hosts/local/servers/alpha")
	p.agent.Print("alpha", "before")
	c.says("#log", "before")
	p.agent.Disconnect()
	p.agent.Print("alpha", "meanwhile", "after")
	c.says("#log", "after")
	got := eval[string](c, "[...document.querySelectorAll('#log > div')].slice(-3).map(d => d.textContent).join(' ')")
	if got != "before meanwhile after" {
		t.Errorf("the console says %q", got)
	}
}
