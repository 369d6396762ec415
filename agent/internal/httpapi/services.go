package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// Services is everything the API serves. All fields are required.
//
// Rules for every method: failures that a person should read are *fault.Error, anything else is
// reported as internal. actor is who asked, never empty. Names and ids were checked for their form
// before, not for existence. Slices may be nil; the API writes []. Methods are called concurrently
// and return soon when ctx ends.
type Services struct {
	Host          Host
	Plugins       Plugins
	Overlays      Overlays
	OverlayBuilds OverlayBuilds
	Addons        Addons
	Content       Content
	Blueprints    Blueprints
	Owners        Owners
	Releases      Releases
	Installation  Installation
	Servers       Servers
	ServerActions ServerActions
	ServerLive    ServerLive
	Files         Files
	Schedules     Schedules
	Metrics       Metrics
	Jobs          Jobs
	Events        Events
	Tokens        Tokens
}

// Host describes the agent and its machine.
type Host interface {
	Host(ctx context.Context) (api.Host, error)
}

// Plugins shows and restarts configured plugins.
type Plugins interface {
	List(ctx context.Context) ([]api.Plugin, error)
	Get(ctx context.Context, name string) (api.Plugin, error)
	// Restart asks for an end and a new start, also of a plugin that was given up. It returns the
	// plugin's state right after.
	Restart(ctx context.Context, actor, name string) (api.Plugin, error)
	// Log returns the newest kept lines above a number, oldest first.
	Log(ctx context.Context, name string, after int64) ([]api.PluginLine, error)
	// Types lists what overlays can be made with.
	Types(ctx context.Context) ([]api.OverlayType, error)
}

// Overlays keeps overlays.
type Overlays interface {
	List(ctx context.Context) ([]api.Overlay, error)
	Get(ctx context.Context, name string) (api.Overlay, error)
	Create(ctx context.Context, actor string, create api.OverlayCreate) (api.Overlay, error)
	Update(ctx context.Context, actor, name string, update api.OverlayUpdate) (api.Overlay, error)
	Delete(ctx context.Context, actor, name string) error
}

// OverlayBuilds makes and chooses revisions of overlays.
type OverlayBuilds interface {
	Build(ctx context.Context, actor, name string, build api.OverlayBuild) (api.Job, error)
	// Revisions returns the newest first.
	Revisions(ctx context.Context, name string) ([]api.Revision, error)
	// Diff lists what differs from revision from to revision id, at most limit entries, by path. from ""
	// is the revision before id, or nothing when id is the first.
	Diff(ctx context.Context, name, id, from string, limit int) ([]api.FileChange, error)
	Rollback(ctx context.Context, actor, name, revision string) (api.Overlay, error)
	// Pin keeps a revision, or lets go of it.
	Pin(ctx context.Context, actor, name string, pin api.OverlayPin) (api.Revision, error)
}

// Content finds and removes what nobody needs.
type Content interface {
	// Orphans looks now.
	Orphans(ctx context.Context) ([]api.Orphan, error)
	Remove(ctx context.Context, actor string, remove api.OrphanRemove) (api.Job, error)
	Sweep(ctx context.Context, actor string) (api.Job, error)
}

// Addons tells what overlays bring to the game, and looks for newer content.
type Addons interface {
	// OfOverlay looks at the present revision, OfBlueprint at what a start would stack now, OfServer at what is mounted.
	OfOverlay(ctx context.Context, name string) (api.Addons, error)
	OfBlueprint(ctx context.Context, name string) (api.Addons, error)
	OfServer(ctx context.Context, name string) (api.Addons, error)
	Refresher
}

// Refresher looks for newer content of overlays.
type Refresher interface {
	// Items lists the parts of an overlay's content that its builder names.
	Items(ctx context.Context, name string) ([]api.Item, error)
	// Picture returns the small picture of an item and what it is: image/jpeg or image/png.
	Picture(ctx context.Context, name, item string) (data []byte, mediaType string, err error)
	Refresh(ctx context.Context, actor string) (api.Job, error)
	ShowRefresh(ctx context.Context) (api.Refresh, error)
}

// Blueprints keeps blueprints.
type Blueprints interface {
	List(ctx context.Context) ([]api.Blueprint, error)
	Get(ctx context.Context, name string) (api.Blueprint, error)
	Create(ctx context.Context, actor string, create api.BlueprintCreate) (api.Blueprint, error)
	Update(ctx context.Context, actor, name string, update api.BlueprintUpdate) (api.Blueprint, error)
	Delete(ctx context.Context, actor, name string) error
	// Preview changes nothing. It fails for what could not be saved.
	Preview(ctx context.Context, draft api.BlueprintCreate) (api.BlueprintPreview, error)
}

// Releases keeps versions of the game.
type Releases interface {
	List(ctx context.Context) ([]api.Release, error)
	// Install fetches what the configured source has.
	Install(ctx context.Context, actor string, install api.ReleaseInstall) (api.Job, error)
	Remove(ctx context.Context, actor, id string) (api.Job, error)
}

// Installation says what is new, and takes it to the servers.
type Installation interface {
	Installation(ctx context.Context) (api.Installation, error)
	Check(ctx context.Context, actor string) (api.Job, error)
	Choose(ctx context.Context, actor string, choice api.ReleaseChoice) (api.Release, error)
	RollOut(ctx context.Context, actor string, rollout api.Rollout) (api.Job, error)
}

// Servers keeps game servers.
type Servers interface {
	List(ctx context.Context) ([]api.Server, error)
	Get(ctx context.Context, name string) (api.Server, error)
	Create(ctx context.Context, actor string, create api.ServerCreate) (api.Server, error)
	Delete(ctx context.Context, actor, name string) (api.Job, error)
}

// ServerActions changes what game servers do. Each returns the job that does it.
type ServerActions interface {
	Start(ctx context.Context, actor, name string) (api.Job, error)
	Stop(ctx context.Context, actor, name string) (api.Job, error)
	Restart(ctx context.Context, actor, name string) (api.Job, error)
	Kill(ctx context.Context, actor, name string) (api.Job, error)
	Reset(ctx context.Context, actor, name string) (api.Job, error)
	// Pin lets a server stay at a release.
	Pin(ctx context.Context, actor, name string, release api.ServerRelease) (api.Server, error)
}

// ServerLive talks to running game servers.
type ServerLive interface {
	Command(ctx context.Context, actor, name, command string) (api.ServerReply, error)
	Players(ctx context.Context, name string) ([]api.Player, error)
	Say(ctx context.Context, actor, name string, in api.ServerSay) error
	Kick(ctx context.Context, actor, name string, in api.ServerKick) error
	Ban(ctx context.Context, actor, name string, in api.ServerBan) error
	Unban(ctx context.Context, actor, name string, in api.ServerUnban) error
	Map(ctx context.Context, actor, name string, in api.ServerMap) error
	// History returns the newest first.
	History(ctx context.Context, name string, filter GameEventFilter) ([]api.GameEvent, error)
	// Console reports the lines after cursor, or the last tail lines when cursor is "", and with follow
	// goes on until ctx ends. dropped counts lines lost right before line. A report that fails ends the
	// stream with its error. report may block while the reader is slow: hold no lock meanwhile.
	Console(ctx context.Context, name, cursor string, tail int, follow bool, report func(line api.ConsoleLine, dropped int) error) error
}

// Files shows and changes the files of servers. Paths were not checked.
type Files interface {
	List(ctx context.Context, name, path string) (api.Directory, error)
	// Open opens a file of the merged view, or of one layer; its reads end with ctx. layer is where it comes from.
	Open(ctx context.Context, name, path, layer string) (file io.ReadSeeker, from string, err error)
	Put(ctx context.Context, actor, name, path, was string, text []byte) error
	Reset(ctx context.Context, actor, name, path string) error
	Collisions(ctx context.Context, name string) (api.Collisions, error)
}

// Metrics shows figures over time.
type Metrics interface {
	// Server returns the figures of the last seconds; NotFound: there is no such server.
	Server(ctx context.Context, name string, last time.Duration) (api.Series, error)
	Host(ctx context.Context, last time.Duration) (api.Series, error)
	// Exposition answers a scrape of Prometheus.
	Exposition() http.Handler
}

// Schedules keeps what is done by itself.
type Schedules interface {
	List(ctx context.Context) ([]api.Schedule, error)
	Get(ctx context.Context, name string) (api.Schedule, error)
	Create(ctx context.Context, actor string, create api.ScheduleCreate) (api.Schedule, error)
	Update(ctx context.Context, actor, name string, update api.ScheduleUpdate) (api.Schedule, error)
	Delete(ctx context.Context, actor, name string) error
	Run(ctx context.Context, actor, name string, run api.ScheduleRun) (api.Job, error)
	Kinds(ctx context.Context) (api.ScheduleKinds, error)
	Preview(ctx context.Context, trigger api.ScheduleTrigger) (api.SchedulePreview, error)
}

// Jobs shows and steers jobs.
type Jobs interface {
	// List returns the newest first.
	List(ctx context.Context, filter JobFilter) ([]api.Job, error)
	Get(ctx context.Context, id string) (api.Job, error)
	Cancel(ctx context.Context, actor, id string) (api.Job, error)
	Retry(ctx context.Context, actor, id string) (api.Job, error)
	// Log reports the lines with a Seq above after. With follow it goes on, reports the job at once and
	// on every change, and returns nil after the final state and the last line. Same rules for report
	// as Console.
	Log(ctx context.Context, id string, after int64, follow bool, report func(JobUpdate) error) error
}

// GameEventFilter selects game events. Zero fields select everything.
type GameEventFilter struct {
	Kind          string
	Text          string // in player, SteamID64 or text
	Before, After int64  // ids
	Limit         int    // 1 … 1000
}

// JobFilter selects jobs. Zero fields select everything.
type JobFilter struct {
	Subject string // as shown: "overlay/maps"
	Status  string
	Before  string // only ids below this
	Limit   int    // 1 … 1000
}

// JobUpdate is one item of a job's log stream. Exactly one of Line and Job is set.
type JobUpdate struct {
	Line    *api.JobLine
	Job     *api.Job
	Dropped int // lines lost right before this item
}

// Events shows recorded facts.
type Events interface {
	// List returns the oldest first: those right above After when it is set, else the newest Limit.
	List(ctx context.Context, filter EventFilter) ([]api.Event, error)
	// Stream reports events with an id above after, or from now on when after is negative, until ctx
	// ends. Same rules for report as Console.
	Stream(ctx context.Context, after int64, report func(event api.Event, dropped int) error) error
}

// EventFilter selects events. Zero fields select everything.
type EventFilter struct {
	Subject string
	After   int64
	Limit   int // 1 … 1000
}
