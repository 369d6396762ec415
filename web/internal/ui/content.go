package ui

import (
	"net/http"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

func (p *Panel) content(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	overlays, err := agent.Overlays(r.Context())
	if err != nil {
		return err
	}
	orphans, err := agent.Orphans(r.Context())
	if err != nil {
		return err
	}
	return p.show(w, r, view.Content(p.page(r, "overlays", "Content on disk"), overlays, orphans))
}

func (p *Panel) contentSweep(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	queued, err := agent.SweepContent(r.Context())
	return p.watch(w, r, queued, err)
}

func (p *Panel) contentConfirm(w http.ResponseWriter, r *http.Request) error {
	page := p.page(r, "overlays", "Remove content")
	return p.show(w, r, view.Confirm(page, "Removes "+r.FormValue("content")+" from the disk. The agent looks first whether it really belongs to nothing.",
		"What is in it is lost for good.", "Remove it", page.URL("content")))
}

func (p *Panel) contentRemove(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	sceneOf(r).target = "content/" + cut(r.FormValue("content"))
	queued, err := agent.RemoveOrphan(r.Context(), api.OrphanRemove{Content: r.FormValue("content")})
	return p.watch(w, r, queued, err)
}

func (p *Panel) overlayPin(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	note(r, "revision %s, pinned: %v", r.PostFormValue("revision"), r.PostFormValue("pinned") != "")
	pin := api.OverlayPin{Revision: r.PostFormValue("revision"), Pinned: r.PostFormValue("pinned") != ""}
	made, err := agent.PinRevision(r.Context(), param(r, "name"), pin)
	if err != nil {
		return err
	}
	flash := "Pinned. The revision stays until it is unpinned."
	if !made.Pinned {
		flash = "Unpinned. The revision is removed when it is old."
	}
	return p.done(w, r, p.url(r, "overlays", made.Overlay), flash)
}
