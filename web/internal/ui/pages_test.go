package ui_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// Every page fits its window and makes the browser complain about nothing, in both colours and on every width.
func TestPagesInChromium(t *testing.T) {
	p := newPanel(t)
	c := newChromium(t)
	c.look(390, "light")
	c.open(p.URL + "/sign-in")
	c.picture("not-set-up-390-light")
	p.createAccount()
	running := busyHost(p)
	for _, width := range []int64{390, 1440} {
		c.look(width, "light")
		c.open(p.URL + "/sign-in")
		c.picture(fmt.Sprintf("sign-in-%d-light", width))
	}
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	for _, colours := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1440} {
			c.look(width, colours)
			for name, path := range pages(running) {
				c.open(p.URL + path)
				c.picture(fmt.Sprintf("%s-%d-%s", name, width, colours))
			}
		}
	}
	for _, width := range []int64{360, 768, 2560, 3840} {
		c.look(width, "light")
		for name, path := range pages(running) {
			c.open(p.URL + path)
			c.fits(fmt.Sprintf("%s at %d", name, width))
		}
		c.open(p.URL + "/hosts/local")
		c.picture(fmt.Sprintf("dashboard-%d-light", width))
	}
}

// pages returns the pages to look at; LEFT4ME_PAGES chooses some by a part of their names.
func pages(running string) map[string]string {
	list := allPages(running)
	maps.DeleteFunc(list, func(name, _ string) bool { return !strings.Contains(name, os.Getenv("LEFT4ME_PAGES")) })
	return list
}

func allPages(running string) map[string]string {
	return map[string]string{
		"dashboard": "/hosts/local", "servers": "/hosts/local/servers", "server": "/hosts/local/servers/campaign-night",
		"server-console": "/hosts/local/servers/campaign-night/console", "server-search": "/hosts/local/servers/campaign-night/console?search=zo%C3%AB",
		"server-players": "/hosts/local/servers/campaign-night/players", "server-kick": "/hosts/local/servers/campaign-night/players?user=2&steam=76561197960287930",
		"server-history": "/hosts/local/servers/campaign-night/history", "server-game": "/hosts/local/servers/campaign-night/history?show=game",
		"server-stop": "/hosts/local/servers/campaign-night/stop", "server-offline": "/hosts/local/servers/practice",
		"server-new": "/hosts/local/servers/-new", "server-crashed": "/hosts/local/servers/versus", "server-delete": "/hosts/local/servers/versus/delete",
		"overlays": "/hosts/local/overlays", "overlay": "/hosts/local/overlays/maps", "overlay-campaigns": "/hosts/local/overlays/maps/campaigns", "overlay-new": "/hosts/local/overlays/-new",
		"overlay-workshop": "/hosts/local/overlays/-new?type=overlay-workshop", "blueprints": "/hosts/local/blueprints",
		"schedules": "/hosts/local/schedules", "schedule": "/hosts/local/schedules/nightly", "schedule-new": "/hosts/local/schedules/-new",
		"blueprint": "/hosts/local/blueprints/coop", "overlay-script": "/hosts/local/overlays/stripper", "server-campaigns": "/hosts/local/servers/campaign-night/campaigns",
		"overlay-empty-campaigns": "/hosts/local/overlays/stripper/campaigns", "jobs": "/hosts/local/jobs", "job-running": "/hosts/local/jobs/" + running,
		"jobs-empty": "/hosts/local/jobs?status=canceled", "events": "/hosts/local/events", "plugins": "/hosts/local/plugins",
		"installation": "/hosts/local/installation", "content": "/hosts/local/content",
		"content-remove": "/hosts/local/content/remove?content=server%2F01kex5v0000000000000000000", "account": "/account", "two-factor": "/account/two-factor",
		"tokens": "/account/tokens/local", "people": "/people", "person": "/people/bob", "person-delete": "/people/bob/delete", "invitations": "/invitations",
		"audit": "/audit", "hosts": "/hosts", "host-new": "/hosts/new", "host-edit": "/hosts/gone/edit", "all-hosts": "/",
		"server-files": "/hosts/local/servers/campaign-night/files", "server-file-new": "/hosts/local/servers/campaign-night/file?new=1",
		"server-give": "/hosts/local/servers/campaign-night/give", "overlay-give": "/hosts/local/overlays/maps/give",
		"plugin-log": "/hosts/local/plugins/overlay-script/log", "plugin-log-empty": "/hosts/local/plugins/mounter-kernel/log",
		"server-collisions": "/hosts/local/servers/campaign-night/collisions", "server-people": "/hosts/local/servers/campaign-night/people", "not-found": missingPage,
	}
}

// fits fails when a page is wider than the window.
func (c *chromium) fits(name string) {
	c.t.Helper()
	// A phone zooms out of a page that is too wide, and then innerWidth is wider, too.
	over := eval[string](c, fmt.Sprintf(`(w => document.documentElement.scrollWidth <= w ? "" :
		[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1 && !e.closest(".scroll,.tabs,.side"))
		.map(e => e.tagName + "." + e.className).slice(0, 5).join(" ") || "something")(%d)`, c.width))
	if over != "" {
		c.t.Errorf("%s is wider than the window: %s", name, over)
	}
}

func (c *chromium) picture(name string) {
	c.t.Helper()
	c.fits(name)
	c.save(name, run(c, "picture of "+name, chromedp.FullScreenshot(100)))
}

// busyHost fills the agent with what a real host shows at its busiest, and returns the id of a running job.
func busyHost(p *panel) string {
	p.t.Helper()
	ctx, agent := p.t.Context(), p.agent.Client.As("ada")
	must := func(err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatal(err)
		}
	}
	for i, text := range []string{"GetInfo answered version=0.0.0-test", "build 01kex5v0 begins overlay=stripper", "the script ran for 61 s tools=[curl tar]",
		"cannot reach stripper.example: connection refused " + strings.Repeat("x", 300)} {
		p.agent.LogPlugin("overlay-script", []string{"debug", "info", "warn", "error"}[i], text)
	}
	for name, settings := range map[string]string{
		"maps":      `{"items":["2542824628","121088946"]}`,
		"stripper":  `{"script":"#!/bin/bash\nset -euo pipefail\n\ncurl -fsSL https://stripper.example/latest.tar.gz | tar xz -C left4dead2\n"}`,
		"sourcemod": `{"script":"#!/bin/bash\nset -euo pipefail\n\necho hello\n","tools":["curl","tar"]}`,
	} {
		kind := "overlay-script"
		if name == "maps" {
			kind = "overlay-workshop"
		}
		o, err := agent.CreateOverlay(ctx, api.OverlayCreate{Name: name, Type: kind, Settings: []byte(settings), Build: true})
		must(err)
		p.finished(o.LastJob)
	}
	job, err := agent.BuildOverlay(ctx, "maps", api.OverlayBuild{})
	must(err)
	p.finished(job.ID)
	_, err = agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: "coop", Overlays: []string{"stripper", "sourcemod", "maps"},
		Config: []string{"sv_alltalk 1", "sv_pausable 0"}, Arguments: []string{"-strictportbind"},
		Settings: api.BlueprintSettings{Hostname: "Friday night [{server}]", Map: "c1m1_hotel", Mode: "coop", Difficulty: "Normal"}})
	must(err)
	_, err = agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: "plain"})
	must(err)
	for _, name := range []string{"campaign-night", "versus", "a-server-with-a-name-that-is-as-long-as-names-may-be-012345678", "practice"} {
		_, err = agent.CreateServer(ctx, api.ServerCreate{Name: name, Blueprint: "coop", Start: name != "practice"})
		must(err)
		s, err := agent.Server(ctx, name)
		must(err)
		if s.LastJob != "" {
			p.finished(s.LastJob)
		}
	}
	none := 0
	for name, definition := range map[string]api.ScheduleDefinition{
		"nightly": {Trigger: api.ScheduleTrigger{Cron: "30 4 * * *", Zone: "Europe/Berlin"}, CatchUp: true,
			Conditions: api.ScheduleConditions{Server: "campaign-night", MaxPlayers: &none, Wait: 3600, States: []string{"running"}},
			Actions: []api.ScheduleAction{{Kind: "say", Server: "campaign-night", Text: "Restart in a minute <b>"}, {Kind: "restart", Server: "campaign-night", After: 60},
				{Kind: "webhook", URL: "https://discord.example/…", Format: "discord", Continue: true}}},
		"back-to-the-lobby": {Trigger: api.ScheduleTrigger{On: "server.empty", Server: "versus"}, Actions: []api.ScheduleAction{{Kind: "map", Text: "c1m1_hotel"}}},
	} {
		_, err = agent.CreateSchedule(ctx, api.ScheduleCreate{Name: name, Disabled: name != "nightly", ScheduleDefinition: definition})
		must(err)
	}
	p.agent.SetContent("maps", workshopContent())
	p.agent.SetContent("stripper", agenttest.Content{Packs: []api.Addon{{File: "streets_fix.vpk", Bytes: 4 << 10, Maps: []string{"STREETS"}}}})
	liveliness(p)
	crowd(p)
	return runningJob(p, agent)
}

// workshopContent is what an overlay of Workshop items shows at its worst: long names, missing items, collisions.
func workshopContent() agenttest.Content {
	updated := time.Now().Add(-400 * time.Hour)
	chapters := []api.Chapter{{Number: 1, Map: "streets", Title: "The Streets"}, {Number: 2, Map: "c2_a-map-with-a-very-long-name-that-nobody-types", Title: ""}}
	content := agenttest.Content{
		Campaigns: []api.Campaign{
			{File: "2542824628.vpk", Name: "bn", Title: "Burning Night", Modes: []api.CampaignMode{{Name: "coop", Chapters: chapters}, {Name: "versus", Chapters: chapters[:1]}}},
			{File: "121088946.vpk", Name: "x", Title: "קמפיין <b> of a title that goes on and on and on until it cannot any more", Modes: []api.CampaignMode{{Name: "survival", Chapters: chapters[1:]}}}},
		Packs: []api.Addon{
			{File: "2542824628.vpk", Bytes: 827 << 20, Title: "Burning Night", Author: "Zoë ☢", Maps: []string{"streets", "c2"}},
			{File: "121088946.vpk", Bytes: 31 << 20, Title: "Dead St", Maps: []string{"Streets"}, Problems: []string{"Campaign \"x\" names the map \"gone\", which is not in this file."}},
			{File: "3.vpk", Bytes: 120, Fault: "Not a VPK file: it starts with \"<!DO\"."}},
		Items: []api.Item{
			{ID: "2542824628", Title: "Burning Night", Version: "1780846734567890123", Bytes: 827 << 20, Updated: &updated, Author: "Zoë ☢", Picture: "p1",
				Page: "https://steamcommunity.com/sharedfiles/filedetails/?id=2542824628", Tags: []string{"Campaigns"}},
			{ID: "121088946", Title: "A title <b>that</b> is rather long, as titles of items in the Workshop often are", Version: "1780846734567890124", Bytes: 31 << 20, Updated: &updated, Author: "76561198000000002"},
			{ID: "333", Title: "Gone", Problem: "is no longer in the Workshop", Absent: true}},
		Pictures: map[string][]byte{"2542824628": skyline()},
	}
	return content
}

// skyline is a picture of the size that a builder makes.
func skyline() []byte {
	picture := image.NewRGBA(image.Rect(0, 0, 128, 72))
	for x := range 128 {
		for y := range 72 {
			tone := color.RGBA{uint8(40 + y*2), uint8(30 + y), uint8(90 - y), 255}
			if y > 30+(x/16*37)%25 {
				tone = color.RGBA{14, 16, 22, 255}
			}
			picture.Set(x, y, tone)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		panic(err) // to memory
	}
	return out.Bytes()
}

func liveliness(p *panel) {
	p.agent.SetPlayers("campaign-night",
		api.Player{UserID: 2, Name: "Zoë ☢ <b>", SteamID: "76561197960287930", Ping: 34, Connected: 4100, State: "active"},
		api.Player{UserID: 3, Name: "קואצ'\u202e", SteamID: "76561197960265731", Ping: 121, Loss: 2, Connected: 95, State: "active"},
		api.Player{UserID: 4, Name: "Nick", Bot: true, State: "active"})
	p.agent.ChangeServer("campaign-night", func(s *api.Server) {
		s.Pending = []string{`Overlay "maps" has a newer revision.`}
		s.Layers[2].Newer = "x"
	})
	p.agent.Crash("versus", "The game ended with signal SIGSEGV 3 times within 5 minutes.")
	p.agent.Print("campaign-night", `rcon from "127.0.0.1:40122": command "status"`, `Unknown command "sm_hlep"`,
		`L 11/24/2026 - 20:14:58: [SM] Exception reported: Invalid client index 0`, "\x1b[32m[SourceMod]\x1b[0m loaded \x1b[33m27 plugins\x1b[0m",
		`L 11/24/2026 - 20:14:59: "Zoë ☢ <b><2><STEAM_1:0:11101><Survivor>" say "\u202eanybody here?"`)
	for i := range 30 {
		p.agent.Print("campaign-night", fmt.Sprintf(`L 11/24/2026 - 20:15:%02d: "Zoë<2><STEAM_1:0:11101><Survivor>" killed "Infected" with "pumpshotgun"`, i))
	}
	p.agent.SetHost(api.Host{Name: "gamehost", Version: "0.1.0", Supervisor: "process", StartedAt: time.Now().Add(-50 * time.Hour),
		Notices: []string{"Scripts can reach your local network, because this demo runs without an egress filter."}})
	p.agent.SetOrphans(
		api.Orphan{Content: "overlay/01kex5v0000000000000000000/01kex5v1111111111111111111", Bytes: 734003200, Files: 12},
		api.Orphan{Content: "server/01kex5v0000000000000000000", Bytes: 4096, Files: 3})
	now := time.Now().Add(-3 * time.Minute)
	p.agent.SetPlugin(api.Plugin{Name: "overlay-workshop", Kind: "builder", Enabled: true, Version: "0.1.0", Launch: "exec", State: "backoff",
		Description: "Ended with exit code 2; started again in 8 s.", Restarts: 4, LastExit: "exit code 2", LastExitAt: &now,
		Health: map[string]string{"steam web api": "https://api.steampowered.com answers 503"}})
}

// runningJob starts a build that goes on until the test ends.
func runningJob(p *panel, agent *client.Client) string {
	p.t.Helper()
	logged := make(chan struct{})
	p.agent.Script("overlay.build", func(ctx context.Context, run *agenttest.Run) error {
		run.Step("stage")
		run.Step("build")
		run.Progress(api.Progress{Phase: "download", Unit: "bytes", Done: 350 << 20, Total: 900 << 20, Message: "2542824628.vpk"})
		for i, level := range []string{"debug", "info", "stdout", "stderr", "warn", "error"} {
			run.Log(level, fmt.Sprintf("line %d of level %s: fetching left4dead2/addons/%d.vpk", i, level, 2542824628+i))
		}
		close(logged)
		<-ctx.Done()
		return ctx.Err()
	})
	job, err := agent.BuildOverlay(p.t.Context(), "maps", api.OverlayBuild{})
	if err != nil {
		p.t.Fatal(err)
	}
	<-logged
	return url.PathEscape(job.ID)
}
