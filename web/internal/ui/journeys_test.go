package ui_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
)

// traveller is a person with a real browser, who stops on the way to look at the page.
type traveller struct {
	*chromium
	p     *panel
	axe   string
	stops int
}

// stop looks at the page as it is on both widths and in both colours: it fits, has no barrier, and is kept as pictures.
func (v *traveller) stop(name string) {
	v.t.Helper()
	v.stops++
	for _, colours := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1440} {
			v.look(width, colours)
			v.picture(fmt.Sprintf("journey-%02d-%s-%d-%s", v.stops, name, width, colours))
		}
		v.barriers(name+" in "+colours, v.axe)
	}
}

func (v *traveller) goTo(path string) { v.t.Helper(); v.open(v.p.URL + "/hosts/local" + path) }

// TestJourneys walks the ten main ways through the panel one after another, from an empty host on. Whatever the browser's
// console or the content security policy complains about fails it.
func TestJourneys(t *testing.T) {
	p := newPanel(t)
	v := &traveller{chromium: newChromium(t), p: p, axe: axe(t)}
	for _, journey := range []struct {
		name string
		walk func(*traveller)
	}{
		{"first set-up", (*traveller).setUp},
		{"a script overlay from empty to built", (*traveller).scriptOverlay},
		{"a workshop collection is added", (*traveller).collection},
		{"a blueprint with three overlays in another order", (*traveller).order},
		{"a server from its making to its stop", (*traveller).server},
		{"back to an earlier revision", (*traveller).rollback},
		{"a plugin crashes and comes back", (*traveller).plugin},
		{"somebody is invited, with limits", (*traveller).invite},
		{"a schedule is made", (*traveller).schedule},
		{"a failed build is read and mended", (*traveller).mend},
	} {
		t.Log(journey.name)
		v.look(1440, "light")
		journey.walk(v)
	}
}

func (v *traveller) setUp() {
	token, err := account.SetupToken(v.p.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	v.open(v.p.URL + "/setup?token=" + token)
	v.stop("set-up")
	v.typeInto("#name", testName)
	v.typeInto("#password", testPassword+kb.Enter)
	v.says(".flash", "Welcome")
	v.stop("empty-dashboard")
}

func (v *traveller) scriptOverlay() {
	v.goTo("/overlays/-new?type=overlay-script")
	v.typeInto("#name", "scripted")
	v.holds("document.querySelectorAll('.editor .paint span').length > 0")
	v.click("main form button")
	v.says(".huge", "succeeded")
	v.goTo("/overlays/scripted")
	eval[bool](v.chromium, "(a => { a.focus(); a.setSelectionRange(a.value.length, a.value.length); return true })(document.querySelector('.editor textarea'))")
	v.typeInto(".editor textarea", "\t# my <b>words</b>")
	v.holds("[...document.querySelectorAll('.paint .c-remark')].some(e => e.textContent.includes('<b>words'))")
	v.click("button[name=build]")
	v.says(".flash", "being built")
	v.says("#build", "succeeded")
	v.says("#log", "building scripted")
	v.stop("script-built")
}

func (v *traveller) collection() {
	v.goTo("/overlays/-new?type=overlay-workshop")
	v.typeInto("#name", "workshop")
	v.typeInto("#set\\.items", "121088946")
	v.click("main form button")
	v.says(".huge", "succeeded")
	v.p.agent.SetContent("workshop", workshopContent())
	v.goTo("/overlays/workshop")
	v.typeInto("#add", "https://steamcommunity.com/sharedfiles/filedetails/?id=2542824628")
	v.stop("collection")
	v.click("button[value=add]")
	v.says(".huge", "succeeded")
}

func (v *traveller) order() {
	made, err := v.p.agent.Client.As(testName).CreateOverlay(v.t.Context(), api.OverlayCreate{Name: "third", Type: "overlay-script", Build: true, Settings: []byte(`{"script":"#!/bin/sh\n"}`)})
	if err != nil {
		v.t.Fatal(err)
	}
	v.p.finished(made.LastJob)
	v.goTo("/blueprints/-new")
	v.typeInto("#name", "coop")
	for i := range 3 {
		v.click("button[value=add]")
		v.holds(fmt.Sprintf("document.querySelectorAll('input[name=overlays]').length === %d", i+1))
	}
	names := func() string {
		return eval[string](v.chromium, "[...document.querySelectorAll('input[name=overlays]')].map(e => e.value).join(' ')")
	}
	before := names()
	v.click("[data-order] li:nth-child(2) button[name=up]")
	v.holds(fmt.Sprintf("[...document.querySelectorAll('input[name=overlays]')].map(e => e.value).join(' ') !== %q", before))
	if focused := eval[string](v.chromium, "document.activeElement.tagName"); focused != "BUTTON" {
		v.t.Errorf("moving by the keyboard lost the focus to %s", focused)
	}
	moved := names()
	v.drag()
	if got := names(); got == moved {
		v.t.Errorf("dragging changed nothing: %s", got)
	}
	v.typeInto("#config", "# a remark")
	v.says("#preview .odd", "Source knows no comments")
	v.stop("blueprint")
	want := names()
	v.click("button[value=save]")
	v.says(".flash", "Blueprint made")
	if got := names(); got != want {
		v.t.Errorf("saved %s, want %s", got, want)
	}
}

// drag pulls the first overlay below the last one.
func (v *traveller) drag() {
	eval[bool](v.chromium, `(() => {
		const rows = [...document.querySelectorAll("[data-order] li:not(.base)")], grip = rows[0].querySelector(".grip");
		grip.setPointerCapture = () => {};
		const at = (type, y) => grip.dispatchEvent(new PointerEvent(type, {bubbles: true, cancelable: true, clientY: y, pointerId: 1, button: 0}));
		const box = rows.at(-1).getBoundingClientRect();
		at("pointerdown", rows[0].getBoundingClientRect().top + 5); at("pointermove", box.bottom - 1); at("pointerup", box.bottom - 1);
		return true;
	})()`)
}

func (v *traveller) server() {
	v.goTo("/servers/-new")
	v.typeInto("#name", "alpha")
	v.click("main form.card button")
	v.says(".huge", "running")
	v.p.agent.Print("alpha", `"Coach<script>" joined`)
	v.says("#log", "Coach<script>")
	v.holds("!document.querySelector('#command').disabled")
	v.typeInto("#command", "changelevel c2m1_highway"+kb.Enter)
	v.sees(".reply")
	v.stop("server")
	v.click(`form[action$="/stop"] button`)
	v.says(".huge", "succeeded")
}

func (v *traveller) rollback() {
	v.goTo("/overlays/scripted")
	v.click(`form[action$="/rollback"] button`)
	v.says(".flash", "Went back")
	v.stop("rollback")
}

func (v *traveller) plugin() {
	v.goTo("/plugins")
	now := time.Now()
	crashed := api.Plugin{Name: "overlay-script", Kind: "builder", Enabled: true, Version: "0.1.0", Launch: "exec", State: "backoff", Restarts: 1,
		Description: "Ended with signal SIGSEGV; started again in 2 s.", LastExit: "signal SIGSEGV", LastExitAt: &now}
	v.p.agent.SetPlugin(crashed)
	v.says("main", "SIGSEGV; started again")
	v.says("main", "backoff")
	v.stop("plugin-crashed")
	crashed.State, crashed.Description = "ready", ""
	v.p.agent.SetPlugin(crashed)
	v.holds("!document.querySelector('main').textContent.includes('started again')")
	v.stop("plugin-back")
}

func (v *traveller) invite() {
	v.open(v.p.URL + "/invitations")
	v.typeInto("#servers", "1")
	v.typeInto("#note", "for Zoë <b>")
	v.click("main form.card button")
	v.holds("/welcome/.test(document.querySelector('main').innerHTML)")
	v.stop("invitation")
}

func (v *traveller) schedule() {
	v.goTo("/schedules/-new")
	v.typeInto("#name", "nightly")
	v.typeInto("#cron", "30 4 * * *")
	v.says("#preview", "04:30")
	v.click("button[value=add]")
	v.sees("#a0\\.server")
	v.stop("schedule")
	v.click("button[value=save]")
	v.says(".flash", "Schedule made")
	v.goTo("/schedules")
	v.says("main", "start alpha")
}

func (v *traveller) mend() {
	v.p.agent.Script("overlay.build", func(_ context.Context, run *agenttest.Run) error {
		run.Log("stderr", "line 3: crul: command not found")
		return &client.Error{Code: client.CodeInvalid, Message: "The script ended with exit code 127."}
	})
	v.goTo("/overlays/scripted")
	v.click("button[name=build]")
	v.says("#build", "failed")
	v.says("#log", "crul: command not found")
	v.stop("build-failed")
	v.p.agent.Script("overlay.build", nil)
	run(v.chromium, "write the script anew", chromedp.Evaluate[bool]("(a => { a.value = '#!/bin/sh\\necho mended\\n'; a.dispatchEvent(new Event('input')); return true })(document.querySelector('.editor textarea'))"))
	v.click("button[name=build]")
	v.says("#build", "succeeded")
	v.stop("build-mended")
}
