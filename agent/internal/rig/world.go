package rig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	next     int
	// Mute makes games that start from now on never answer; EndAtStart makes them end with this exit.
	Mute       bool
	EndAtStart *server.Exit
}

type unit struct {
	status  server.UnitStatus
	plan    server.LaunchPlan
	answers bool
	lines   []server.Line
}

// NewWorld returns a world without games.
func NewWorld() *World {
	return &World{units: map[string]*unit{}, watchers: map[int]func(server.UnitStatus){}}
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
	u = &unit{plan: plan, answers: !w.Mute, status: server.UnitStatus{Server: plan.Server, State: server.UnitActive,
		PID: 1000 + w.next, StartedAt: time.Now()}, lines: []server.Line{{Cursor: "1", Time: time.Now(), Text: "Console initialized."}}}
	w.units[plan.Server] = u
	w.tellLocked(u.status)
	if w.EndAtStart != nil {
		w.endLocked(u, *w.EndAtStart)
	}
	return nil
}

// Stop implements server.Supervisor.
func (w *World) Stop(_ context.Context, serverID string, _ time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.units[serverID]; u != nil && u.status.State == server.UnitActive {
		w.endLocked(u, server.Exit{Asked: true})
	}
	return nil
}

// End makes a game end by itself.
func (w *World) End(serverID string, exit server.Exit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLocked(w.units[serverID], exit)
}

func (w *World) endLocked(u *unit, exit server.Exit) {
	u.answers = false
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

// Read implements server.Console, without following.
func (w *World) Read(_ context.Context, serverID, _ string, _ int, _ bool, report func(server.Line) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.units[serverID]; u != nil {
		for _, line := range u.lines {
			if err := report(line); err != nil {
				return err
			}
		}
	}
	return nil
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

func (w *World) at(port int) (*unit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.units {
		if u.plan.Port == port && u.answers {
			return u, nil
		}
	}
	return nil, errSilent
}

// Info implements server.Game.
func (w *World) Info(_ context.Context, port int) (server.Live, error) {
	u, err := w.at(port)
	if err != nil {
		return server.Live{}, err
	}
	return server.Live{Map: "c1m1_hotel", MaxPlayers: 8, Hostname: u.plan.Name}, nil
}

// Exec implements server.Game: it echoes the command.
func (w *World) Exec(_ context.Context, port int, _, command string) (string, error) {
	_, err := w.at(port)
	return "ran " + command, err
}

// Players implements server.Game: nobody plays.
func (w *World) Players(_ context.Context, port int, _ string) ([]server.Player, error) {
	_, err := w.at(port)
	return nil, err
}
