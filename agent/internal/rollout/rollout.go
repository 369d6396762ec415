// Package rollout takes the present release of the game to the servers that run: one after another, each when nobody
// plays on it, or at a deadline after telling those who do.
//
// The first server that does not come up ends the rollout, so a release that is broken costs one server and not all.
// A rollout is a job that compares and acts; it remembers nothing but its deadline, so one that was interrupted goes
// on where things stand.
package rollout

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/server"
)

// Kind is the job of a rollout.
const Kind = "installation.rollout"

// Servers is what a rollout needs of the servers.
type Servers interface {
	Views(ctx context.Context) ([]server.View, error)
	// Census says how many people play right now. An error means that the game does not answer.
	Census(ctx context.Context, s server.Server) (int, error)
	Say(ctx context.Context, actor, name, text string) error
	// Renew queues a restart; ok is false when the server is not meant to run any more.
	Renew(ctx context.Context, actor, serverID string) (queued job.Job, ok bool, err error)
}

// Jobs queues jobs.
type Jobs interface {
	Submit(ctx context.Context, spec job.Spec) (queued job.Job, existed bool, err error)
}

// Options of a Manager. Servers and Jobs are required.
type Options struct {
	Servers Servers
	Jobs    Jobs
	// Deadline is how long servers with players may put a rollout off, unless its order says otherwise; 0 = for ever.
	Deadline time.Duration
	// Every is how often players are counted; 0 = 5 s.
	Every time.Duration
	Log   *slog.Logger
	Now   func() time.Time
}

// Manager rolls releases out. It is safe for concurrent use.
type Manager struct {
	Options
}

// New returns a Manager. Its Handlers must be registered with the job engine.
func New(options Options) *Manager {
	options.Every = cmp.Or(options.Every, 5*time.Second)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Manager{Options: options}
}

// Handlers returns the handler of rollouts.
func (m *Manager) Handlers() []job.Handler {
	return []job.Handler{{Kind: Kind, Retry: true, Run: m.roll}}
}

// Order asks for a rollout.
type Order struct {
	// Within is how long servers with players may put it off; 0 = as configured, below 0 = for ever.
	Within  time.Duration
	Servers []string // only these; empty = all
}

// params are an order with its times fixed, so that an interruption does not put the deadline off.
type params struct {
	Deadline time.Time `json:"deadline,omitzero"` // zero = never
	Servers  []string  `json:"servers,omitempty"`
}

// longest is the most that a deadline may be away.
const longest = 30 * 24 * time.Hour

// Start queues a rollout, or returns the one that stands.
func (m *Manager) Start(ctx context.Context, actor string, order Order) (job.Job, error) {
	if order.Within > longest {
		return job.Job{}, fault.New(fault.Invalid, "The deadline is more than 30 days away.").WithField("within").WithHint("Give a shorter time.")
	}
	views, err := m.Servers.Views(ctx)
	if err != nil {
		return job.Job{}, err
	}
	for _, name := range order.Servers {
		if !slices.ContainsFunc(views, func(v server.View) bool { return v.Name == name }) {
			return job.Job{}, fault.New(fault.NotFound, "There is no server %q.", name).WithField("servers").
				WithHint("List them with: left4me server list")
		}
	}
	queued, _, err := m.Jobs.Submit(ctx, m.spec(actor, order))
	return queued, err
}

// Spec is the job of a rollout to all servers, as configured.
func (m *Manager) Spec(actor string) job.Spec { return m.spec(actor, Order{}) }

func (m *Manager) spec(actor string, order Order) job.Spec {
	p := params{Servers: order.Servers}
	if within := cmp.Or(order.Within, m.Deadline); within > 0 {
		p.Deadline = m.Now().Add(within)
	}
	return job.Spec{Kind: Kind, Subject: "rollout", Label: "installation", Actor: actor, Coalesce: true, Params: p}
}

// rollout is one run of the job.
type rollout struct {
	*Manager
	run    *job.Run
	params params
	told   map[string]time.Duration // by server: the last notice that its players got
	done   []string
	total  int // servers that are or were behind
}

func (m *Manager) roll(ctx context.Context, run *job.Run) error {
	r := &rollout{Manager: m, run: run, told: map[string]time.Duration{}}
	if err := run.Params(&r.params); err != nil {
		return err
	}
	for {
		waiting, err := r.behind(ctx)
		if err != nil {
			return err
		}
		if len(waiting) == 0 {
			break
		}
		next, err := r.choose(ctx, waiting)
		if err != nil {
			return err
		}
		if next == nil {
			if err := run.Idle(ctx, m.Every); err != nil {
				return err
			}
			continue
		}
		if err := r.renew(ctx, *next); err != nil {
			return err
		}
	}
	run.Progress(job.Progress{Phase: "restart", Unit: "steps", Done: uint64(len(r.done)), Total: uint64(len(r.done))})
	run.Summary("Every running server has the present release.")
	if len(r.done) > 0 {
		run.Summary("Restarted with the present release: " + strings.Join(r.done, ", ") + ".")
	}
	return nil
}

// behind returns the servers that run on another release than they should. One that is down takes the right one at
// its next start by itself.
func (r *rollout) behind(ctx context.Context) ([]server.View, error) {
	views, err := r.Servers.Views(ctx)
	if err != nil {
		return nil, err
	}
	views = slices.DeleteFunc(views, func(v server.View) bool {
		runs := v.State == server.Running || v.State == server.Starting || v.State == server.Hung
		asked := len(r.params.Servers) == 0 || slices.Contains(r.params.Servers, v.Name)
		return !runs || !asked || v.Intent != server.IntentRunning || !v.BehindRelease()
	})
	r.total = max(r.total, len(r.done)+len(views))
	return views, nil
}

// choose returns the server to restart now, or nil when all wait for their players.
func (r *rollout) choose(ctx context.Context, waiting []server.View) (*server.View, error) {
	left := time.Duration(-1)
	if !r.params.Deadline.IsZero() {
		left = max(r.params.Deadline.Sub(r.Now()), 0)
	}
	var states []string
	for i, v := range waiting {
		if left == 0 {
			r.run.Logf("info", "The deadline has come; %s is restarted with its players.", v.Name)
			return &waiting[i], nil
		}
		players, err := r.Servers.Census(ctx, v.Server)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			states = append(states, v.Name+" does not answer")
		case players == 0:
			return &waiting[i], nil
		default:
			states = append(states, fmt.Sprintf("%s has %s", v.Name, count(players)))
			r.notify(ctx, v, left)
		}
	}
	message := "Waiting: " + strings.Join(states, "; ") + "."
	if left > 0 {
		message += " At " + r.params.Deadline.UTC().Format("15:04") + " UTC they are restarted in any case."
	}
	r.run.Progress(job.Progress{Phase: "wait", Unit: "steps", Done: uint64(len(r.done)), Total: uint64(r.total), Message: message})
	return nil, nil
}

func count(players int) string {
	if players == 1 {
		return "1 player"
	}
	return fmt.Sprintf("%d players", players)
}

// renew restarts one server and waits until it plays.
func (r *rollout) renew(ctx context.Context, v server.View) error {
	r.run.Progress(job.Progress{Phase: "restart", Unit: "steps", Done: uint64(len(r.done)), Total: uint64(r.total), Message: "Restarting " + v.Name + "."})
	return r.run.Step(ctx, "server/"+v.Name, func(ctx context.Context) error {
		queued, ok, err := r.Servers.Renew(ctx, r.run.Job().Actor, v.ID)
		if err != nil || !ok {
			return err
		}
		r.run.Logf("info", "Restarting %s (job %s).", v.Name, queued.ID)
		ended, err := r.run.Await(ctx, queued.ID)
		switch {
		case err != nil:
			return err
		case ended.Status == job.Succeeded:
			r.done = append(r.done, v.Name)
			return nil
		case ended.Status == job.Canceled: // somebody stopped it, which is their right
			r.run.Logf("warn", "The restart of %s was canceled.", v.Name)
			return r.run.Idle(ctx, r.Every)
		}
		return r.broken(v.Name, ended)
	}, nil)
}

// broken ends the rollout: what one server cannot do, the others must not try.
func (r *rollout) broken(name string, ended job.Job) error {
	why := "its restart was " + string(ended.Status) + "."
	if ended.Error != nil {
		why = ended.Error.Message
	}
	return fault.New(fault.Precondition, "Server %q did not come up with the new release, so the others keep theirs: %s", name, why).
		WithHint("Go back with: left4me release rollback --rollout. Or mend it and roll out again.")
}
