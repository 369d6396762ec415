package ui

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/console"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// Bounds of what one page shows.
const (
	consoleShown = 1000
	historyShown = 200
	// downloadLines is how many lines of a console can be taken along; the agent gives no more at once.
	downloadLines = 10_000
)

func (p *Panel) console(w http.ResponseWriter, r *http.Request) error {
	about, host, err := p.aboutServer(r)
	if err != nil {
		return err
	}
	data := view.ConsoleData{ServerData: about, Search: r.URL.Query().Get("search")}
	if r.Header.Get(liveHeader) == "" {
		options := client.ConsoleOptions{Tail: consoleShown, Search: data.Search}
		if data.Console, _, err = consoleLines(r, host.Client, data.Server.Name, options); err != nil {
			return err
		}
		data.Cut = len(data.Console) == consoleShown
	}
	return p.show(w, r, view.Console(p.page(r, "servers", "Console · "+data.Title()), data))
}

// consoleText is what was printed lately as a file, without terminal codes.
func (p *Panel) consoleText(w http.ResponseWriter, r *http.Request) error {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return errNoPage
	}
	found, err := host.Client.Server(r.Context(), param(r, "name"))
	if err != nil {
		return err
	}
	lines, _, err := consoleLines(r, host.Client, found.Name, client.ConsoleOptions{Tail: downloadLines})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+found.Name+`-console.txt"`) // names hold no quotes
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%s %s\n", line.Time.UTC().Format("2006-01-02T15:04:05.000Z"), console.Parse(line.Text).Text()); err != nil {
			return nil //nolint:nilerr // the browser went away
		}
	}
	return nil
}

func (p *Panel) history(w http.ResponseWriter, r *http.Request) error {
	about, host, err := p.aboutServer(r)
	if err != nil {
		return err
	}
	sees, err := p.sieve(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	data := view.HistoryData{ServerData: about, Show: query.Get("show"), Kind: query.Get("kind"), Text: query.Get("text")}
	subject := "server/" + data.Server.Name
	switch {
	case data.Show == "jobs":
		data.Jobs, err = host.Client.Jobs(r.Context(), client.JobFilter{Subject: subject, Limit: historyShown})
		data.Jobs = keep(data.Jobs, sees.job)
	case data.Show == "game" && may(r, right.ServerPlayers):
		before, _ := strconv.ParseInt(query.Get("before"), 10, 64)
		data.Game, err = host.Client.History(r.Context(), data.Server.Name,
			client.HistoryFilter{Kind: data.Kind, Text: data.Text, Before: max(before, 0), Limit: historyShown})
		if len(data.Game) == historyShown {
			data.Older = data.Game[len(data.Game)-1].ID
		}
	default:
		data.Show = "changes"
		data.Events, err = newestEvents(r, host.Client, subject, historyShown)
		data.Events = keep(data.Events, sees.event)
	}
	if err != nil {
		return err
	}
	return p.show(w, r, view.History(p.page(r, "servers", "History · "+data.Title()), data))
}
