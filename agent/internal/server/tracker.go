package server

import (
	"slices"
	"sync"
	"time"
)

// freshFor is how long an answer of a game describes it. An older one is not shown.
const freshFor = 30 * time.Second

// tracker holds what is known about servers right now. Nothing in it is stored: a new agent learns it again
// from the supervisor and the games. It is safe for concurrent use.
type tracker struct {
	now     func() time.Time
	mu      sync.Mutex
	servers map[string]*observed
}

// observed is what is known about one server.
type observed struct {
	unit      UnitStatus
	live      Live // last answer
	health    health
	changed   chan struct{} // closed and replaced on each change of unit
	crashes   []time.Time   // within the window of the crash guard
	restartAt time.Time     // set while waiting to be started again
	reason    string        // why it is crashed or waiting
	crashed   bool
}

func newTracker(now func() time.Time) *tracker {
	return &tracker{now: now, servers: map[string]*observed{}}
}

// of returns the entry of a server; the caller holds mu.
func (t *tracker) of(serverID string) *observed {
	o := t.servers[serverID]
	if o == nil {
		o = &observed{unit: UnitStatus{Server: serverID, State: UnitAbsent}, changed: make(chan struct{})}
		t.servers[serverID] = o
	}
	return o
}

// report takes a status from the supervisor and returns the one before.
func (t *tracker) report(unit UnitStatus) (before UnitStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(unit.Server)
	before, o.unit = o.unit, unit
	if before.PID != unit.PID {
		o.live, o.health = Live{}, health{}
	}
	close(o.changed)
	o.changed = make(chan struct{})
	return before
}

// expect forgets the last end of a server that is about to start, so that waiting for it to be ready does
// not take the old end for a new one.
func (t *tracker) expect(serverID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	o.unit = UnitStatus{Server: serverID, State: UnitActive}
	o.live, o.health, o.crashed, o.reason, o.restartAt = Live{}, health{}, false, "", time.Time{}
}

// notStarted takes back what expect said, unless the supervisor has told of a process since.
func (t *tracker) notStarted(serverID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	if o.unit.State != UnitActive || o.unit.PID != 0 {
		return
	}
	o.unit = UnitStatus{Server: serverID, State: UnitAbsent}
	close(o.changed)
	o.changed = make(chan struct{})
}

// unit returns the last status and a channel that is closed when it changes.
func (t *tracker) unit(serverID string) (UnitStatus, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	return o.unit, o.changed
}

// answered records that the game answers, and reports whether it was hung before.
func (t *tracker) answered(serverID string, live Live) (recovered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	live.At = t.now()
	o := t.of(serverID)
	recovered = o.health.hung != ""
	o.live = live
	o.health.alive(live.At)
	return recovered
}

// live returns the game's last answer; ok is false when there is none that still holds.
func (t *tracker) live(serverID string) (live Live, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	return o.live, o.unit.State == UnitActive && !o.live.At.IsZero() && t.now().Sub(o.live.At) < freshFor
}

// calm forgets crashes: the server was stopped on purpose.
func (t *tracker) calm(serverID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	o.crashes, o.crashed, o.reason, o.restartAt = nil, false, "", time.Time{}
}

func (t *tracker) forget(serverID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.servers, serverID)
}

// crash records an end that nobody asked for, and returns when to start again; ok is false when it has
// crashed too often.
func (t *tracker) crash(serverID, reason string) (at time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, now := t.of(serverID), t.now()
	o.crashes = slices.DeleteFunc(o.crashes, func(c time.Time) bool { return now.Sub(c) > crashWindow })
	o.crashes = append(o.crashes, now)
	o.reason = reason
	if len(o.crashes) > maxCrashes {
		o.crashed, o.restartAt = true, time.Time{}
		return time.Time{}, false
	}
	o.restartAt = now.Add(crashDelay << (len(o.crashes) - 1))
	return o.restartAt, true
}

// due lists servers whose time to start again has come, and takes them off the list.
func (t *tracker) due() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for serverID, o := range t.servers {
		if !o.restartAt.IsZero() && !t.now().Before(o.restartAt) {
			o.restartAt = time.Time{}
			out = append(out, serverID)
		}
	}
	return out
}

// failed marks a server whose start failed.
func (t *tracker) failed(serverID, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	o.crashed, o.reason = true, reason
}

// state says what a server is, and why.
func (t *tracker) state(s Server) (State, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(s.ID)
	switch o.unit.State {
	case UnitStopping:
		return Stopping, ""
	case UnitActive:
		return o.activeState()
	}
	switch {
	case !o.restartAt.IsZero():
		return Waiting, o.reason
	case o.crashed:
		return Crashed, o.reason
	}
	return Offline, ""
}

func (o *observed) activeState() (State, string) {
	switch {
	case o.live.At.IsZero():
		return Starting, "The game does not answer yet."
	case o.health.hung != "":
		return Hung, o.health.hung
	}
	return Running, o.health.note
}
