package ui_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/account"
)

// scheduled is a town where carol, who was given the rights for it, lets bob's server be restarted every night.
func scheduled(t *testing.T) *town {
	t.Helper()
	p := newTown(t)
	p.as(p.browsers[owner], "/hosts/local/servers/alpha/people", url.Values{"person": {friend},
		"right": {"server.view", "server.power", "server.schedule"}})
	got := p.as(p.browsers[friend], "/hosts/local/schedules/-new", url.Values{"name": {"carols"}, "when": {"time"}, "cron": {"0 4 * * *"},
		"a0.kind": {"restart"}, "a0.server": {"alpha"}})
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("carol may not: %d %s", got.StatusCode, got.text())
	}
	return p
}

func (p *town) schedule(name string) api.Schedule {
	p.t.Helper()
	s, err := p.agent.Client.Schedule(p.t.Context(), name)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// However a right ends, the schedules that were made with it end, too, and say why; those of others go on.
func TestSchedulesEndWithTheRight(t *testing.T) {
	p := scheduled(t)
	people := "/hosts/local/servers/alpha/people"
	for held, tt := range []struct {
		name, who, path string
		form            url.Values
		reason          string
	}{
		{"less", owner, people, url.Values{"person": {friend}, "right": {"server.view", "server.schedule"}},
			`carol, whose it is, has no longer the right server.power on server "alpha".`},
		{"taken back", owner, people, url.Values{"person": {friend}}, `carol, whose it is, has no longer the right server.schedule on server "alpha".`},
		{"disabled", testName, "/people/carol/disable", nil, "The account carol, whose it is, is disabled."},
		{"deleted", testName, "/people/carol/delete", nil, "The account carol, whose it is, was deleted."},
	} {
		p.post("/people/carol/enable", nil, http.StatusSeeOther)
		p.as(p.browsers[owner], people, url.Values{"person": {friend}, "right": {"server.view", "server.power", "server.schedule"}})
		p.as(p.browsers[owner], "/hosts/local/schedules/carols/switch", url.Values{"on": {"1"}})
		if s := p.schedule("carols"); !s.Enabled || s.Owner != friend {
			t.Fatalf("%s: not switched on before: %+v", tt.name, s)
		}
		if got := p.as(p.browsers[tt.who], tt.path, tt.form); got.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", tt.name, got.StatusCode, got.text())
		}
		if s := p.schedule("carols"); s.Enabled || s.Reason != tt.reason {
			t.Errorf("%s: carol's schedule is on: %v, because %q", tt.name, s.Enabled, s.Reason)
		}
		if s := p.schedule("alpha"); !s.Enabled {
			t.Errorf("%s: bob's own schedule is off: %q", tt.name, s.Reason)
		}
		page := p.look(p.browsers[owner], "/hosts/local/schedules/carols")
		if !strings.Contains(page.text(), "Switched off by itself: "+tt.reason) {
			t.Errorf("%s: its page does not say why: %s", tt.name, page.text())
		}
		entries, err := p.accounts.Audit(t.Context(), account.AuditFilter{Action: "schedule.hold"})
		if err != nil || len(entries) != held+1 || entries[0].Target != "schedule/carols" || entries[0].Detail != tt.reason || entries[0].Actor != "system" {
			t.Errorf("%s, in the audit log: %+v, %v", tt.name, entries, err)
		}
	}
}

// A right that stays is no reason; nor is a look at what nothing happened to.
func TestSchedulesGoOnWithTheRight(t *testing.T) {
	p := scheduled(t)
	p.as(p.browsers[owner], "/hosts/local/servers/alpha/people", url.Values{"person": {friend}, "right": {"server.power", "server.schedule", "server.map"}})
	p.as(p.browsers[owner], "/hosts/local/servers/alpha/people", url.Values{"person": {friend}, "right": {"server.power", "server.schedule"}})
	if _, err := p.agent.Client.CreateSchedule(t.Context(), api.ScheduleCreate{Name: "hosts", ScheduleDefinition: api.ScheduleDefinition{
		Trigger: api.ScheduleTrigger{On: "game.outdated"}, Actions: []api.ScheduleAction{{Kind: "restart", Server: "alpha"}}}}); err != nil {
		t.Fatal(err) // made on the host: no account's
	}
	if err := p.handler.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"carols", "alpha", "hosts"} {
		if s := p.schedule(name); !s.Enabled {
			t.Errorf("%s is off: %s", name, s.Reason)
		}
	}
}

// A host that is down learns it when it is back, and a right that ends on the host itself is noticed.
func TestSchedulesOfAHostThatIsDown(t *testing.T) {
	p := scheduled(t)
	p.agent.Stop()
	p.post("/people/carol/disable", nil, http.StatusSeeOther)
	if err := p.handler.Hold(t.Context()); err != nil {
		t.Errorf("a host that is down is an error: %v", err)
	}
	p.agent.Start()
	if s := p.schedule("carols"); !s.Enabled {
		t.Fatal("it is off before anybody told the agent")
	}
	if _, err := p.agent.Client.GiveServer(t.Context(), "alpha", api.OwnerChange{Owner: stranger}); err != nil {
		t.Fatal(err)
	}
	if err := p.handler.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.schedule("carols"); s.Enabled {
		t.Error("it goes on after the host came back")
	}
	if s := p.schedule("alpha"); s.Enabled || !strings.Contains(s.Reason, "bob, whose it is, has no longer") {
		t.Errorf("bob's schedule on what is dave's now: %v %q", s.Enabled, s.Reason)
	}
}

// Who may do what a held schedule does switches it on again and stands for it from then on.
func TestSomebodyElseStandsForASchedule(t *testing.T) {
	p := scheduled(t)
	p.post("/people/carol/disable", nil, http.StatusSeeOther)
	if got := p.as(p.browsers[owner], "/hosts/local/schedules/carols/switch", url.Values{"on": {"1"}}); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", got.StatusCode, got.text())
	}
	if s := p.schedule("carols"); !s.Enabled || s.Reason != "" || s.Owner != owner {
		t.Errorf("switched on by bob: %+v", s)
	}
	if err := p.handler.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.schedule("carols"); !s.Enabled {
		t.Errorf("it is off again: %s", s.Reason)
	}
	p.post("/hosts/local/schedules/carols/switch", url.Values{"on": {"1"}}, http.StatusSeeOther)
	if s := p.schedule("carols"); s.Owner != owner {
		t.Errorf("the administrator took over what bob may do himself: %q", s.Owner)
	}
	// What only an administrator may do is the administrator's.
	p.post("/hosts/local/schedules/carols", url.Values{"when": {"event"}, "on": {"job.failed"}, "a0.kind": {"restart"}, "a0.server": {"alpha"}}, http.StatusSeeOther)
	if s := p.schedule("carols"); s.Owner != testName || s.Trigger.On != "job.failed" {
		t.Errorf("%+v", s)
	}
}

// A run that waits for its conditions does not go on in the name of somebody who may not any more.
func TestWaitingRunEndsWithTheRight(t *testing.T) {
	p := scheduled(t)
	p.agent.Script("schedule.run", func(ctx context.Context, _ *agenttest.Run) error { <-ctx.Done(); return ctx.Err() })
	run, err := p.agent.Client.As(friend).RunSchedule(t.Context(), "carols", api.ScheduleRun{})
	if err != nil {
		t.Fatal(err)
	}
	p.as(p.browsers[owner], "/hosts/local/servers/alpha/people", url.Values{"person": {friend}})
	p.agent.WaitFor("the run to end", func() bool {
		j, err := p.agent.Client.Job(t.Context(), run.ID)
		return err == nil && j.Status == "canceled"
	})
}
