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
	"github.com/left4me/left4me/agent/internal/supervise"
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
	feed   supervise.Feed
	closed bool
}

// unit is one server's process group as this agent knows it.
type unit struct {
	id   string
	dir  string
	turn supervise.Turn // one token: Start and Forget exclude each other

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
	s := &Supervisor{opts: opts, consoles: newConsoles(opts.Dir), units: map[string]*unit{}}
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
		u = &unit{id: serverID, dir: filepath.Join(s.opts.Dir, serverID), turn: supervise.NewTurn()}
		s.units[serverID] = u
	}
	return u
}

// List implements server.Supervisor.
func (s *Supervisor) List(context.Context) ([]server.UnitStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known(), nil
}

// known lists the units that were ever started. The caller holds mu.
func (s *Supervisor) known() []server.UnitStatus {
	var out []server.UnitStatus
	for _, serverID := range slices.Sorted(maps.Keys(s.units)) {
		if st := s.units[serverID].status; st.State != "" {
			out = append(out, st)
		}
	}
	return out
}

// set changes a unit's status and tells those who watch. The caller holds mu.
func (s *Supervisor) set(u *unit, st server.UnitStatus) {
	u.status = st
	s.feed.Put(st)
}

// Watch implements server.Supervisor. Changes that come faster than report returns are joined per unit.
func (s *Supervisor) Watch(ctx context.Context, report func(server.UnitStatus)) error {
	s.mu.Lock()
	changes := s.feed.Subscribe(s.known())
	s.mu.Unlock()
	return changes.Follow(ctx, s.life.Done(), report)
}
