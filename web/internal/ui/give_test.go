package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
)

// Bob gives what he owns to dave, who then may do everything with it, and bob nothing.
func TestThingsAreGivenAway(t *testing.T) {
	p := newTown(t)
	for _, kind := range []string{"server", "overlay", "blueprint"} {
		place := "/hosts/local/" + kind + "s/alpha"
		if got := p.look(p.browsers[owner], place+"/give"); got.StatusCode != http.StatusOK || !strings.Contains(got.text(), "bob owns it.") {
			t.Errorf("the form for the %s: %d %s", kind, got.StatusCode, got.text())
		}
		for name, refused := range map[string]url.Values{
			"no account": {"person": {"eve"}}, "himself": {"person": {owner}}, "nothing": {}, "nobody, which is for administrators": {"nobody": {"1"}},
		} {
			if got := p.as(p.browsers[owner], place+"/give", refused); got.StatusCode != http.StatusBadRequest {
				t.Errorf("giving the %s to %s: %d", kind, name, got.StatusCode)
			}
		}
		got := p.as(p.browsers[owner], place+"/give", url.Values{"person": {stranger}})
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/hosts/local/"+kind+"s" {
			t.Fatalf("giving the %s: %d to %q %s", kind, got.StatusCode, got.Header.Get("Location"), got.text())
		}
		if before, after := p.look(p.browsers[owner], place), p.look(p.browsers[stranger], place); before.StatusCode != http.StatusNotFound || after.StatusCode != http.StatusOK {
			t.Errorf("the %s afterwards: %d for bob, %d for dave", kind, before.StatusCode, after.StatusCode)
		}
		if got := p.look(p.browsers[stranger], place+"/delete"); got.StatusCode != http.StatusOK {
			t.Errorf("dave may not delete his %s: %d", kind, got.StatusCode)
		}
	}
	entries, err := p.accounts.Audit(t.Context(), account.AuditFilter{Action: "server.give", Actor: owner})
	if err != nil || len(entries) == 0 || entries[0].Target != "server/alpha" || entries[0].Detail != "from bob to dave" {
		t.Errorf("in the audit log: %+v, %v", entries, err)
	}
	events, err := p.agent.Client.Events(t.Context(), client.EventFilter{Subject: "server/alpha"})
	if last := events[len(events)-1]; err != nil || last.Kind != "server.given" || last.Actor != owner {
		t.Errorf("on the host: %+v, %v", last, err)
	}
}

// Who has no more rights on a server keeps no token for it; who owns it needs no share.
func TestGivingAServerSettlesTokensAndShares(t *testing.T) {
	p := newTown(t)
	made, err := p.agent.Client.As(owner).CreateToken(t.Context(), api.TokenCreate{Name: "bot", Scopes: []string{"server.power"}, Servers: []string{"alpha"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.as(p.browser, "/hosts/local/servers/alpha/give", url.Values{"person": {strings.ToUpper(friend)}}); got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d", got.StatusCode)
	}
	p.as(p.browser, "/hosts/local/servers/alpha/give", url.Values{"person": {friend}})
	direct, err := client.New(client.Options{URL: p.agent.URL, Token: made.Secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(direct.Close)
	if _, err := direct.Server(t.Context(), "alpha"); !client.Is(err, client.CodeUnauthenticated) {
		t.Errorf("bob's token outlives his server: %v", err)
	}
	if now, err := p.agent.Client.Server(t.Context(), "alpha"); err != nil || now.Owner != friend {
		t.Errorf("it belongs to %q, %v: the name as the account has it", now.Owner, err)
	}
	if shares, err := p.accounts.Shares(t.Context(), "local", p.server.ID); err != nil || len(shares) != 0 {
		t.Errorf("carol still has a share of her own server: %v, %v", shares, err)
	}
	p.post("/hosts/local/servers/alpha/give", url.Values{"nobody": {"1"}}, http.StatusSeeOther)
	if got := p.look(p.browsers[friend], "/hosts/local/servers/alpha"); got.StatusCode != http.StatusNotFound {
		t.Errorf("what belongs to nobody is seen by carol: %d", got.StatusCode)
	}
}

// Nobody is given more than the account may own, except by administrators.
func TestGivingKeepsToLimits(t *testing.T) {
	p := newTown(t)
	dave, err := p.accounts.Find(t.Context(), stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.accounts.SetRole(t.Context(), dave.ID, account.RoleUser, account.Limits{}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"person": {stranger}}
	if got := p.as(p.browsers[owner], "/hosts/local/servers/alpha/give", form); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.text(), "may not own more servers") {
		t.Errorf("beyond the limit: %d %s", got.StatusCode, got.text())
	}
	p.post("/hosts/local/servers/alpha/give", form, http.StatusSeeOther)
	p.post("/people/dave/disable", nil, http.StatusSeeOther)
	p.mustSay(p.post("/hosts/local/overlays/alpha/give", form, http.StatusBadRequest), "This account is disabled.")
	p.mustSay(p.post("/hosts/local/overlays/everybody/give", url.Values{"person": {owner}}, http.StatusConflict), "belongs to nobody")
}
