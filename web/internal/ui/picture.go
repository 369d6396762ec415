package ui

import (
	"net/http"

	"github.com/left4me/left4me/agent/client"
)

// overlayPicture passes the picture of an item on. Its address has a part that changes with the picture, so a browser may
// keep it for as long as it likes; it is for this person's eyes, so nobody else may.
func (p *Panel) overlayPicture(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	item := r.URL.Query().Get("item")
	data, mediaType, err := agent.Picture(r.Context(), param(r, "name"), item)
	if err != nil {
		return err
	}
	// The bytes of a plugin of an agent, with the panel's name on them: they may be a picture and nothing else.
	if detected := http.DetectContentType(data); detected != mediaType || detected != "image/jpeg" && detected != "image/png" {
		return &client.Error{Code: client.CodeInternal, Status: http.StatusBadGateway, Message: "The agent's picture is none."}
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.URL.Query().Get("v") != "" {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(data) // the browser may be gone
	return nil
}
