package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// param returns a path parameter, unescaped. The agent checks its form.
func param(r *http.Request, name string) string {
	raw := chi.URLParam(r, name)
	if text, err := url.PathUnescape(raw); err == nil {
		return text
	}
	return raw
}

// lines returns the lines of a text area without line ends; empty ones at the end are dropped.
func lines(text string) []string {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return []string{}
	}
	return strings.Split(text, "\n")
}

// newestEvents returns the newest events about subject, newest first. subject "" means all.
func newestEvents(r *http.Request, agent *client.Client, subject string, limit int) ([]api.Event, error) {
	list, err := agent.Events(r.Context(), client.EventFilter{Subject: subject, Limit: limit})
	slices.Reverse(list)
	return list, err
}
