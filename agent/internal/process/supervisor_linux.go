package process

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/server"
)

var (
	_ server.Supervisor = (*Supervisor)(nil)
	_ server.Console    = (*Supervisor)(nil)
)

// Supervisor runs game servers as plain processes. It implements server.Supervisor and server.Console, and is safe
// for concurrent use.
type Supervisor struct {
	opts     Options
	consoles *consoles
	life     context.Context
	shutdown context.CancelFunc
	watchers sync.WaitGroup // of shims

	mu     sync.Mutex
	units  map[string]*unit
	subs   map[*subscription]struct{}
	closed bool
}

// unit is one server's process group as this agent knows it.
type unit struct {
	id   string
	dir  string
	turn chan struct{} // one token: Start and Forget exclude each other

	// Guarded by Supervisor.mu.
	status server.UnitStatus // State "" while nothing was ever started
	run    string
	shim   *handle       // nil when no shim lives
	gone   chan struct{} // closed when the shim has ended and the unit is settled; nil when none lives
}

// New returns a supervisor that has adopted what runs and repaired what was interrupted. It fails when the directory
// cannot be used.
func New(ctx context.Context, opts Options) (*Supervisor, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Shim == nil {
		// Not the path: the file may be replaced by an update while we run.
		opts.Shim = []string{"/proc/self/exe", ShimCommand}
	}
	if opts.GID == 0 {
		opts.GID = opts.UID
	}
	if err := os.MkdirAll(opts.Dir, 0o750); err != nil {
		return nil, unusable(err, opts.Dir)
	}
	entries, err := os.ReadDir(opts.Dir)
	if err != nil {
		return nil, unusable(err, opts.Dir)
	}
	s := &Supervisor{opts: opts, consoles: newConsoles(opts.Dir), units: map[string]*unit{}, subs: map[*subscription]struct{}{}}
	s.life, s.shutdown = context.WithCancel(context.WithoutCancel(ctx))
	for _, e := range entries {
		if e.IsDir() && validServer(e.Name()) {
			s.adopt(ctx, s.unit(e.Name()))
		}
	}
	return s, ctx.Err()
}

func unusable(err error, dir string) error {
	return fault.Wrap(err, fault.Unavailable, "The directory %s for running servers cannot be used.", dir).
		WithHint("Check its owner and the space on its disk.")
}

func validServer(name string) bool { return id.ValidName(name) }

func unknownServer() error {
	return fault.New(fault.Invalid, "This is no id of a server.").WithField("server").WithHint("Use the id from the list of servers.")
}

// Close lets go of everything and leaves the units running.
func (s *Supervisor) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.shutdown()
	s.mu.Lock()
	for _, u := range s.units {
		if u.shim != nil {
			u.shim.close()
		}
	}
	s.mu.Unlock()
	s.watchers.Wait()
	s.consoles.close()
	return nil
}

// unit returns the unit of a server, which may know nothing yet.
func (s *Supervisor) unit(serverID string) *unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.units[serverID]
	if u == nil {
		u = &unit{id: serverID, dir: filepath.Join(s.opts.Dir, serverID), turn: make(chan struct{}, 1)}
		u.turn <- struct{}{}
		s.units[serverID] = u
	}
	return u
}

// take waits for the unit's turn; call the result to give it back.
func (u *unit) take(ctx context.Context) (func(), error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-u.turn:
		return func() { u.turn <- struct{}{} }, nil
	}
}

// List implements server.Supervisor.
func (s *Supervisor) List(context.Context) ([]server.UnitStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []server.UnitStatus
	for _, name := range slices.Sorted(maps.Keys(s.units)) {
		if st := s.units[name].status; st.State != "" {
			out = append(out, st)
		}
	}
	return out, nil
}

// set changes a unit's status and tells those who watch. The caller holds mu.
func (s *Supervisor) set(u *unit, st server.UnitStatus) {
	u.status = st
	for sub := range s.subs {
		sub.put(st)
	}
}

// subscription holds the newest status of each unit that its owner has not seen yet, so a slow owner misses steps but
// never the present.
type subscription struct {
	mu    sync.Mutex
	queue map[string]server.UnitStatus
	order []string
	ready chan struct{}
}

func (q *subscription) put(st server.UnitStatus) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waiting := q.queue[st.Server]; !waiting {
		q.order = append(q.order, st.Server)
	}
	q.queue[st.Server] = st
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *subscription) take() []server.UnitStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []server.UnitStatus
	for _, name := range q.order {
		out = append(out, q.queue[name])
	}
	q.order = nil
	clear(q.queue)
	return out
}

// Watch implements server.Supervisor. Changes that come faster than report returns are joined per unit.
func (s *Supervisor) Watch(ctx context.Context, report func(server.UnitStatus)) error {
	q := &subscription{queue: map[string]server.UnitStatus{}, ready: make(chan struct{}, 1)}
	s.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(s.units)) {
		if st := s.units[name].status; st.State != "" {
			q.put(st)
		}
	}
	s.subs[q] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, q)
	}()
	for {
		for _, st := range q.take() {
			report(st)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.life.Done():
			return nil
		case <-q.ready:
		}
	}
}
