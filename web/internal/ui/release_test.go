package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

const installationPage = "/hosts/local/installation"

// releases gives the agent three releases, the middle one present and held, and an update.
func releases(p *panel) []api.Release {
	p.t.Helper()
	all := []api.Release{
		{ID: "01m880000000000000000000aa", Version: "2.2.4.4", Build: "17034453", Bytes: 9_792_563_589, SharedBytes: 9_700_000_000, Files: 12_350},
		{ID: "01m880000000000000000000ab", Version: "2.2.4.3", Build: "17033453", Bytes: 9_790_163_293, SharedBytes: 9_690_000_000, Files: 12_345, Current: true, Held: true},
		{ID: "01m880000000000000000000ac", Version: "2.2.4.3", Build: "16546402", Bytes: 9_790_163_293, Files: 12_344},
	}
	for i := range all {
		all[i].CreatedAt = time.Now().Add(-time.Duration(i) * 50 * time.Hour)
	}
	p.agent.SetReleases(all...)
	return all
}

func updateThere(p *panel) {
	checked, hinted := time.Now().Add(-4*time.Minute), time.Now().Add(-5*time.Minute)
	p.agent.SetInstallation(api.Installation{Source: "plugin", Plugin: "game-steamcmd", Update: "manual", Newest: "17101234",
		Notes: []string{"Steam has build 17101234."}, CheckedAt: &checked, HintedAt: &hinted, HintedBy: "alpha"})
}

func TestInstallationPage(t *testing.T) {
	p := signedIn(t)
	p.seed()
	all := releases(p)
	updateThere(p)
	page := p.get(installationPage, http.StatusOK)
	p.mustSay(page, "New starts use version 2.2.4.3, build 17033453", "update there", "Build 17101234 is there.", "held", "Server alpha called itself outdated")

	p.post(installationPage+"/use", url.Values{"release": {all[0].ID}}, http.StatusSeeOther)
	p.mustSay(p.get(installationPage, http.StatusOK), "New starts use version 2.2.4.4")
	p.post(installationPage+"/pin", url.Values{"server": {"alpha"}, "release": {all[2].ID}}, http.StatusSeeOther)
	if s, err := p.agent.Client.Server(t.Context(), "alpha"); err != nil || s.Release != all[2].ID {
		t.Errorf("alpha stays at %q, %v", s.Release, err)
	}
	p.mustSay(p.get(installationPage+"/"+all[2].ID+"/remove", http.StatusOK), "Remove release", "A rollback to it is not possible any more.")
	p.post(installationPage+"/"+all[2].ID+"/remove", nil, http.StatusSeeOther)
	for _, action := range []string{"check", "rollout"} {
		p.post(installationPage+"/"+action, nil, http.StatusSeeOther)
	}
	p.post(installationPage+"/update", url.Values{"rollout": {"1"}}, http.StatusSeeOther)
	p.agent.WaitFor("the update is installed", func() bool {
		list, err := p.agent.Client.Releases(context.Background())
		return err == nil && len(list) == 3 && list[0].Current
	})
	kinds := map[string]bool{}
	jobs, err := p.agent.Client.Jobs(t.Context(), jobFilter())
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if strings.HasPrefix(j.Kind, "installation.") {
			kinds[j.Kind] = true
			if j.Actor != testName {
				t.Errorf("%s was asked for by %q", j.Kind, j.Actor)
			}
		}
	}
	if len(kinds) != 4 {
		t.Errorf("jobs %v", kinds)
	}
}

func TestNothingInstalled(t *testing.T) {
	p := signedIn(t)
	p.agent.SetReleases()
	p.agent.SetInstallation(api.Installation{})
	p.mustSay(p.get(installationPage, http.StatusOK), "The game is not installed yet", "No source of the game is configured", "Install the game")
}

// The page while an update runs, at its fullest, in both colours and on every width, without barriers.
func TestInstallationInChromium(t *testing.T) {
	source := axe(t)
	p := newPanel(t)
	p.createAccount()
	releases(p)
	busyHost(p)
	updateThere(p)
	until := make(chan struct{})
	t.Cleanup(func() { close(until) })
	p.agent.Script("installation.install", func(ctx context.Context, run *agenttest.Run) error {
		run.Step("stage")
		run.Step("fetch")
		run.Progress(api.Progress{Phase: "downloading", Unit: "bytes", Done: 4_866_796_075, Total: 9_710_287_462})
		select {
		case <-until:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	p.agent.Script("installation.rollout", func(ctx context.Context, run *agenttest.Run) error {
		run.Step("server/practice")
		run.Progress(api.Progress{Phase: "wait", Unit: "steps", Done: 1, Total: 3, Message: "Waiting: campaign-night has 3 players. At 04:30 UTC they are restarted in any case."})
		select {
		case <-until:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	if _, err := p.agent.Client.InstallRelease(t.Context(), api.ReleaseInstall{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.agent.Client.RollOut(t.Context(), api.Rollout{}); err != nil {
		t.Fatal(err)
	}
	c := newChromium(t)
	c.look(1440, "light")
	c.open(p.URL + "/sign-in")
	c.typeInto("#name", testName)
	c.typeInto("#password", testPassword+"\r")
	c.sees(".side")
	for _, colours := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1440} {
			c.look(width, colours)
			c.open(p.URL + installationPage)
			c.sees("progress")
			c.barriers("installation in "+colours, source)
			c.picture(fmt.Sprintf("installation-full-%d-%s", width, colours))
		}
	}
	// What a person has chosen survives the live parts.
	c.click(`input[name="rollout"]`)
	p.agent.Record("test.happened", "installation", "", "Something that makes the page look again.")
	c.holds(`document.querySelector('input[name="rollout"]').checked`)
}

func jobFilter() client.JobFilter { return client.JobFilter{Limit: 50} }
