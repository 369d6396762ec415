package systemd

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

var (
	_ server.Supervisor = (*Supervisor)(nil)
	_ server.Console    = (*Supervisor)(nil)
	_ server.Meter      = (*Supervisor)(nil)
	_ server.Enforcer   = (*Supervisor)(nil)
)

// Options of a Supervisor.
type Options struct {
	StateDir    string        // of the agent; records are kept in units/ below it
	RuntimeDir  string        // of the agent; plans are written to servers/ below it. Default: /run/left4me
	StopTimeout time.Duration // the longest that Stop will be given; the unit must allow it. 0 is not checked
	Log         *slog.Logger  // nil discards
}

// Supervisor runs game servers as units of systemd. It is safe for concurrent use.
type Supervisor struct {
	opts     Options
	boot     string
	consoles *consoles
	life     context.Context
	shutdown context.CancelFunc
	work     sync.WaitGroup

	mu    sync.Mutex
	units map[string]*unit
	feed  supervise.Feed
	link  *link
	up    chan struct{} // closed while there is a link
}

// unit is one server's unit as this agent knows it.
type unit struct {
	id   string
	turn supervise.Turn // one token: Start and Forget exclude each other

	// Guarded by Supervisor.mu.
	seen     seen
	record   record
	status   server.UnitStatus // State "" while nothing was ever started
	starting bool              // systemd has not yet said what became of a start
	failed   uint64            // seen.started of a start that failed: no run
	begun    chan struct{}     // while starting; closed when the game ran
	gone     chan struct{}     // while the unit is active; closed when it is not any more
	stray    bool              // the game itself has ended, and what it left is about to be killed
}

// New returns a supervisor that knows what runs and what became of what ran. It fails with a fault that names what
// is missing on this host: systemd, its D-Bus, the unit file, or the permission to use it.
func New(ctx context.Context, opts Options) (*Supervisor, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.RuntimeDir == "" {
		opts.RuntimeDir = filepath.Dir(plansDir)
	}
	boot, err := bootID()
	if err != nil {
		return nil, notHere(err)
	}
	s := &Supervisor{opts: opts, boot: boot, units: map[string]*unit{}, up: make(chan struct{})}
	if err := s.readUnits(); err != nil {
		return nil, err
	}
	s.life, s.shutdown = context.WithCancel(context.WithoutCancel(ctx))
	s.consoles = newConsoles(s.life, journalctl, opts.Log)
	first, err := s.connect(ctx)
	if err == nil {
		err = check(ctx, first.conn, opts)
	}
	if err == nil {
		err = s.resync(ctx, first)
	}
	if err != nil {
		if first != nil {
			first.close()
		}
		s.shutdown()
		return nil, err
	}
	s.work.Go(func() { s.follow(first) })
	return s, nil
}

func (s *Supervisor) recordsDir() string { return filepath.Join(s.opts.StateDir, "units") }
func (s *Supervisor) plansDir() string {
	return filepath.Join(s.opts.RuntimeDir, filepath.Base(plansDir))
}

func (s *Supervisor) readUnits() error {
	dir := s.recordsDir()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return unusable(err, dir)
	}
	records, err := readRecords(dir, func(serverID string, err error) {
		s.opts.Log.Error("what is known about a unit cannot be read", "server", serverID, "error", err)
	})
	if err != nil {
		return unusable(err, dir)
	}
	for serverID, r := range records {
		u := s.unit(serverID)
		u.record = r
		if r.Ended || r.Boot != s.boot {
			u.status = r.status(serverID, s.boot)
		}
	}
	return nil
}

// Close lets go of everything and leaves the units running.
func (s *Supervisor) Close() error {
	s.shutdown()
	s.work.Wait()
	s.consoles.close()
	return nil
}

// unit returns the unit of a server, which may know nothing yet.
func (s *Supervisor) unit(serverID string) *unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.units[serverID]
	if u == nil {
		u = &unit{id: serverID, turn: supervise.NewTurn()}
		s.units[serverID] = u
	}
	return u
}

// List implements server.Supervisor. It tells what was true at the last signal; while D-Bus is away that may be old.
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
	if u.status == st {
		return
	}
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

func notHere(err error) error {
	return fault.Wrap(err, fault.Precondition, "systemd cannot be reached over D-Bus on this host.").WithSource("systemd").
		WithHint(`Check that systemd runs as PID 1 and dbus.service is active, or set supervisor = "process" in the servers block.`)
}
