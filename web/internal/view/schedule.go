package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// ScheduleForm is what a person typed for a schedule.
type ScheduleForm struct {
	New                         bool
	Name                        string
	Event                       bool // set off by On, not by Cron
	Cron, Zone                  string
	On, Server, Match, Cooldown string
	About, Min, Max, Wait       string // conditions
	States                      []string
	Actions                     []ActionForm
	Overlap                     string
	CatchUp, Disabled           bool
	NextRuns                    []time.Time // of Cron
	NextProblem                 *Problem    // why there are none
	Kinds                       api.ScheduleKinds
	Servers, Overlays           []string // that can be chosen
	Stored                      api.Schedule
}

// ActionForm is one action of a schedule as it stands in the form.
type ActionForm struct {
	Kind, Server, Overlay, Text, URL, Format, After string
	Continue                                        bool
}

// serverStates can be conditions.
var serverStates = []string{"offline", "starting", "running", "stopping", "crashed", "hung", "waiting"}

// kind returns what an action needs. One that is not known needs whatever is set.
func (f ScheduleForm) kind(a ActionForm) api.ScheduleActionKind {
	for _, k := range f.Kinds.Actions {
		if k.Name == a.Kind {
			return k
		}
	}
	return api.ScheduleActionKind{Name: a.Kind, Doc: "Not known to this host.", Server: a.Server != "", Overlay: a.Overlay != "", URL: a.URL != ""}
}

// about reports whether the trigger tells of a server, so that others need not name one.
func (f ScheduleForm) about() bool {
	return f.Server != "" || f.Event && strings.HasPrefix(f.On, "server.")
}

// choices returns names with the present one, which may be gone.
func choices(names []string, present string) []string {
	if present == "" || slices.Contains(names, present) {
		return names
	}
	return append([]string{present}, names...)
}

func inputID(i int, name string) string { return fmt.Sprintf("a%d.%s", i, name) }

// causes in words.
var causes = map[string]string{
	"server.map_end": "a campaign or map ends", "server.map": "a map begins", "server.empty": "the last player leaves", "server.joined": "somebody joins",
	"server.started": "a server starts", "server.stopped": "a server stops", "server.crashed": "a server crashes", "server.hung": "a server hangs",
	"server.console": "a console line matches", "game.outdated": "the game is out of date", "job.failed": "a job fails",
	"plugin.failed": "a plugin is down for good",
}

// Cause is what sets a schedule off, in words.
func Cause(name string) string {
	if words, ok := causes[name]; ok {
		return words
	}
	return name
}

// Trigger says in words when a schedule runs.
func Trigger(t api.ScheduleTrigger) string {
	if t.On == "" {
		return strings.TrimSpace(t.Cron + " " + t.Zone)
	}
	if t.Server == "" {
		return "when " + Cause(t.On)
	}
	return "when " + Cause(t.On) + " on " + t.Server
}

// Does says what a schedule does, briefly.
func Does(actions []api.ScheduleAction) string {
	var out []string
	for _, a := range actions {
		words := []string{a.Kind}
		for _, word := range []string{a.Server, a.Overlay, a.Text} {
			if word != "" {
				words = append(words, word)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, ", then ")
}

// Until says how long it is until t.
func Until(t time.Time) string {
	d := time.Until(t)
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("in %d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("in %d h", int(d.Hours()))
	}
	return fmt.Sprintf("in %d days", int(d.Hours()/24))
}

// path is the last element of the form's address.
func (f ScheduleForm) path() string {
	if f.New {
		return "-new"
	}
	return f.Name
}

// actionField is what the agent calls the i-th action in a problem.
func actionField(i int) string { return fmt.Sprintf("actions[%d]", i) }

// noneOf is the choice of no server; "" when one must be named.
func noneOf(about bool) string {
	if about {
		return "the one that it is about"
	}
	return ""
}

func orText(name string) string {
	if name == "" {
		return "text"
	}
	return name
}
