package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/merged"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// Trees is what servers need of the mounter.
type Trees interface {
	content.Stacker
	content.Remover
}

// Jobs is what is needed of the job engine besides queuing in a transaction.
type Jobs interface {
	// Wake makes the engine look for queued jobs. Call it after a commit that queued one.
	Wake()
	// Cancel asks a queued or running job to end; a final one is fine.
	Cancel(ctx context.Context, id, actor string) (job.Job, error)
}

// Game talks to a running game. Implementations are safe for concurrent use and honour ctx.
type Game interface {
	// Info asks by A2S. Any error means that the game does not answer.
	Info(ctx context.Context, port int) (Live, error)
	// Exec runs a console command by RCON and returns what the game printed.
	Exec(ctx context.Context, port int, password, command string) (string, error)
	// Players asks by RCON, because A2S knows no SteamIDs.
	Players(ctx context.Context, port int, password string) ([]Player, error)
}

// Ports is the range that new servers take theirs from, both ends included.
type Ports struct{ First, Last int }

// OverlayTypes tells what overlays can be made of.
type OverlayTypes interface {
	// Types lists the enabled ones, also those whose plugin is down at the moment.
	Types(ctx context.Context) []overlay.Type
}

// Options of a Manager. Store, Jobs, Trees, Addons, Supervisor, Console, Game, History and Ports are required.
type Options struct {
	Store  Store
	Jobs   Jobs
	Trees  Trees
	Addons addon.Source
	// Types tells which overlays can still be built; nil = all.
	Types OverlayTypes
	// Layers shows what overlays hold, for copies of their server.cfg; nil = none are made.
	Layers content.Browser
	// Files shows and mends what servers wrote, and lists what revisions hold; nil = the files of servers cannot be seen.
	Files interface {
		merged.Disk
		merged.Files
	}
	Supervisor Supervisor
	Console    Console
	Limits     Enforcer // nil: every limit is held
	Game       Game
	History    History
	Ports      Ports
	// OnGame is told of each game event, in order per server, while it is fresh. It must not block. After a
	// crash of the agent an event can come a second time.
	OnGame func(Server, GameEvent)
	// OnLine is told of each console line as it was printed. The same rules hold.
	OnLine func(s Server, text string)
	// LogAddress is where games send their logs, for TakeLog; "" = what games tell is read from their consoles.
	LogAddress  string
	StopTimeout time.Duration // after SIGINT; 0 = 15 s
	ReadyWithin time.Duration // until the game must answer; 0 = 3 min
	Env         []string      // for every game
	Log         *slog.Logger
	Now         func() time.Time
}

// Manager creates, runs and removes servers. It is safe for concurrent use.
type Manager struct {
	Options
	tracker *tracker
	rosters *rosters
	senders senders
	// collider remembers what overlays have in common.
	collider *merged.Collider
}

// New returns a Manager. Its Handlers must be registered with the job engine, and Watch must run while
// the agent does.
func New(options Options) *Manager {
	if options.StopTimeout == 0 {
		options.StopTimeout = 15 * time.Second
	}
	if options.ReadyWithin == 0 {
		options.ReadyWithin = 3 * time.Minute
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Manager{Options: options, tracker: newTracker(options.Now), rosters: newRosters(options.Now),
		collider: &merged.Collider{Files: options.Files}}
}

// Draft is a new server. Blueprint is a name; Port 0 takes the next free one of the range.
type Draft struct {
	Name      string
	Blueprint string
	Owner     string
	Port      int
}

// Create adds a server; nothing is started. Invalid: name or port; NotFound: the blueprint; Conflict: name,
// port, or no port is free.
func (m *Manager) Create(ctx context.Context, actor string, draft Draft) (Server, error) {
	if err := id.CheckName("server", draft.Name); err != nil {
		return Server{}, err
	}
	if draft.Port != 0 && (draft.Port < m.Ports.First || draft.Port > m.Ports.Last) {
		return Server{}, fault.New(fault.Invalid, "Port %d is outside the range %d to %d.", draft.Port, m.Ports.First, m.Ports.Last).
			WithField("port").WithHint("Leave the port out to take the next free one.")
	}
	now := m.Now()
	created := Server{ID: id.New(), Name: draft.Name, Owner: draft.Owner, Port: draft.Port, Intent: IntentStopped,
		RCONPassword: rand.Text(), CreatedAt: now, UpdatedAt: now}
	err := m.Store.Update(ctx, func(tx Tx) error {
		made, err := tx.BlueprintByName(ctx, draft.Blueprint)
		if err != nil {
			return err
		}
		created.Blueprint = made.ID
		if created.Port == 0 {
			if created.Port, err = m.freePort(ctx, tx); err != nil {
				return err
			}
		}
		if err := tx.PutServer(ctx, created); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("server.created", created, actor, "Server created."))
	})
	return created, err
}

func (m *Manager) freePort(ctx context.Context, reader Reader) (int, error) {
	servers, err := reader.Servers(ctx)
	if err != nil {
		return 0, err
	}
	taken := map[int]bool{}
	for _, s := range servers {
		taken[s.Port] = true
	}
	for port := m.Ports.First; port <= m.Ports.Last; port++ {
		if !taken[port] {
			return port, nil
		}
	}
	return 0, fault.New(fault.Conflict, "All ports from %d to %d are taken.", m.Ports.First, m.Ports.Last).WithField("port").
		WithHint("Delete a server, or widen servers.port_range in the config.")
}

// Command runs a console command. Precondition: the server does not run.
func (m *Manager) Command(ctx context.Context, actor, name, command string) (string, error) {
	s, err := m.answering(ctx, name)
	if err != nil {
		return "", err
	}
	if err := checkCommand(command); err != nil {
		return "", err
	}
	output, err := m.Game.Exec(ctx, s.Port, s.RCONPassword, command)
	if err != nil {
		return "", err
	}
	return output, m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.command", s, actor, "Console command: "+command))
	})
}

// Players lists who plays, at most a few seconds old. Precondition: the server does not run.
func (m *Manager) Players(ctx context.Context, name string) ([]Player, error) {
	s, err := m.answering(ctx, name)
	if err != nil {
		return nil, err
	}
	// Asking leaves a mark in the game's console, so nobody is asked for who is known to be alone.
	if live, ok := m.tracker.live(s.ID); ok && live.Players+live.Bots == 0 {
		return nil, nil
	}
	return m.rosters.get(ctx, s.ID, func(ctx context.Context) ([]Player, error) {
		return m.Game.Players(ctx, s.Port, s.RCONPassword)
	})
}

// GameEvents returns what a server's games told, the newest first.
func (m *Manager) GameEvents(ctx context.Context, name string, filter GameEventFilter) ([]GameEvent, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.History.GameEvents(ctx, s.ID, filter)
}

func (m *Manager) answering(ctx context.Context, name string) (Server, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return s, err
	}
	if state, _ := m.tracker.state(s); state != Running {
		return s, fault.New(fault.Precondition, "Server %q is %s.", name, state).WithHint("Start it, or wait until it answers.")
	}
	return s, nil
}

func (m *Manager) event(kind string, s Server, actor, message string) event.Event {
	return event.Event{Time: m.Now(), Kind: kind, Subject: label(s), Actor: actor, Message: message}
}

// subject is the lock that a server's jobs run under; label is the same for a person.
func subject(s Server) string { return "server/" + s.ID }
func label(s Server) string   { return "server/" + s.Name }
