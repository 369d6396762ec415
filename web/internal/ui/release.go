package ui

import (
	"net/http"
	"strconv"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) installation(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	data := view.InstallationData{}
	if data.Game, err = agent.Installation(r.Context()); err != nil {
		return err
	}
	if data.Releases, err = agent.Releases(r.Context()); err != nil {
		return err
	}
	if data.Servers, err = agent.Servers(r.Context()); err != nil {
		return err
	}
	for _, status := range []string{"running", "queued"} {
		jobs, err := agent.Jobs(r.Context(), client.JobFilter{Subject: "installation", Status: status, Limit: 20})
		if err != nil {
			return err
		}
		data.Jobs = append(data.Jobs, jobs...)
	}
	return p.show(w, r, view.Installation(p.page(r, "installation", "Installation"), data))
}

// queued goes back to the installation after something was asked for there, which shows how it goes.
func (p *Panel) queued(w http.ResponseWriter, r *http.Request, err error) error {
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "installation"), "")
}

func (p *Panel) releaseUpdate(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	_, err = agent.InstallRelease(r.Context(), api.ReleaseInstall{Rollout: r.PostFormValue("rollout") != "", Verify: r.PostFormValue("verify") != ""})
	return p.queued(w, r, err)
}

func (p *Panel) releaseCheck(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	_, err = agent.CheckInstallation(r.Context())
	return p.queued(w, r, err)
}

func (p *Panel) releaseRollout(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	order := api.Rollout{}
	if minutes, err := strconv.Atoi(r.PostFormValue("minutes")); err == nil {
		order.WithinSeconds = int(time.Duration(minutes) * time.Minute / time.Second)
	}
	_, err = agent.RollOut(r.Context(), order)
	return p.queued(w, r, err)
}

func (p *Panel) releaseUse(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	chosen, err := agent.ChooseRelease(r.Context(), api.ReleaseChoice{Release: r.PostFormValue("release"), Hold: r.PostFormValue("hold") != ""})
	if err != nil {
		return err
	}
	word := "New starts use " + view.ReleaseName(chosen) + "."
	if chosen.Held {
		word += " Updates do not take its place."
	}
	return p.done(w, r, p.url(r, "installation"), word)
}

func (p *Panel) releasePin(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	s, err := agent.PinServer(r.Context(), r.PostFormValue("server"), api.ServerRelease{Release: r.PostFormValue("release")})
	if err != nil {
		return err
	}
	word := "Server " + s.Name + " uses the present release again, from its next start on."
	if s.Release != "" {
		word = "Server " + s.Name + " stays at the chosen release, from its next start on."
	}
	return p.done(w, r, p.url(r, "installation"), word)
}

func (p *Panel) releaseConfirm(w http.ResponseWriter, r *http.Request) error {
	page := p.page(r, "installation", "Remove release")
	return p.show(w, r, view.Confirm(page, "Removes this release from the disk. No server may use it or stay at it.",
		"A rollback to it is not possible any more.", "Remove release", page.URL("installation")))
}

func (p *Panel) releaseRemove(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	_, err = agent.RemoveRelease(r.Context(), param(r, "id"))
	return p.queued(w, r, err)
}
