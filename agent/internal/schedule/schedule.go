// Package schedule does things by themselves: at times of a cron expression, or when something happens.
//
// A schedule has one trigger, conditions that must hold, and actions that run one after another as a job, so that
// people see what was done, why nothing was done, and can cancel it. The store holds schedules; the engine is the
// clock. What an action does is the business of an [Actor], so this package knows no server and no overlay.
package schedule

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/job"
)

// Schedule is one thing that is done by itself.
type Schedule struct {
	ID         string
	Name       string // unique
	Owner      string // "" is the system
	Enabled    bool
	Reason     string // why it was switched off by itself; "" when a person did it
	Trigger    Trigger
	Conditions Conditions
	Actions    []Action
	Overlap    Overlap
	CatchUp    bool      // run once at the start of the agent when a time was missed
	LastJob    string    // id; "" = never
	LastFired  time.Time // zero = never
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Trigger says when. Exactly one of Cron and On is set.
type Trigger struct {
	Cron string // five fields, or @daily and the like
	Zone string // of Cron, an IANA name; "" = the host's
	On   Cause  // what must happen
	// Server limits On to one server, by name; "" = any.
	Server string
	// Match is a regular expression (RE2) that a console line must match. Only with OnConsole.
	Match string
	// Cooldown is how long after firing it does not fire again; 0 = one minute. Only with On.
	Cooldown time.Duration
}

// Cause is something that happens.
type Cause string

// Causes. The ones about servers come with the name of the server.
const (
	OnMapEnd   Cause = "server.map_end"
	OnMap      Cause = "server.map"
	OnEmpty    Cause = "server.empty"
	OnJoined   Cause = "server.joined"
	OnStarted  Cause = "server.started"
	OnStopped  Cause = "server.stopped"
	OnCrashed  Cause = "server.crashed"
	OnHung     Cause = "server.hung"
	OnConsole  Cause = "server.console"
	OnOutdated Cause = "game.outdated" // a newer release of the game is due
	OnJobFail  Cause = "job.failed"
	OnPlugin   Cause = "plugin.failed" // a plugin is down and is not started again
)

// Causes lists every cause, for people.
func Causes() []Cause {
	return []Cause{OnMapEnd, OnMap, OnEmpty, OnJoined, OnStarted, OnStopped, OnCrashed, OnHung, OnConsole, OnOutdated, OnJobFail, OnPlugin}
}

// Conditions must all hold, else nothing is done. They are about one server.
type Conditions struct {
	Server     string // by name; "" = the one of the trigger
	MinPlayers *int
	MaxPlayers *int
	States     []string // of a server: "running", …; none = any
	// Wait is how long they may take to become true; 0 = they must hold at once.
	Wait time.Duration
}

// Overlap says what happens when it fires while its last job is not done.
type Overlap string

// Overlaps.
const (
	OverlapSkip  Overlap = "skip"  // nothing
	OverlapQueue Overlap = "queue" // it runs after that
)

// Action is one thing to do. Which fields it needs depends on Kind, see [Kinds].
type Action struct {
	Kind    string
	Server  string // by name; "" = the one of the trigger
	Overlay string
	Text    string // a message, a console command, a map
	URL     string // secret
	Format  string // of a webhook: "json" or "discord"
	// After is a pause before it.
	After time.Duration
	// Continue goes on with the next action when this one fails.
	Continue bool
}

// Happening is one occurrence of a cause.
type Happening struct {
	Cause  Cause
	Server string // name; "" = none
	Text   string // what happened, one sentence or the console line
}

// Facts are what conditions ask for.
type Facts struct {
	State   string
	Players int
	Map     string
}

// Actor does actions and knows servers. Implementations are safe for concurrent use.
type Actor interface {
	// Do does an action that was checked. It returns the id of the job it started, "" when it is done.
	Do(ctx context.Context, actor string, action Action, what Happening) (job string, err error)
	// Facts returns what a server is at present. NotFound: there is none with that name.
	Facts(ctx context.Context, server string) (Facts, error)
	// Check refuses an action that names what does not exist.
	Check(ctx context.Context, action Action) error
}

// Reader reads schedules. Absent ones are fault.NotFound.
type Reader interface {
	ScheduleByName(ctx context.Context, name string) (Schedule, error)
	ScheduleByID(ctx context.Context, id string) (Schedule, error)
	// Schedules are sorted by name.
	Schedules(ctx context.Context) ([]Schedule, error)
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	// PutSchedule inserts or replaces by ID. Conflict: the name is taken.
	PutSchedule(ctx context.Context, s Schedule) error
	DeleteSchedule(ctx context.Context, id string) error
	job.Tx
	event.Tx
}

// Store keeps schedules.
type Store interface {
	Reader
	// Update runs change in one transaction; an error rolls everything back.
	Update(ctx context.Context, change func(Tx) error) error
}

// Jobs is what is needed of the job engine besides queuing in a transaction.
type Jobs interface {
	// Wake makes the engine look for queued jobs. Call it after a commit that queued one.
	Wake()
}
