// Package reconcile compares what the store wants with what is really there, when the agent starts and
// whenever the mounter comes back, and brings the two together: it adopts what runs, resumes what should run, ends
// what should not, and removes what an interrupted build left.
//
// Content that no row knows and no interrupted job explains is an orphan: it is shown, never removed by
// itself, because a restored or older database must not cost anybody their data (S13).
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/server"
)

// Store is what reconciling reads and records.
type Store interface {
	Servers(ctx context.Context) ([]server.Server, error)
	Overlays(ctx context.Context) ([]overlay.Overlay, error)
	Revisions(ctx context.Context, overlayID string) ([]overlay.Revision, error)
	Releases(ctx context.Context) ([]installation.Release, error)
	AddEvent(ctx context.Context, event event.Event) error
}

// Jobs tells about jobs.
type Jobs interface {
	// Get is NotFound for ids that were never jobs.
	Get(ctx context.Context, id string) (job.Job, error)
	// List selects jobs; used to leave servers alone that a job works on.
	List(ctx context.Context, filter job.Filter) ([]job.Job, error)
}

// Disk is what reconciling needs of the mounter.
type Disk interface {
	content.Surveyor
	content.Remover
	Discard(ctx context.Context, build string) error
	Unmount(ctx context.Context, server string) error
}

// Units is what reconciling needs of the supervisor.
type Units interface {
	List(ctx context.Context) ([]server.UnitStatus, error)
	Stop(ctx context.Context, server string, timeout time.Duration) error
}

// Servers resumes servers that are meant to run.
type Servers interface {
	Resume(ctx context.Context, serverID string) error
	// Release ends the tree of a server, if its game does not run by then.
	Release(ctx context.Context, serverID string) error
}

// Reconciler compares and repairs. It is safe for concurrent use; runs do not overlap.
type Reconciler struct {
	Store       Store
	Jobs        Jobs
	Disk        Disk
	Units       Units
	Servers     Servers
	StopTimeout time.Duration
	// Stagger is the pause between two resumed servers, so that a host is not swamped after a reboot.
	Stagger time.Duration
	Log     *slog.Logger
	Now     func() time.Time

	running sync.Mutex
	mu      sync.Mutex
	orphans []content.Ref
}

// Run compares once. It goes on after single failures and returns the first.
func (r *Reconciler) Run(ctx context.Context) error {
	r.running.Lock()
	defer r.running.Unlock()
	servers, err := r.Store.Servers(ctx)
	if err != nil {
		return fmt.Errorf("read servers: %w", err)
	}
	byID := map[string]server.Server{}
	for _, s := range servers {
		byID[s.ID] = s
	}
	busy, err := r.busy(ctx)
	if err != nil {
		return fmt.Errorf("read running jobs: %w", err)
	}
	units, err := r.Units.List(ctx)
	if err != nil {
		return fmt.Errorf("list units: %w", err)
	}
	active := map[string]bool{} // or worked on by a job right now, which comes to the same here
	for serverID := range busy {
		active[serverID] = true
	}
	var first error
	note := func(err error, operation string, args ...any) {
		if err != nil {
			r.Log.Warn(operation, append(args, "error", err)...)
			if first == nil {
				first = fmt.Errorf("%s: %w", operation, err)
			}
		}
	}
	rebooted := map[string]bool{}
	for _, unit := range units {
		rebooted[unit.Server] = unit.Rebooted
		if unit.State != server.UnitActive && unit.State != server.UnitStopping || busy[unit.Server] {
			continue
		}
		stays, err := r.unit(ctx, unit, byID)
		active[unit.Server] = stays || err != nil
		note(err, "end unit", "server", unit.Server)
	}
	note(r.mounts(ctx, byID, active), "reconcile mounts")
	note(r.content(ctx, byID), "reconcile content")
	note(r.resume(ctx, servers, active, rebooted), "resume servers")
	return first
}

// unit adopts a process group that should run and ends one that should not. It tells whether it stays.
func (r *Reconciler) unit(ctx context.Context, unit server.UnitStatus, byID map[string]server.Server) (bool, error) {
	s, known := byID[unit.Server]
	if known && s.Intent == server.IntentRunning {
		r.Log.Info("adopted running server", "server", s.Name, "pid", unit.PID)
		return true, r.record(ctx, "server.adopted", s, "The agent started and found the server running.")
	}
	if err := r.Units.Stop(ctx, unit.Server, r.StopTimeout); err != nil {
		return true, err
	}
	if !known {
		r.Log.Warn("ended a unit that no server knows", "unit", unit.Server)
		return false, nil
	}
	return false, r.record(ctx, "server.stopped", s, "The agent started and found the server running though it should not.")
}

// mounts ends trees whose server does not run. A foreign mount is somebody else's and stays.
func (r *Reconciler) mounts(ctx context.Context, byID map[string]server.Server, active map[string]bool) error {
	mounts, err := r.Disk.Mounts(ctx)
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if mount.Foreign || active[mount.Server] {
			continue
		}
		if err := r.Disk.Unmount(ctx, mount.Server); err != nil {
			return err
		}
		r.Log.Info("ended the tree of a server that does not run", "server", mount.Server, "name", byID[mount.Server].Name)
	}
	return nil
}

// resume queues starts for what should run and does not: a crash of the host, or of the game while nobody
// watched.
func (r *Reconciler) resume(ctx context.Context, servers []server.Server, active, rebooted map[string]bool) error {
	resumed := 0
	for _, s := range servers {
		if s.Intent != server.IntentRunning || active[s.ID] {
			continue
		}
		if resumed > 0 {
			select {
			case <-time.After(r.Stagger):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		resumed++
		why := "The agent started and found the server not running; starting it again."
		if rebooted[s.ID] {
			why = "The host was restarted while the server ran; starting it again."
		}
		if err := r.record(ctx, "server.resumed", s, why); err != nil {
			return err
		}
		if err := r.Servers.Resume(ctx, s.ID); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) record(ctx context.Context, kind string, s server.Server, message string) error {
	return r.Store.AddEvent(ctx, event.Event{Time: r.Now(), Kind: kind, Subject: "server/" + s.Name, Message: message})
}

// busy returns the ids of servers that a job works on right now.
func (r *Reconciler) busy(ctx context.Context) (map[string]bool, error) {
	running, err := r.Jobs.List(ctx, job.Filter{Status: job.Running, Limit: 1000})
	out := map[string]bool{}
	for _, j := range running {
		if serverID, ok := strings.CutPrefix(j.Subject, "server/"); ok {
			out[serverID] = true
		}
	}
	return out, err
}

// ended reports whether id is a job at all, and one that will never run again, so that what it left can go.
func (r *Reconciler) ended(ctx context.Context, id string) (ended, known bool, err error) {
	j, err := r.Jobs.Get(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return false, false, nil
	}
	return err == nil && j.Status.Final(), err == nil, err
}
