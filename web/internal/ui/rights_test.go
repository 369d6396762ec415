package ui_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/ui"
)

// Who uses the panel in these tests: ada is the administrator, bob owns everything called alpha, carol was given some
// rights on bob's server, dave has an account and nothing else, nobody is not signed in.
const (
	owner    = "bob"
	friend   = "carol"
	stranger = "dave"
	nobody   = ""
)

// given is what carol may do with bob's server.
var given = right.Set{right.ServerView, right.ServerConsole, right.ServerPower}

// person makes an account and a browser that it is signed in with.
func (p *panel) person(name string) *http.Client {
	p.t.Helper()
	if _, err := p.accounts.Create(p.t.Context(), name, testPassword, account.RoleUser); err != nil {
		p.t.Fatal(err)
	}
	browser := newBrowser(p.t)
	got := p.do(browser, p.request(http.MethodPost, "/sign-in", url.Values{"name": {name}, "password": {testPassword}}))
	if got.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("sign-in as %s answered %d: %s", name, got.StatusCode, got.text())
	}
	return browser
}

// town is a panel with everybody in it, and bob's things on its host.
type town struct {
	*panel
	browsers map[string]*http.Client
	server   api.Server
	job      string // bob's start of his server
}

func newTown(t *testing.T) *town {
	t.Helper()
	p := &town{panel: signedIn(t)}
	p.browsers = map[string]*http.Client{testName: p.browser, owner: p.person(owner), friend: p.person(friend), stranger: p.person(stranger), nobody: newBrowser(t)}
	ctx, agent := t.Context(), p.agent.Client.As(owner)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, client := range map[string]*client.Client{"alpha": agent, "everybody": p.agent.Client} {
		made, err := client.CreateOverlay(ctx, api.OverlayCreate{Name: name, Type: "overlay-script", System: name == "everybody", Build: true,
			Settings: []byte(`{"script":"#!/bin/sh\n# secret-script-of-bob"}`)})
		must(err)
		p.finished(made.LastJob)
	}
	_, err := agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: "alpha", Overlays: []string{"alpha", "everybody"}, Config: []string{"sv_secret_of_bob 1"}})
	must(err)
	p.server, err = agent.CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "alpha", Start: true})
	must(err)
	p.server, err = agent.Server(ctx, "alpha")
	must(err)
	p.finished(p.server.LastJob)
	p.job = p.server.LastJob
	p.agent.Print("alpha", "console-secret-of-bob")
	p.agent.SetContent("alpha", agenttest.Content{Pictures: map[string][]byte{"7": append(skyline(), "secret-picture-of-bob"...)}})
	p.agent.SetFiles("server/alpha", map[string]string{"plugin.cfg": "secret-file-of-bob"})
	_, err = agent.CreateSchedule(ctx, api.ScheduleCreate{Name: "alpha", ScheduleDefinition: api.ScheduleDefinition{Trigger: api.ScheduleTrigger{Cron: "0 5 * * *"},
		Actions: []api.ScheduleAction{{Kind: "say", Server: "alpha", Text: "secret-words-of-bob"}}}})
	must(err)
	carol, err := p.accounts.Find(ctx, friend)
	must(err)
	must(p.accounts.PutShare(ctx, account.Share{Host: "local", Server: p.server.ID, AccountID: carol.ID, Rights: given.String(), GivenBy: owner}))
	return p
}

// may is the rule once more, in the words of this test.
func (p *town) may(who string, route ui.Route) bool {
	kind, verb, _ := strings.Cut(string(route.Need), ".")
	switch {
	case route.Need == right.Open:
		return true
	case who == nobody:
		return false
	case who == testName, route.Need == right.Member, verb == "create":
		return true
	case route.Need == right.Admin:
		return false
	case who == owner:
		return true
	case who == stranger:
		return false
	case kind == "job": // of a start
		return given.Has(right.ServerPower)
	}
	return given.Has(route.Need)
}

func (p *town) path(route ui.Route) string {
	path := route.Path
	if strings.HasPrefix(path, "/hosts/local/jobs/x") {
		path = strings.Replace(path, "/x", "/"+p.job, 1)
	}
	if strings.HasPrefix(path, "/hosts/local/servers/alpha/file") {
		path += "?path=" + map[bool]string{false: "plugin.cfg"}[strings.HasSuffix(path, "/files")]
	}
	if path == "/hosts/local/overlays/alpha/picture" {
		path += "?item=7&v=1"
	}
	return path
}

// TestRoleTimesRoute sends every route of the panel as everybody. Who may not is refused, the agent hears nothing of a
// change on their behalf, and what they may not even see does not exist for them.
func TestRoleTimesRoute(t *testing.T) {
	p := newTown(t)
	refused := 0
	for _, route := range ui.Routes() {
		if strings.HasSuffix(route.Path, "/stream") {
			continue // see TestStreamsAreRefused
		}
		for who, browser := range p.browsers {
			if p.may(who, route) {
				continue
			}
			refused++
			before := len(p.agent.Requests())
			got := p.do(browser, p.request(route.Method, p.path(route), url.Values{"name": {"alpha"}, "command": {"quit"}, "person": {stranger}, "right": {"server.view"}}))
			switch {
			case who == nobody && (got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in")),
				who != nobody && got.StatusCode != http.StatusForbidden && got.StatusCode != http.StatusNotFound:
				t.Errorf("%s %s as %q answered %d: %s", route.Method, route.Path, who, got.StatusCode, got.text())
			case who == stranger && route.Need.Kind() != "" && got.StatusCode != http.StatusNotFound:
				t.Errorf("%s %s tells a stranger that it exists: %d", route.Method, route.Path, got.StatusCode)
			}
			for _, request := range p.agent.Requests()[before:] {
				if !strings.HasPrefix(request, "GET ") {
					t.Errorf("%s %s as %q made the agent do %s", route.Method, route.Path, who, request)
				}
			}
			if strings.Contains(got.body, "secret-") {
				t.Errorf("%s %s as %q shows bob's secrets", route.Method, route.Path, who)
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d refusals were tried", refused)
	}
	for _, route := range ui.Routes() { // now that nothing has changed: everybody sees what they may
		if route.Method != http.MethodGet || strings.HasSuffix(route.Path, "/stream") || route.Need == right.Open || strings.Contains(route.Path, "/diff/") {
			continue
		}
		if strings.HasPrefix(route.Path, "/people/") || strings.HasPrefix(route.Path, "/hosts/local/edit") || strings.HasPrefix(route.Path, "/hosts/local/remove") {
			continue // there is no account alpha, and the host cannot be edited
		}
		for who, browser := range p.browsers {
			if !p.may(who, route) {
				continue
			}
			got := p.do(browser, p.request(http.MethodGet, p.path(route), nil))
			if got.StatusCode != http.StatusOK && route.Path != "/" && route.Path != "/account/tokens" {
				t.Errorf("GET %s as %q answered %d: %s", route.Path, who, got.StatusCode, got.text())
			}
		}
	}
}

// What does not exist and what is somebody else's look alike.
func TestSomebodyElsesLooksLikeNothing(t *testing.T) {
	p := newTown(t)
	for _, path := range []string{"/hosts/local/servers/NAME", "/hosts/local/overlays/NAME", "/hosts/local/blueprints/NAME", "/hosts/local/servers/NAME/reset"} {
		theirs := p.do(p.browsers[stranger], p.request(http.MethodGet, strings.Replace(path, "NAME", "alpha", 1), nil))
		none := p.do(p.browsers[stranger], p.request(http.MethodGet, strings.Replace(path, "NAME", "omega", 1), nil))
		if theirs.StatusCode != none.StatusCode || strings.ReplaceAll(theirs.body, "alpha", "X") != strings.ReplaceAll(none.body, "omega", "X") {
			t.Errorf("%s: %s\n%s", path, theirs.text(), none.text())
		}
	}
}

func TestStreamsAreRefused(t *testing.T) {
	p := newTown(t)
	for _, path := range []string{"/hosts/local/servers/alpha/stream", "/hosts/local/jobs/" + p.job + "/stream"} {
		if got := p.do(p.browsers[stranger], p.request(http.MethodGet, path, nil)); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s as a stranger answered %d", path, got.StatusCode)
		}
		if got := p.do(p.browsers[nobody], p.request(http.MethodGet, path, nil)); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s as nobody answered %d", path, got.StatusCode)
		}
	}
}

// Lists, the dashboard, jobs and events hold what a person may see and nothing else.
func TestListsShowWhatOneMaySee(t *testing.T) {
	p := newTown(t)
	for who, sees := range map[string]bool{testName: true, owner: true, friend: true, stranger: false} {
		for _, path := range []string{"/hosts/local", "/hosts/local/servers", "/hosts/local/jobs", "/hosts/local/events"} {
			got := p.do(p.browsers[who], p.request(http.MethodGet, path, nil))
			if shows := strings.Contains(got.text(), "alpha"); got.StatusCode != http.StatusOK || shows != sees {
				t.Errorf("%s as %s: %d, shows alpha: %v", path, who, got.StatusCode, shows)
			}
		}
	}
	for who, want := range map[string]string{stranger: "everybody", friend: "everybody", owner: "alpha everybody"} {
		got := p.do(p.browsers[who], p.request(http.MethodGet, "/hosts/local/overlays", nil))
		for _, name := range []string{"alpha", "everybody"} {
			if strings.Contains(got.text(), name) != strings.Contains(want, name) {
				t.Errorf("overlays as %s: %s", who, got.text())
			}
		}
	}
	if got := p.do(p.browsers[stranger], p.request(http.MethodGet, "/hosts/local/blueprints", nil)); strings.Contains(got.text(), "alpha") {
		t.Errorf("a stranger sees blueprints: %s", got.text())
	}
}

// A shared server's page holds the parts that were shared.
func TestSharedServerShowsWhatWasShared(t *testing.T) {
	p := newTown(t)
	p.agent.SetPlayers("alpha", api.Player{UserID: 2, Name: "Zoë"})
	page := func(who string) answer {
		return p.do(p.browsers[who], p.request(http.MethodGet, "/hosts/local/servers/alpha", nil))
	}
	bobs, carols := page(owner), page(friend)
	for _, part := range []string{"Zoë", "console-secret-of-bob"} {
		if !strings.Contains(bobs.text(), part) {
			t.Errorf("the owner misses %q: %s", part, bobs.text())
		}
	}
	if !strings.Contains(carols.text(), "console-secret-of-bob") || strings.Contains(carols.text(), "Zoë") {
		t.Errorf("carol may read the console and not the players: %s", carols.text())
	}
	for id, forCarol := range map[string]bool{"log": true, "command": false} {
		if n := len(carols.all("*", "id", id)) + len(carols.all("div", "id", id)) + len(carols.all("input", "id", id)); (n > 0) != forCarol {
			t.Errorf("%s is there %d times for carol", id, n)
		}
	}
	if n := len(carols.all("a", "href", "/hosts/local/servers/alpha/stop")); n != 1 { // a link: somebody plays, so it asks first
		t.Errorf("carol may stop it, but has %d buttons", n)
	}
	p.do(p.browsers[owner], p.request(http.MethodPost, "/hosts/local/servers/alpha/people", url.Values{"person": {friend}, "right": {"server.view"}}))
	if got := page(friend); got.StatusCode != http.StatusOK || strings.Contains(got.text(), "console-secret-of-bob") {
		t.Errorf("after taking the console back: %d %s", got.StatusCode, got.text())
	}
	p.do(p.browsers[owner], p.request(http.MethodPost, "/hosts/local/servers/alpha/people", url.Values{"person": {friend}}))
	if got := page(friend); got.StatusCode != http.StatusNotFound {
		t.Errorf("after taking everything back: %d", got.StatusCode)
	}
}

// What was shared of a server is not inherited by the next one of the same name, nor are its jobs and events.
func TestNamesAreUsedAgain(t *testing.T) {
	p := newTown(t)
	ctx := t.Context()
	deleted, err := p.agent.Client.As(owner).DeleteServer(ctx, "alpha")
	if err != nil {
		t.Fatal(err)
	}
	p.finished(deleted.ID)
	if _, err := p.agent.Client.As(stranger).CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "alpha"}); err != nil {
		t.Fatal(err)
	}
	if got := p.do(p.browsers[friend], p.request(http.MethodGet, "/hosts/local/servers/alpha", nil)); got.StatusCode != http.StatusNotFound {
		t.Errorf("carol still sees alpha: %d", got.StatusCode)
	}
	if got := p.do(p.browsers[stranger], p.request(http.MethodGet, "/hosts/local/jobs/"+p.job, nil)); got.StatusCode != http.StatusNotFound {
		t.Errorf("dave sees a job of the server before: %d", got.StatusCode)
	}
	got := p.do(p.browsers[stranger], p.request(http.MethodGet, "/hosts/local/events", nil))
	if strings.Contains(got.text(), "by bob") {
		t.Errorf("dave sees events of the server before: %s", got.text())
	}
}

// Names in forms are ids, too: a blueprint takes no overlay, and a server no blueprint, that its maker may not see.
func TestFormsNameOnlyWhatOneMaySee(t *testing.T) {
	p := newTown(t)
	if _, err := p.agent.Client.As(stranger).CreateBlueprint(t.Context(), api.BlueprintCreate{Name: "daves"}); err != nil {
		t.Fatal(err)
	}
	before := len(p.agent.Requests())
	for path, form := range map[string]url.Values{
		"/hosts/local/blueprints/-new": {"name": {"mine"}, "overlays": {"alpha"}},
		"/hosts/local/servers/-new":    {"name": {"mine"}, "blueprint": {"alpha"}},
	} {
		got := p.do(p.browsers[stranger], p.request(http.MethodPost, path, form))
		if got.StatusCode < 400 || !strings.Contains(got.text(), `"alpha".`) {
			t.Errorf("%s answered %d: %s", path, got.StatusCode, got.text())
		}
	}
	for _, request := range p.agent.Requests()[before:] {
		if !strings.HasPrefix(request, "GET ") && !strings.HasPrefix(request, "POST /v1/blueprint-preview") { // which changes nothing
			t.Errorf("the agent was made to do %s", request)
		}
	}
	got := p.do(p.browsers[stranger], p.request(http.MethodPost, "/hosts/local/blueprints/-new", url.Values{"name": {"mine"}, "overlays": {"everybody"}}))
	if got.StatusCode != http.StatusSeeOther {
		t.Errorf("a system-wide overlay: %d %s", got.StatusCode, got.text())
	}
	form := p.do(p.browsers[stranger], p.request(http.MethodGet, "/hosts/local/servers/-new", nil))
	if strings.Contains(form.text(), "alpha") || !strings.Contains(form.text(), "mine") {
		t.Errorf("the form offers: %s", form.text())
	}
}

func TestLimits(t *testing.T) {
	p := newTown(t)
	ctx := t.Context()
	dave, err := p.accounts.Find(ctx, stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.accounts.SetRole(ctx, dave.ID, account.RoleUser, account.Limits{Servers: 0, Overlays: 1, Blueprints: account.Unlimited}); err != nil {
		t.Fatal(err)
	}
	make := func(name string) int {
		form := url.Values{"name": {name}, "type": {"overlay-script"}, "set.script": {"#!/bin/sh\n"}}
		return p.do(p.browsers[stranger], p.request(http.MethodPost, "/hosts/local/overlays/-new", form)).StatusCode
	}
	if first, second := make("one"), make("two"); first != http.StatusSeeOther || second != http.StatusForbidden {
		t.Errorf("one overlay is allowed: %d, then %d", first, second)
	}
	got := p.do(p.browsers[stranger], p.request(http.MethodGet, "/hosts/local/servers/-new", nil))
	if got.StatusCode != http.StatusForbidden || !strings.Contains(got.text(), "may own 0 servers") {
		t.Errorf("no server is allowed: %d %s", got.StatusCode, got.text())
	}
}

// TestEveryChangeIsRecorded sends every POST of the table as the administrator and finds each in the audit log.
func TestEveryChangeIsRecorded(t *testing.T) {
	p := newTown(t)
	recorded := func(action string) bool {
		list, err := p.accounts.Audit(t.Context(), account.AuditFilter{Action: action, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return len(list) == 1 && time.Since(list[0].At) < time.Hour && list[0].Address == "127.0.0.1"
	}
	var unrecorded []string
	for _, route := range ui.Routes() {
		if route.Method != http.MethodPost {
			if route.Audit != "" {
				t.Errorf("%s %s is no change, but called %q", route.Method, route.Path, route.Audit)
			}
			continue
		}
		if route.Audit == "-" {
			unrecorded = append(unrecorded, route.Path)
			continue
		}
		got := p.do(p.browser, p.request(http.MethodPost, p.path(route), nil))
		if strings.HasPrefix(got.Header.Get("Location"), "/sign-in") && route.Need != right.Open {
			p.signIn(p.browser) // an earlier row signed out
			p.do(p.browser, p.request(http.MethodPost, p.path(route), nil))
		}
		if !recorded(route.Audit) {
			t.Errorf("%s %s is not in the audit log as %q", route.Method, route.Path, route.Audit)
		}
	}
	if want := []string{"/theme", "/hosts/local/blueprint-preview", "/hosts/local/schedule-preview"}; !slices.Equal(unrecorded, want) {
		t.Errorf("unrecorded: %q, want %q", unrecorded, want)
	}
	refused := p.do(p.browsers[stranger], p.request(http.MethodPost, "/people/bob/disable", nil))
	list, err := p.accounts.Audit(t.Context(), account.AuditFilter{Actor: stranger, Failed: true})
	if err != nil || refused.StatusCode != http.StatusForbidden || len(list) != 1 || list[0].Target != "person/bob" || list[0].Status != http.StatusForbidden {
		t.Errorf("a refused change: %d, %v, %v", refused.StatusCode, list, err)
	}
}
