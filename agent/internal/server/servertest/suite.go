// Package servertest is the suite that every supervisor of game servers passes, so that the agent behaves the same on
// every host.
package servertest

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// Supervisor is what is tested.
type Supervisor interface {
	server.Supervisor
	server.Console
	server.Meter
	server.Enforcer
	Close() error // leaves what runs
}

// Setup is one kind of supervisor on one host.
type Setup struct {
	// Open returns a supervisor over the same state each time; the test closes it.
	Open func(t testing.TB) Supervisor
	// Tree makes the merged tree of a server with these files, given by mode 0755. It is removed with the test.
	Tree func(t testing.TB, serverID string, files map[string]string) string
	// Alive returns the processes of a server.
	Alive func(t testing.TB, serverID string) []int
	// Game returns the files of the simulated game, or nil where it cannot be built.
	Game func(t testing.TB) string
}

// Run runs the suite.
func Run(t *testing.T, setup Setup) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"start, stop, forget", startStopForget},
		{"unknown servers and bad ids", badIDs},
		{"plans that cannot be started change nothing", badPlans},
		{"how an end is recorded", ends},
		{"what a game is given", given},
		{"a stop kills whoever does not listen", stopKills},
		{"a stop without time kills at once", stopAtOnce},
		{"a crash while stopping is a stop", crashWhileStopping},
		{"a second stop may shorten the first", secondStop},
		{"a start waits for a stop", startWaits},
		{"a stop goes on when its caller leaves", stopGoesOn},
		{"a new agent adopts what runs", adopts},
		{"a new agent learns what ended meanwhile", learns},
		{"many at once", many},
		{"console by tail and cursor", consoleByCursor},
		{"console of many viewers", consoleOfMany},
		{"console cursor that is gone", consoleVanished},
		{"usage", usage},
		{"a whole game", wholeGame},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{Setup: setup, t: t}
			t.Cleanup(w.end)
			w.open()
			test.run(t, w)
		})
	}
}

// patience bounds waits for what must happen; passing it is a failure, not a measurement.
const patience = 60 * time.Second

// Forever is a game that prints one line and waits for SIGINT.
const Forever = `trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done`

// world is one test's supervisor.
type world struct {
	Setup
	Supervisor
	t   *testing.T
	ids []string
}

func (w *world) open() { w.Supervisor = w.Setup.Open(w.t) }

// again closes the supervisor and opens a new one, as after a restart of the agent.
func (w *world) again() {
	w.t.Helper()
	w.close()
	w.open()
}

func (w *world) close() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.Supervisor = nil
}

func (w *world) end() {
	if w.Supervisor == nil {
		w.open()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, serverID := range w.ids {
		if err := w.Stop(ctx, serverID, 0); err != nil {
			w.t.Errorf("stop %s: %v", serverID, err)
		}
		if pids := w.Alive(w.t, serverID); len(pids) > 0 {
			w.t.Errorf("processes of %s are still alive: %v", serverID, pids)
		}
		if err := w.Forget(ctx, serverID); err != nil {
			w.t.Errorf("forget %s: %v", serverID, err)
		}
	}
	_ = w.Close()
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// id returns the id of a new server.
func (w *world) id() string {
	serverID := strings.ToLower(rand.Text())
	w.ids = append(w.ids, serverID)
	return serverID
}

// plan returns the plan of a new server whose program is a bash script.
func (w *world) plan(script string, args ...string) server.LaunchPlan {
	w.t.Helper()
	serverID := w.id()
	tree := w.Tree(w.t, serverID, map[string]string{"srcds_run": "#!/bin/bash\n" + script + "\n"})
	return server.LaunchPlan{Server: serverID, Name: "alpha", Port: 27015, Tree: tree, Binary: "srcds_run", Args: args,
		Env: []string{"PATH=/usr/bin:/bin"}, StopTimeout: time.Second}
}

func (w *world) start(plan server.LaunchPlan) string {
	w.t.Helper()
	if err := w.Start(w.ctx(), plan); err != nil {
		w.t.Fatalf("start: %v", err)
	}
	return plan.Server
}

// run starts a new server and waits until it has printed "ready".
func (w *world) run(script string, args ...string) string {
	w.t.Helper()
	serverID := w.start(w.plan(script, args...))
	w.awaitLine(serverID, "ready")
	return serverID
}

func (w *world) stop(serverID string, timeout time.Duration) {
	w.t.Helper()
	if err := w.Stop(w.ctx(), serverID, timeout); err != nil {
		w.t.Fatalf("stop: %v", err)
	}
}

func (w *world) status(serverID string) server.UnitStatus {
	w.t.Helper()
	units, err := w.List(w.ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, u := range units {
		if u.Server == serverID {
			return u
		}
	}
	return server.UnitStatus{}
}

// await waits until a unit is in a state.
func (w *world) await(serverID string, state server.UnitState) server.UnitStatus {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx())
	defer cancel()
	var last server.UnitStatus
	found := false
	_ = w.Watch(ctx, func(u server.UnitStatus) {
		if u.Server == serverID && !found {
			if last = u; u.State == state {
				found = true
				cancel()
			}
		}
	})
	if !found {
		w.t.Fatalf("the unit never was %s: %+v", state, last)
	}
	return last
}

var errFound = errors.New("found")

// awaitLine follows the console until a line contains text.
func (w *world) awaitLine(serverID, text string) server.Line {
	w.t.Helper()
	return w.awaitLineAfter(serverID, "", text)
}

// awaitLineAfter looks at what comes after a cursor only.
func (w *world) awaitLineAfter(serverID, cursor, text string) server.Line {
	w.t.Helper()
	var got server.Line
	var seen []string
	err := w.Read(w.ctx(), serverID, cursor, 1000, true, func(l server.Line) error {
		if got = l; strings.Contains(l.Text, text) {
			return errFound
		}
		seen = append(seen, l.Text)
		return nil
	})
	if !errors.Is(err, errFound) {
		w.t.Fatalf("no line with %q: %v\n%.2000q", text, err, seen)
	}
	return got
}

// lines returns what is in the console now.
func (w *world) lines(serverID, cursor string, tail int) []server.Line {
	w.t.Helper()
	var lines []server.Line
	err := w.Read(w.ctx(), serverID, cursor, tail, false, func(l server.Line) error { lines = append(lines, l); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}
