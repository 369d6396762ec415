package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

// A schedule is made, put in order, changed, switched, run and deleted without JavaScript.
func TestScheduleWithoutJavaScript(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.mustSay(p.get("/hosts/local/schedules", http.StatusOK), "No schedules yet.")
	form := url.Values{"name": {"nightly"}, "when": {"time"}, "cron": {"30 4 * * *"}, "zone": {"Europe/Berlin"}, "conditions.server": {"alpha"},
		"conditions.max_players": {"0"}, "conditions.wait": {"600"}, "states": {"running", "hung"}, "catch_up": {"1"}, "do": {"add"}, "add": {"restart"}}
	got := p.post("/hosts/local/schedules/-new", form, http.StatusOK)
	p.mustSay(got, "1. restart", "It would run", "04:30 +0")
	form.Set("a0.kind", "restart")
	form.Set("a0.server", "alpha")
	form.Set("add", "webhook")
	p.mustSay(p.post("/hosts/local/schedules/-new", form, http.StatusOK), "2. webhook")
	form.Set("a1.kind", "webhook")
	form.Set("a1.url", "https://hooks.example/<b>secret")
	form.Set("a1.after", "5")
	form.Del("do")
	form.Set("up", "1")
	got = p.post("/hosts/local/schedules/-new", form, http.StatusOK)
	p.mustSay(got, "1. webhook", "2. restart")
	if got.value("a0.url") != "https://hooks.example/<b>secret" || got.value("a1.server") != "alpha" || got.value("conditions.max_players") != "0" {
		t.Errorf("moving lost something: %s", got.body)
	}
	form.Del("up")
	p.post("/hosts/local/schedules/-new", form, http.StatusSeeOther)
	none := 0
	want := api.ScheduleDefinition{Trigger: api.ScheduleTrigger{Cron: "30 4 * * *", Zone: "Europe/Berlin"}, CatchUp: true,
		Conditions: api.ScheduleConditions{Server: "alpha", MaxPlayers: &none, States: []string{"running", "hung"}, Wait: 600},
		Actions:    []api.ScheduleAction{{Kind: "restart", Server: "alpha"}, {Kind: "webhook", URL: "https://hooks.example/<b>secret", After: 5}}}
	stored, err := p.agent.Client.Schedule(t.Context(), "nightly")
	if err != nil || !cmp.Equal(stored.ScheduleDefinition, want) {
		t.Fatalf("%v: %s", err, cmp.Diff(want, stored.ScheduleDefinition))
	}
	p.mustSay(p.get("/hosts/local/schedules", http.StatusOK), "nightly", "30 4 * * * Europe/Berlin", "restart alpha, then webhook", "on", "in ")
	p.post("/hosts/local/schedules/nightly/switch", nil, http.StatusSeeOther)
	p.mustSay(p.get("/hosts/local/schedules/nightly", http.StatusOK), "off", "Switch on")
	run := p.post("/hosts/local/schedules/nightly/run", nil, http.StatusSeeOther)
	if job := run.Header.Get("Location"); !strings.HasPrefix(job, "/hosts/local/jobs/") || len(p.get("/hosts/local/schedules", http.StatusOK).all("a", "href", job)) != 1 {
		t.Errorf("the last job %q is not linked", job)
	}
	p.mustSay(p.get("/hosts/local/schedules/nightly/delete", http.StatusOK), "lost for good")
	p.post("/hosts/local/schedules/nightly/delete", nil, http.StatusSeeOther)
	p.get("/hosts/local/schedules/nightly", http.StatusNotFound)
}

// What cannot be read is said beside its input, and nothing that was typed is lost.
func TestScheduleProblems(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for name, tt := range map[string]struct {
		form url.Values
		says string
	}{
		"cron":    {url.Values{"when": {"time"}, "cron": {"61 <b> * * *"}}, "is no cron expression"},
		"zone":    {url.Values{"when": {"time"}, "cron": {"@daily"}, "zone": {"Mars/Olympus"}}, "There is no time zone"},
		"never":   {url.Values{"when": {"time"}, "cron": {"0 0 30 2 *"}}, "This time never comes."},
		"number":  {url.Values{"when": {"event"}, "on": {"server.empty"}, "cooldown": {"soon"}}, "not a number: soon"},
		"actions": {url.Values{"name": {"x"}, "when": {"event"}, "on": {"server.empty"}}, "1 to 20 actions"},
	} {
		got := p.do(p.browser, p.request(http.MethodPost, "/hosts/local/schedules/-new", tt.form))
		if got.StatusCode >= 500 || !strings.Contains(got.text(), tt.says) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.text())
		}
		if got.value("cron") != tt.form.Get("cron") || got.value("cooldown") != tt.form.Get("cooldown") {
			t.Errorf("%s: what was typed is lost", name)
		}
		harmless(t, name, got)
	}
}

// TestSchedulesTakeTheRightsOfTheirActions is the rule as a table: nobody lets a schedule do, or pass on, what they may
// not do or see by hand, and nobody sees one that does.
func TestSchedulesTakeTheRightsOfTheirActions(t *testing.T) {
	p := newTown(t)
	ctx := t.Context()
	carol, err := p.accounts.Find(ctx, friend)
	if err != nil {
		t.Fatal(err)
	}
	say := api.ScheduleAction{Kind: "say", Text: "hi"}
	restart := api.ScheduleAction{Kind: "restart", Server: "alpha"}
	hook := api.ScheduleAction{Kind: "webhook", URL: "https://hooks.example/x"}
	cron, empty := api.ScheduleTrigger{Cron: "@daily"}, api.ScheduleTrigger{On: "server.empty", Server: "alpha"}
	for i, tt := range []struct {
		trigger    api.ScheduleTrigger
		conditions api.ScheduleConditions
		action     api.ScheduleAction
		given      string // to carol on bob's server; bob may all of it
		carol, bob bool
	}{
		{cron, api.ScheduleConditions{}, restart, "server.schedule server.power", true, true},
		{cron, api.ScheduleConditions{}, restart, "server.power", false, true},
		{cron, api.ScheduleConditions{}, restart, "server.schedule server.command", false, true},
		{empty, api.ScheduleConditions{}, say, "server.schedule server.command", true, true},
		{empty, api.ScheduleConditions{}, say, "server.schedule server.power", false, true},
		{empty, api.ScheduleConditions{}, api.ScheduleAction{Kind: "map", Text: "c1m1_hotel"}, "server.schedule server.map", true, true},
		{empty, api.ScheduleConditions{}, hook, "server.schedule", true, true},
		{empty, api.ScheduleConditions{}, hook, "server.power", false, true},
		{api.ScheduleTrigger{On: "server.console", Server: "alpha", Match: "x"}, api.ScheduleConditions{}, hook, "server.schedule", false, true},
		{api.ScheduleTrigger{On: "server.console", Server: "alpha", Match: "x"}, api.ScheduleConditions{}, hook, "server.schedule server.console", true, true},
		{api.ScheduleTrigger{On: "server.joined", Server: "alpha"}, api.ScheduleConditions{}, hook, "server.schedule", false, true},
		{api.ScheduleTrigger{On: "server.empty"}, api.ScheduleConditions{}, hook, "server.schedule", false, false}, // on whatever server
		{api.ScheduleTrigger{On: "job.failed"}, api.ScheduleConditions{}, hook, "server.schedule", false, false},
		{api.ScheduleTrigger{On: "something.new", Server: "alpha"}, api.ScheduleConditions{}, hook, "server.schedule", false, false},
		{cron, api.ScheduleConditions{Server: "alpha"}, hook, "server.schedule", true, true},
		{cron, api.ScheduleConditions{Server: "alpha"}, hook, "server.view", false, true},
		{cron, api.ScheduleConditions{}, api.ScheduleAction{Kind: "build", Overlay: "alpha"}, "server.schedule", false, true},
		{cron, api.ScheduleConditions{}, api.ScheduleAction{Kind: "build", Overlay: "everybody"}, "server.schedule", false, false},
		{cron, api.ScheduleConditions{}, api.ScheduleAction{Kind: "update"}, "server.schedule", false, false},
		{cron, api.ScheduleConditions{}, api.ScheduleAction{Kind: "something-new", Server: "alpha"}, "server.schedule", false, false},
		{cron, api.ScheduleConditions{}, restart, "server.schedule server.power server.view", true, true},
	} {
		share := account.Share{Host: "local", Server: p.server.ID, AccountID: carol.ID, Rights: right.ParseSet(tt.given).String(), GivenBy: owner}
		if err := p.accounts.PutShare(ctx, share); err != nil {
			t.Fatal(err)
		}
		definition := api.ScheduleDefinition{Trigger: tt.trigger, Conditions: tt.conditions, Actions: []api.ScheduleAction{tt.action}}
		if _, err := p.agent.Client.CreateSchedule(ctx, api.ScheduleCreate{Name: "theirs", ScheduleDefinition: definition}); err != nil {
			t.Fatal(err)
		}
		form := url.Values{"name": {"mine"}, "when": {"event"}, "cron": {tt.trigger.Cron}, "on": {tt.trigger.On}, "server": {tt.trigger.Server}, "match": {tt.trigger.Match},
			"conditions.server": {tt.conditions.Server}, "a0.kind": {tt.action.Kind}, "a0.server": {tt.action.Server}, "a0.overlay": {tt.action.Overlay},
			"a0.text": {tt.action.Text}, "a0.url": {tt.action.URL}}
		if tt.trigger.Cron != "" {
			form.Set("when", "time")
		}
		for who, may := range map[string]bool{friend: tt.carol, owner: tt.bob, stranger: false} {
			made := p.do(p.browsers[who], p.request(http.MethodPost, "/hosts/local/schedules/-new", form)).StatusCode == http.StatusSeeOther
			seen := p.do(p.browsers[who], p.request(http.MethodGet, "/hosts/local/schedules/theirs", nil)).StatusCode == http.StatusOK
			list := p.do(p.browsers[who], p.request(http.MethodGet, "/hosts/local/schedules", nil))
			if listed := strings.Contains(list.text(), "theirs"); made != may || seen != may || listed != may {
				t.Errorf("row %d as %s: made %v, seen %v, listed %v, want %v", i, who, made, seen, listed, may)
			}
			if made {
				if err := p.agent.Client.DeleteSchedule(ctx, "mine"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.agent.Client.DeleteSchedule(ctx, "theirs"); err != nil {
			t.Fatal(err)
		}
	}
}

// A schedule that names nothing of the host is its maker's alone, and nobody smuggles more into one's own.
func TestSchedulesOfTheirMaker(t *testing.T) {
	p := newTown(t)
	form := url.Values{"name": {"mine"}, "when": {"time"}, "cron": {"@daily"}, "a0.kind": {"webhook"}, "a0.url": {"https://hooks.example/x"}}
	if got := p.do(p.browsers[stranger], p.request(http.MethodPost, "/hosts/local/schedules/-new", form)); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", got.StatusCode, got.text())
	}
	for who, want := range map[string]int{stranger: http.StatusOK, owner: http.StatusNotFound, testName: http.StatusOK} {
		if got := p.do(p.browsers[who], p.request(http.MethodGet, "/hosts/local/schedules/mine", nil)); got.StatusCode != want {
			t.Errorf("as %s: %d", who, got.StatusCode)
		}
	}
	form.Set("a1.kind", "command")
	form.Set("a1.server", "alpha")
	form.Set("a1.text", "quit")
	if got := p.do(p.browsers[stranger], p.request(http.MethodPost, "/hosts/local/schedules/mine", form)); got.StatusCode != http.StatusNotFound || !strings.Contains(got.text(), `no server "alpha"`) {
		t.Errorf("a command for somebody else's server: %d %s", got.StatusCode, got.text())
	}
	stored, err := p.agent.Client.Schedule(t.Context(), "mine")
	if err != nil || len(stored.Actions) != 1 {
		t.Errorf("%+v, %v", stored, err)
	}
}
