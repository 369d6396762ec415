package right

import (
	"slices"
	"strings"
)

// Person is who asks. The zero value is somebody without an account.
type Person struct {
	Name  string // as it stands in the agents' records of owners
	Admin bool
}

// Object is what is asked about, as its agent knows it.
type Object struct {
	Kind   string // server, overlay, blueprint
	Owner  string // "" = nobody
	System bool   // of overlays: readable by everybody with an account
}

// Set is some rights.
type Set []Right

// ParseSet reads what [Set.String] wrote. What is not shareable is left out, so that a right taken out of the
// catalogue is gone everywhere.
func ParseSet(text string) Set {
	var out Set
	for _, e := range Shareable() {
		if slices.Contains(strings.Fields(text), string(e.Right)) {
			out = append(out, e.Right)
		}
	}
	return out
}

// String writes s in one line.
func (s Set) String() string {
	words := make([]string, len(s))
	for i, r := range s {
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}

// Has reports whether r is in s.
func (s Set) Has(r Right) bool { return slices.Contains(s, r) }

// Of returns everything that person may do to object. shared is what its owner gave the person.
func Of(person Person, object Object, shared Set) Set {
	if person.Name == "" {
		return nil
	}
	var out Set
	for _, e := range Catalogue() {
		if e.Right.Kind() == object.Kind && !e.Right.Creates() && may(person, e, object, shared) {
			out = append(out, e.Right)
		}
	}
	return out
}

func may(person Person, entry Entry, object Object, shared Set) bool {
	switch {
	case person.Admin:
		return true
	case object.System:
		return entry.Right == OverlayView // its owner, if it has one, made it everybody's
	case object.Owner == person.Name:
		return true
	case object.Kind == "server" && entry.Share:
		return shared.Has(entry.Right) || entry.Right == ServerView && len(shared) > 0
	}
	return false
}

// ForJob returns the right on its object that is needed to cancel a job or do it again. [Admin] is for
// everything that is not listed.
func ForJob(kind string) Right {
	switch kind {
	case "server.start", "server.stop", "server.restart", "server.kill":
		return ServerPower
	case "server.reset":
		return ServerReset
	case "server.delete":
		return ServerDelete
	case "overlay.build":
		return OverlayBuild
	case "overlay.delete":
		return OverlayDelete
	case "schedule.run":
		return ScheduleEdit
	}
	return Admin
}

// ForAction returns the right on its server or overlay that is needed to let a schedule do an action. [Member] is for
// what is done to nothing of the host, [Admin] for everything that is not listed.
func ForAction(kind string) Right {
	switch kind {
	case "start", "stop", "restart", "kill":
		return ServerPower
	case "say", "command":
		return ServerCommand
	case "map":
		return ServerMap
	case "build":
		return OverlayBuild
	case "webhook":
		return Member
	}
	return Admin
}

// ForCause returns the right on a server that is needed to let what happens there set off a schedule, whose actions can
// pass it on. [Member] is for causes that tell nothing of the host's servers, [Admin] for everything that is not listed.
func ForCause(cause string) Right {
	switch cause {
	case "", "game.outdated":
		return Member
	case "server.console":
		return ServerConsole
	case "server.joined":
		return ServerPlayers
	case "server.map_end", "server.map", "server.empty", "server.started", "server.stopped", "server.crashed", "server.hung":
		return ServerView
	}
	return Admin
}
