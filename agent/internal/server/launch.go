package server

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
)

// LaunchPlan is everything a supervisor needs to run one game server. It holds no secret: those are
// in generated files below Dir.
type LaunchPlan struct {
	Server string // id; the supervisor's handle
	Name   string // as a person knows it, for logs and process titles
	Port   int
	Tree   string   // the merged tree; the game's working directory
	Binary string   // relative to Tree: "srcds_run"
	Args   []string // one element each, never joined by a shell
	Env    []string // KEY=value; nothing else is inherited
	// StopTimeout is how long the game may take after SIGINT before it is killed.
	StopTimeout time.Duration
	Limits      blueprint.Limits // the host's own where zero
}

// Check refuses a plan that would run something else than it says: Invalid faults. Variables named in own belong to
// the supervisor, and a plan may not set them. Whether Server is an id is for the supervisor to say.
func (p LaunchPlan) Check(own ...string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, format, args...).WithHint("This is a fault of the agent; look into its log.")
	}
	switch {
	case !filepath.IsAbs(p.Tree):
		return bad("The tree of server %q is no absolute path.", p.Name)
	case !filepath.IsLocal(p.Binary):
		return bad("The program of server %q lies outside its tree.", p.Name)
	}
	for _, text := range append(append([]string{p.Tree, p.Binary}, p.Args...), p.Env...) {
		if strings.Contains(text, "\x00") {
			return bad("The launch plan of server %q holds a zero byte.", p.Name)
		}
	}
	for _, entry := range p.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || slices.Contains(own, name) {
			return bad("The environment of server %q holds an entry that cannot be.", p.Name)
		}
	}
	return nil
}

// UnitState is what a supervisor knows about a process group.
type UnitState string

// Unit states.
const (
	UnitActive   UnitState = "active"   // the game's process runs
	UnitStopping UnitState = "stopping" // it was asked to stop and still runs
	UnitExited   UnitState = "exited"   // it ended by itself, see Exit
	UnitAbsent   UnitState = "absent"   // not known, or stopped on request
)

// UnitStatus is the present state of one server's process group.
type UnitStatus struct {
	Server    string
	State     UnitState
	PID       int       // of the game's first process; 0 when none
	StartedAt time.Time // zero when never
	EndedAt   time.Time // zero while active
	Exit      Exit      // valid when State is UnitExited
	// Rebooted is true when the host was restarted under the unit: it ran, and neither ended by itself nor was it
	// stopped. State is then UnitAbsent.
	Rebooted bool
}

// Exit tells how a process group ended.
type Exit struct {
	Code   int    // exit code; -1 when ended by a signal
	Signal string // "SIGSEGV"; "" when it exited
	OOM    bool   // killed for lack of memory
	// Reason is what the supervisor knows beyond code and signal, as the end of "because …": "it did not end in
	// time". "" when that is all.
	Reason string
	// Asked is true when the end was asked for: a crash while stopping counts as stopped.
	Asked bool
}

// Supervisor runs game servers. Units live on when the agent ends; a new agent finds them with List.
// Implementations are safe for concurrent use.
type Supervisor interface {
	// Start runs plan. A unit that is active already is left as it is; one that is stopping is waited for. A plan
	// that cannot be started changes nothing.
	Start(ctx context.Context, plan LaunchPlan) error
	// Stop asks the game to end with SIGINT, kills the whole group after timeout, and returns when it is
	// gone. timeout 0 kills at once. Unknown units are fine.
	Stop(ctx context.Context, server string, timeout time.Duration) error
	// Forget drops what is kept about a stopped unit, its console included unless the host's journal keeps it.
	// Unknown units are fine. Precondition: the unit runs.
	Forget(ctx context.Context, server string) error
	// List returns every known unit.
	List(ctx context.Context) ([]UnitStatus, error)
	// Watch calls report with each known unit at once and then on every change, until ctx ends.
	Watch(ctx context.Context, report func(UnitStatus)) error
}

// Usage is what one server takes right now, and what it took since its start. Values that a host does not
// count are -1.
type Usage struct {
	Memory     int64         // bytes, the page cache of its files included where control groups count
	CPU        time.Duration // since its start, all processors together
	Tasks      int64         // threads of all its processes
	ReadBytes  int64         // from disks since its start
	WriteBytes int64         // to disks since its start
}

// Meter measures running servers. Implementations are safe for concurrent use.
type Meter interface {
	// Usage measures one server. NotFound: it does not run.
	Usage(ctx context.Context, server string) (Usage, error)
}

// Enforcer says which limits a host cannot hold.
type Enforcer interface {
	// Unenforced returns the names of those among limits that the host will ignore, for a person.
	Unenforced(limits blueprint.Limits) []string
}

// Line is one line of a console.
type Line struct {
	Cursor string // opaque; resumes after this line
	Time   time.Time
	Text   string // as printed, without the line end; not yet cleaned
	// Dropped counts lines lost before this one because they came too fast or were rotated away.
	Dropped int
}

// Console reads what servers print. Implementations are safe for concurrent use.
type Console interface {
	// Read calls report with the lines after cursor, or with the last tail lines when cursor is "". With
	// follow it goes on until ctx ends, else it returns after the last line. A cursor that no longer
	// exists continues with the oldest line, marked by Dropped.
	Read(ctx context.Context, server, cursor string, tail int, follow bool, report func(Line) error) error
}
