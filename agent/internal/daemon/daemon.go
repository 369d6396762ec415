// Package daemon is the agent put together: it builds every part, wires them, serves, and takes them down in
// order. It alone knows all packages.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/hoststat"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/metrics"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/agent/internal/pluginport"
	"github.com/left4me/left4me/agent/internal/reconcile"
	"github.com/left4me/left4me/agent/internal/rollout"
	"github.com/left4me/left4me/agent/internal/schedule"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/sqlite"
	"github.com/left4me/left4me/agent/internal/vpkfile"
	"github.com/left4me/left4me/agent/internal/webhook"
)

// Agent is every part of a running agent.
type Agent struct {
	config    *config.Config
	log       *slog.Logger
	startedAt time.Time

	db         *sqlite.DB
	broker     *event.Broker
	runner     *job.Runner
	plugins    *pluginhost.Host
	supervisor supervisor
	game       *game
	disk       pluginport.Disk
	builders   builders

	library       *addon.Library
	overlays      *overlay.Manager
	blueprints    *blueprint.Manager
	installations *installation.Manager
	servers       *server.Manager
	schedules     *schedule.Manager
	rollouts      *rollout.Manager
	recorder      *metrics.Recorder
	reconciler    *reconcile.Reconciler
	sweeper       *reconcile.Sweeper
}

// collectAt makes the collector run at half as much garbage as usual: memory is the games', and the agent has processor
// time to spare. A limit would do the same for a burst of readers, but with many readers that stay it would never rest.
const collectAt = 40

// Run is the agent: it returns when ctx ends and everything is down, or when it cannot start. Errors are faults
// for a person.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	a := &Agent{config: cfg, log: log, startedAt: time.Now()}
	if err := a.open(ctx); err != nil {
		return errors.Join(err, a.close())
	}
	err := a.serve(ctx)
	return errors.Join(err, a.close())
}

// open builds every part without starting any.
func (a *Agent) open(ctx context.Context) (err error) {
	// Others pass through to what is theirs; what is private has its own mode.
	for _, dir := range []string{a.config.StateDir, a.config.RuntimeDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.Wrap(err, fault.Precondition, "The directory %s cannot be made.", dir).
				WithHint("Create it and give it to the agent's user.")
		}
	}
	if a.db, err = sqlite.Open(ctx, filepath.Join(a.config.StateDir, "agent.db")); err != nil {
		return err
	}
	a.broker = event.NewBroker(a.db)
	a.db.OnEvents(func(events []event.Event) {
		a.broker.Publish(events)
		a.recorded(events)
	})
	a.runner = job.New(job.Options{Store: a.db, Workers: a.config.Jobs.Workers, Logger: a.log})
	a.plugins = pluginhost.New(pluginOptions(a.config, a.log))
	a.disk = pluginport.Disk{Mounter: a.plugins.Mounter}
	a.builders = builders{host: a.plugins, game: a.config.Installation.Plugin}
	a.game = newGame(gameAddress(a.config.Servers.BindIP))
	if a.supervisor, err = openSupervisor(ctx, a.config, a.log); err != nil {
		return err
	}
	return a.wire()
}

// wire makes the managers and tells the job engine what they can do.
func (a *Agent) wire() error {
	source := vpkfile.Source{Disk: a.disk}
	a.library = addon.NewLibrary(source)
	a.overlays = overlay.New(overlay.Options{Store: a.db.OverlayStore(), Jobs: a.runner, Builders: a.builders, Disk: a.disk, Addons: source})
	a.blueprints = blueprint.New(a.db.BlueprintStore())
	a.servers = server.New(server.Options{
		Store: a.db.ServerStore(), Jobs: a.runner, Trees: a.disk, Addons: source, Layers: a.disk, Types: a.builders, Files: a.disk, Supervisor: a.supervisor, Console: a.supervisor,
		Limits: a.supervisor, Game: a.game, History: a.db,
		Ports:       server.Ports(a.config.Servers.Ports),
		StopTimeout: a.config.Servers.StopTimeout,
		LogAddress:  a.config.Servers.LogListen,
		OnGame:      a.told, OnLine: a.printed,
		Log: a.log,
	})
	a.wireInstallation()
	a.schedules = schedule.New(schedule.Options{Store: a.db.ScheduleStore(), Jobs: a.runner, Log: a.log,
		Actor: actor{Agent: a, hooks: webhook.New(a.config.Webhooks.Private)}})
	a.recorder = metrics.New(metrics.Options{Servers: measured{Manager: a.servers, game: a.game}, Meter: a.supervisor,
		Host: hoststat.New(a.config.StateDir), Log: a.log})
	a.reconciler = &reconcile.Reconciler{
		Store: a.db, Jobs: a.runner, Disk: a.disk, Units: a.supervisor, Servers: a.servers,
		StopTimeout: a.config.Servers.StopTimeout, Stagger: 2 * time.Second, Log: a.log, Now: time.Now,
	}
	a.sweeper = &reconcile.Sweeper{Queue: a.runner, Overlays: a.overlays, Reconciler: a.reconciler}
	return errors.Join(
		a.runner.Register(a.sweeper.Handlers()...),
		a.runner.Register(a.overlays.Handlers()...),
		a.runner.Register(a.installations.Handlers()...),
		a.runner.Register(a.rollouts.Handlers()...),
		a.runner.Register(a.servers.Handlers()...),
		a.runner.Register(a.schedules.Handlers()...))
}

// gameAddress is where the agent reaches games that listen on bindIP.
func gameAddress(bindIP string) netip.Addr {
	if address, err := netip.ParseAddr(bindIP); err == nil && !address.IsUnspecified() {
		return address
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
