// Package view renders the panel's pages. Components are templ files; what they show is prepared here. Everything a
// person, a game or a plugin can name is text that may look like anything: templ escapes it, and the components
// isolate its direction with <bdi>.
package view

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/right"
)

//go:generate env GOWORK=off go tool -C ../../../tools templ generate -path ../web/internal/view

// Page is what every page knows.
type Page struct {
	Title   string
	Section string // the marked entry of the navigation
	User    string // "" = signed out
	Admin   bool
	Host    string
	Hosts   []string
	Theme   string // "", light, dark
	Path    string // of this page, to come back to
	Flash   string // shown once
	Style   string // addresses of assets
	Script  string
	Editor  string // a second script, on pages with an editor; "" = none
	Icon    string
	On      map[string]right.Set // what the person may do to objects of the page's host, by subject: "server/alpha"
	Refresh int                  // seconds after which a browser without JavaScript loads the page again; 0 = never
}

// Allow notes what the person may do to a subject.
func (p *Page) Allow(subject string, rights right.Set) {
	if p.On == nil {
		p.On = map[string]right.Set{}
	}
	p.On[subject] = rights
}

// May reports whether to offer the person what needs a right on a subject. It only keeps useless buttons away: what is
// allowed is decided before a handler runs.
func (p Page) May(subject string, need right.Right) bool { return p.Admin || p.On[subject].Has(need) }

// URL returns an address below the page's host. Elements are escaped.
func (p Page) URL(elements ...string) string {
	var out strings.Builder
	out.WriteString("/hosts/" + url.PathEscape(p.Host))
	for _, element := range elements {
		out.WriteString("/" + url.PathEscape(element))
	}
	return out.String()
}

// Problem is a failure shown on a page.
type Problem struct {
	Message   string
	Hint      string
	Field     string
	Reference string
}

// Ago says how long ago t was, in the largest fitting unit.
func Ago(t time.Time) string { return ago(time.Since(t)) }

func ago(d time.Duration) string {
	switch {
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// Bytes says a size in binary units.
func Bytes(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	format := "%.1f %ciB"
	if value >= 100 {
		format = "%.0f %ciB"
	}
	return fmt.Sprintf(format, value, "KMGTP"[unit])
}

// Lasted says how long a job or step took, or "" while that is unknown.
func Lasted(from, to *time.Time) string {
	if from == nil || to == nil {
		return ""
	}
	d := to.Sub(*from)
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return d.Round(100 * time.Millisecond).String()
}

// Actor names who did something.
func Actor(name string) string {
	if name == "" {
		return "system"
	}
	return name
}

// Percent returns how far a job is, or -1 when that is not known.
func Percent(p *api.Progress) int {
	if p == nil || p.Total == 0 {
		return -1
	}
	return int(min(p.Done, p.Total) * 100 / p.Total)
}

// Amount says how much of a progress is done.
func Amount(p api.Progress) string {
	show := func(n uint64) string {
		if p.Unit == "bytes" {
			return Bytes(n)
		}
		return fmt.Sprint(n)
	}
	if p.Total == 0 {
		return show(p.Done)
	}
	return show(p.Done) + " of " + show(p.Total)
}

// SubjectURL returns the page of an event's or job's subject, for example "server/alpha", or "".
func (p Page) SubjectURL(subject string) string {
	kind, name, ok := strings.Cut(subject, "/")
	if !ok {
		if subject == "installation" {
			return p.URL("installation")
		}
		return ""
	}
	switch kind {
	case "server", "overlay", "blueprint", "schedule":
		return p.URL(kind+"s", name)
	case "installation":
		return p.URL("installation")
	case "plugin":
		return p.URL("plugins")
	case "job":
		return p.URL("jobs", name)
	}
	return ""
}

// Busy reports whether a job is not final yet.
func Busy(status string) bool { return status == "queued" || status == "running" }

// Connect returns the address that opens the game on a player's machine. host is how the browser reached the panel.
func Connect(host string, port int) string { return fmt.Sprintf("steam://connect/%s:%d", host, port) }
