package rig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// World is the supervisor, the console and the games, in memory. Games outlive a rig. It is safe for concurrent
// use.
type World struct {
	mu       sync.Mutex
	units    map[string]*unit
	watchers map[int]func(server.UnitStatus)
	players  map[string][]server.Player
	next     int
	// Mute makes games that start from now on never answer; EndAtStart makes them end with this exit.
	Mute       bool
	EndAtStart *server.Exit
	// Linger, when set, holds back the end of games that are asked to stop until it is closed.
	Linger chan struct{}
}

type unit struct {
	status   server.UnitStatus
	plan     server.LaunchPlan
	answers  bool // to queries
	obeys    bool // commands
	lines    []server.Line
	printed  chan struct{} // closed and replaced with each line
	ended    chan struct{} // closed with the game
	asked    int           // how often for its players
	commands []string      // that it was given
}

// NewWorld returns a world without games.
func NewWorld() *World {
	return &World{units: map[string]*unit{}, watchers: map[int]func(server.UnitStatus){},
		players: map[string][]server.Player{}}
}

var (
	_ server.Supervisor = (*World)(nil)
	_ server.Console    = (*World)(nil)
	_ server.Game       = (*World)(nil)
)

// Start implements server.Supervisor. Like the real one it fails when the binary is not there.
func (w *World) Start(_ context.Context, plan server.LaunchPlan) error {
	if _, err := os.Stat(filepath.Join(plan.Tree, plan.Binary)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.units[plan.Server]
	if u != nil && u.status.State == server.UnitActive {
		return nil
	}
	w.next++
	before := u
	u = &unit{plan: plan, answers: !w.Mute, obeys: !w.Mute, printed: make(chan struct{}), ended: make(chan struct{}),
		status: server.UnitStatus{Server: plan.Server, State: server.UnitActive, PID: 1000 + w.next, StartedAt: time.Now()}}
	if before != nil {
		u.lines = before.lines
	}
	w.units[plan.Server] = u
	u.print("Console initialized.")
	w.tellLocked(u.status)
	if w.EndAtStart != nil {
		w.endLocked(u, *w.EndAtStart)
	}
	return nil
}

// Stop implements server.Supervisor.
func (w *World) Stop(ctx context.Context, serverID string, _ time.Duration) error {
	w.mu.Lock()
	u := w.units[serverID]
	if u == nil || u.status.State != server.UnitActive && u.status.State != server.UnitStopping {
		w.mu.Unlock()
		return nil
	}
	if u.status.State == server.UnitActive {
		u.status.State = server.UnitStopping
		w.tellLocked(u.status)
		if w.Linger == nil {
			w.endLocked(u, server.Exit{Asked: true})
		} else {
			go w.endAfter(w.Linger, u) // ends with the test's closing of it
		}
	}
	w.mu.Unlock()
	select {
	case <-u.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *World) endAfter(held <-chan struct{}, u *unit) {
	<-held
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked(u, server.Exit{Asked: true})
}

// End makes a game end by itself.
func (w *World) End(serverID string, exit server.Exit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked(w.units[serverID], exit)
}

// Reboot makes a game vanish with its host.
func (w *World) Reboot(serverID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.units[serverID]
	u.answers = false
	u.status = server.UnitStatus{Server: serverID, State: server.UnitAbsent, StartedAt: u.status.StartedAt, Rebooted: true}
	w.tellLocked(u.status)
}

func (w *World) endLocked(u *unit, exit server.Exit) {
	if u.status.State == server.UnitExited {
		return
	}
	u.answers, u.obeys = false, false
	close(u.ended)
	close(u.printed)
	u.printed = make(chan struct{})
	u.status.State, u.status.Exit, u.status.EndedAt, u.status.PID = server.UnitExited, exit, time.Now(), 0
	w.tellLocked(u.status)
}

// Forget implements server.Supervisor.
func (w *World) Forget(_ context.Context, serverID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.units, serverID)
	return nil
}

// List implements server.Supervisor.
func (w *World) List(context.Context) ([]server.UnitStatus, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []server.UnitStatus
	for _, u := range w.units {
		out = append(out, u.status)
	}
	return out, nil
}

// Watch implements server.Supervisor.
func (w *World) Watch(ctx context.Context, report func(server.UnitStatus)) error {
	w.mu.Lock()
	w.next++
	key := w.next
	for _, u := range w.units {
		report(u.status)
	}
	w.watchers[key] = report
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, key)
	return nil
}

func (w *World) tellLocked(status server.UnitStatus) {
	for _, report := range w.watchers {
		report(status)
	}
}

// Read implements server.Console.
func (w *World) Read(ctx context.Context, serverID, cursor string, tail int, follow bool, report func(server.Line) error) error {
	at, _ := strconv.Atoi(cursor)
	for first := true; ; first = false {
		w.mu.Lock()
		u := w.units[serverID]
		if u == nil {
			w.mu.Unlock()
			return nil
		}
		if first && cursor == "" {
			at = max(len(u.lines)-tail, 0)
		}
		lines, printed := u.lines[min(at, len(u.lines)):], u.printed
		w.mu.Unlock()
		for _, line := range lines {
			if err := report(line); err != nil {
				return err
			}
		}
		at += len(lines)
		if !follow {
			return nil
		}
		select {
		case <-printed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Print makes a game print a line.
func (w *World) Print(serverID, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.units[serverID].print(text)
}

func (u *unit) print(text string) {
	u.lines = append(u.lines, server.Line{Cursor: strconv.Itoa(len(u.lines) + 1), Time: time.Now(), Text: text})
	close(u.printed)
	u.printed = make(chan struct{})
}

// Silence makes a game answer queries and commands, or not.
func (w *World) Silence(serverID string, queries, commands bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.units[serverID].answers, w.units[serverID].obeys = !queries, !commands
}

// Play puts players on a server, for this run and later ones.
func (w *World) Play(serverID string, players ...server.Player) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.players[serverID] = players
}

// Asked tells how often a game was asked for its players, and what commands it got.
func (w *World) Asked(serverID string) (players int, commands []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.units[serverID].asked, slices.Clone(w.units[serverID].commands)
}

// Plan returns what a server was last started with; ok is false when it never was.
func (w *World) Plan(serverID string) (plan server.LaunchPlan, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.units[serverID]
	if u == nil {
		return plan, false
	}
	return u.plan, true
}

var errSilent = errors.New("no answer")

// with calls do with the game at port, when it does what it is asked.
func (w *World) with(port int, willing func(*unit) bool, do func(*unit)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.units {
		if u.plan.Port == port && willing(u) {
			do(u)
			return nil
		}
	}
	return errSilent
}

func answers(u *unit) bool { return u.answers }
func obeys(u *unit) bool   { return u.obeys }

// Info implements server.Game.
func (w *World) Info(_ context.Context, port int) (live server.Live, err error) {
	err = w.with(port, answers, func(u *unit) {
		live = server.Live{Map: "c1m1_hotel", Players: len(w.players[u.plan.Server]), MaxPlayers: 8, Hostname: u.plan.Name}
	})
	return live, err
}

// Exec implements server.Game: it echoes the command.
func (w *World) Exec(_ context.Context, port int, _, command string) (string, error) {
	err := w.with(port, obeys, func(u *unit) { u.commands = append(u.commands, command) })
	if command == `changelevel "nosuchmap"` {
		return "changelevel failed: nosuchmap not found\n", err
	}
	return "ran " + command, err
}

// Players implements server.Game.
func (w *World) Players(_ context.Context, port int, _ string) (players []server.Player, err error) {
	err = w.with(port, obeys, func(u *unit) {
		u.asked++
		players = slices.Clone(w.players[u.plan.Server])
	})
	return players, err
}
