package ui

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
)

// claim is one right that a schedule takes.
type claim struct {
	subject string // "" = about no object
	need    right.Right
}

// claims returns everything that somebody must be allowed to do by hand to let a schedule do it. An empty name of a
// server is any server of the host, and that needs an administrator.
func claims(d api.ScheduleDefinition) []claim {
	var out []claim
	on := func(server string, need right.Right) {
		if server == "" {
			need = right.Admin
		}
		out = append(out, claim{"server/" + server, right.ServerSchedule}, claim{"server/" + server, need})
	}
	cause := right.ForCause(d.Trigger.On)
	if cause.Kind() == "server" || d.Trigger.Server != "" {
		if cause == right.Member {
			cause = right.ServerView
		}
		on(d.Trigger.Server, cause)
	} else {
		out = append(out, claim{"", cause})
	}
	if c := d.Conditions; c.Server != "" {
		on(c.Server, right.ServerView)
	}
	for _, a := range d.Actions {
		switch need := right.ForAction(a.Kind); need.Kind() {
		case "server":
			server := a.Server
			if server == "" {
				server = d.Trigger.Server
			}
			on(server, need)
		case "overlay":
			out = append(out, claim{"overlay/" + a.Overlay, need})
		default:
			out = append(out, claim{"", need})
		}
	}
	return out
}

// lacks returns the first right that the person lacks for a schedule. What names nothing of the host is its maker's.
func (s sight) lacks(d api.ScheduleDefinition, owner string) (claim, bool) {
	named := false
	for _, c := range claims(d) {
		named = named || c.subject != ""
		if !s.who.Admin && c.need != right.Member && !s.has(c.subject, c.need) {
			return c, true
		}
	}
	if !named && !s.who.Admin && owner != s.who.Name {
		return claim{"", right.Admin}, true
	}
	return claim{}, false
}

// schedule reports whether the person may see and change a schedule.
func (s sight) schedule(x api.Schedule) bool {
	_, missing := s.lacks(x.ScheduleDefinition, x.Owner)
	return !missing
}

// authorizeSchedule: a schedule is seen and changed by whoever could make it.
func (p *Panel) authorizeSchedule(r *http.Request, agent *client.Client, need right.Right, s *scene) error {
	sees, err := p.sightOf(r, agent, s.person)
	if err != nil {
		return err
	}
	s.subject = "schedule/" + param(r, "name")
	s.rights = sees.subjects[s.subject].rights
	return enough(s.rights, need, s.subject)
}

// checkSchedule refuses a schedule that does what the person may not do by hand.
func (s sight) checkSchedule(d api.ScheduleDefinition) error {
	c, missing := s.lacks(d, s.who.Name)
	if !missing {
		return nil
	}
	kind, name, ok := strings.Cut(c.subject, "/")
	switch {
	case !ok:
		return errForbidden("This schedule does what only administrators may.", "Ask one of them to make it.")
	case name == "":
		return errForbidden("A schedule for whatever server it happens on is for administrators.", "Choose one server.")
	case !s.has(c.subject, right.Right(kind+".view")):
		return errNothing(kind, name)
	}
	return errForbidden(fmt.Sprintf("You may not do by hand what this schedule does with %s %q.", kind, name),
		"Ask its owner for the right "+string(c.need)+".")
}
