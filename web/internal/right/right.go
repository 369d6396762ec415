// Package right is the catalogue of what people may do in the panel, and the one rule that decides it.
//
// A right is "kind.verb". The routes table of package ui names one for each route; the reference is
// written from [Catalogue]. Nothing else in the panel decides who may do what.
package right

import (
	"slices"
	"strings"
)

// Right is one thing that a person may do.
type Right string

// Rights that are about no object.
const (
	Open   Right = "open"   // everybody, also without an account
	Member Right = "member" // everybody who is signed in, for what is their own
	Admin  Right = "admin"  // administrators
)

// Rights on what exists, and to make more of it.
const (
	ServerView     Right = "server.view"
	ServerConsole  Right = "server.console"
	ServerPower    Right = "server.power"
	ServerPlayers  Right = "server.players"
	ServerMap      Right = "server.map"
	ServerCommand  Right = "server.command"
	ServerFiles    Right = "server.files"
	ServerWrite    Right = "server.write"
	ServerSettings Right = "server.settings"
	ServerSchedule Right = "server.schedule"
	ServerReset    Right = "server.reset"
	ServerDelete   Right = "server.delete"
	ServerShare    Right = "server.share"
	ServerGive     Right = "server.give"
	ServerCreate   Right = "server.create"

	OverlayView   Right = "overlay.view"
	OverlayEdit   Right = "overlay.edit"
	OverlayBuild  Right = "overlay.build"
	OverlayDelete Right = "overlay.delete"
	OverlayGive   Right = "overlay.give"
	OverlayCreate Right = "overlay.create"

	BlueprintView   Right = "blueprint.view"
	BlueprintEdit   Right = "blueprint.edit"
	BlueprintDelete Right = "blueprint.delete"
	BlueprintGive   Right = "blueprint.give"
	BlueprintCreate Right = "blueprint.create"

	ScheduleView Right = "schedule.view"
	ScheduleEdit Right = "schedule.edit"

	JobView  Right = "job.view"
	JobSteer Right = "job.steer"
)

// Entry is a right as the reference shows it.
type Entry struct {
	Right Right
	Doc   string // what it lets somebody do
	Share bool   // may be given to somebody else for one server
}

// Catalogue returns every right, in the order of the reference.
func Catalogue() []Entry {
	return []Entry{
		{Open, "Everybody, also without an account.", false},
		{Member, "Everybody who is signed in, for what is their own: password, two-factor sign-in, sessions, tokens.", false},
		{Admin, "Administrators: people, invitations, hosts, the audit log, plugins, the installation. They also have every right below, on everything.", false},

		{ServerView, "See a server: state, map, layers, its jobs and events.", true},
		{ServerConsole, "Read its console.", true},
		{ServerPower, "Start, stop, restart and kill it.", true},
		{ServerPlayers, "See who plays, kick and ban.", true},
		{ServerMap, "Change map and mode.", true},
		{ServerCommand, "Run any console command. This is as much as players and map together, and more.", true},
		{ServerFiles, "Look at its files and download them.", true},
		{ServerWrite, "Change, add and remove files that it wrote.", true},
		{ServerSettings, "Change its blueprint, port and settings.", true},
		{ServerSchedule, "Make and change schedules that do what one may do by hand.", true},
		{ServerReset, "Throw away what it wrote.", true},
		{ServerDelete, "Delete it.", false},
		{ServerShare, "Say who else may do what with it.", false},
		{ServerGive, "Make it belong to somebody else, within that account's limit.", false},
		{ServerCreate, "Make a server from one of one's own blueprints, within the account's limit.", false},

		{OverlayView, "See an overlay: settings, revisions, files, builds. Everybody has it for system-wide overlays.", false},
		{OverlayEdit, "Change its settings and go back to an earlier revision.", false},
		{OverlayBuild, "Build it.", false},
		{OverlayDelete, "Delete it.", false},
		{OverlayGive, "Make it belong to somebody else, within that account's limit.", false},
		{OverlayCreate, "Make an overlay, within the account's limit.", false},

		{BlueprintView, "See a blueprint.", false},
		{BlueprintEdit, "Change it. Only overlays that one may see can be put in.", false},
		{BlueprintDelete, "Delete it.", false},
		{BlueprintGive, "Make it belong to somebody else, within that account's limit.", false},
		{BlueprintCreate, "Make a blueprint, within the account's limit.", false},

		{ScheduleView, "See a schedule: whoever may do by hand all that it does, and make schedules for every server it names. Of a schedule that names nothing, whoever made it.", false},
		{ScheduleEdit, "Change it, switch it on and off, run and delete it: whoever may see it.", false},

		{JobView, "See a job and its log: whoever asked for it or may see what it is about.", false},
		{JobSteer, "Cancel it or do it again: whoever may do to its object what the job does.", false},
	}
}

// Known reports whether r is in the catalogue.
func Known(r Right) bool {
	return slices.ContainsFunc(Catalogue(), func(e Entry) bool { return e.Right == r })
}

// Shareable returns the rights that can be given for one server, in the order of the reference.
func Shareable() []Entry {
	return slices.DeleteFunc(Catalogue(), func(e Entry) bool { return !e.Share })
}

// Kind returns what r is about: server, overlay, blueprint, schedule, job, or "" for a right about no object.
func (r Right) Kind() string {
	kind, _, ok := strings.Cut(string(r), ".")
	if !ok {
		return ""
	}
	return kind
}

// Creates reports whether r makes something new, so that there is no object yet.
func (r Right) Creates() bool { return strings.HasSuffix(string(r), ".create") }
