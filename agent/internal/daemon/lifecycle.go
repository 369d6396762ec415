package daemon

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/version"
)

// How long the mounter may take at start before jobs run without having compared the disk first.
const mounterWithin = 20 * time.Second

// firstSweep is how long after a start the first sweep is due.
const firstSweep = 10 * time.Minute

// serve starts every part and returns when ctx ends or a part that nothing works without fails.
func (a *Agent) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	serveAPI, err := a.openAPI(ctx)
	if err != nil {
		return err
	}
	a.plugins.Start()
	var parts sync.WaitGroup
	defer parts.Wait()
	part := func(run func(context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	part(a.servers.Watch)
	part(a.schedules.Watch)
	part(a.installations.Watch)
	part(serveAPI)
	part(a.recorder.Watch)
	part(a.receiveLogs)
	part(a.begin)
	part(a.prune)
	part(a.refreshDaily)
	part(a.sweep)
	part(a.watchPlugins)
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// begin compares what is wanted with what is there, then lets jobs run. Nothing may run before: a start that
// has mounted and not yet launched would look like a tree nobody needs.
func (a *Agent) begin(ctx context.Context) error {
	a.awaitMounter(ctx)
	// First the jobs of the former agent: one that still counts as running would stand for its own repetition.
	if err := a.runner.Recover(ctx); err != nil {
		return err
	}
	err := a.reconciler.Run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err := a.runner.Start(ctx); err != nil {
		return err
	}
	debug.FreeOSMemory() // starting takes more than idling
	a.log.Info("ready", "version", version.Version, "state", a.config.StateDir)
	for err != nil { // the mounter was down; compare when it is back
		a.log.Warn("not reconciled yet", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Second):
		}
		err = a.reconciler.Run(ctx)
	}
	return nil
}

// refreshDaily looks for newer content of all overlays every day. A database that fails for a moment does not end it.
func (a *Agent) refreshDaily(ctx context.Context) error {
	at := a.config.Overlays.RefreshAt
	for at >= 0 && ctx.Err() == nil {
		err := a.overlays.RunDaily(ctx, at)
		if err == nil || ctx.Err() != nil {
			break
		}
		a.log.Error("daily refresh", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
	return nil
}

// awaitMounter returns when no plugin is starting any more, or when that takes too long.
func (a *Agent) awaitMounter(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, mounterWithin)
	defer cancel()
	if err := a.plugins.Settle(ctx); err != nil {
		a.log.Warn("plugins take long to start", "error", err)
	}
}

// prune drops finished jobs and events that are older than what is kept, once a day.
func (a *Agent) prune(ctx context.Context) error {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		if _, _, err := a.db.Prune(ctx, time.Now().Add(-a.config.Jobs.Retention)); err != nil && ctx.Err() == nil {
			a.log.Error("drop old jobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep asks every day for the removal of content that nobody needs any more: a server that stops lets go of
// revisions without a build that would notice. The first time waits until the agent has found its feet.
func (a *Agent) sweep(ctx context.Context) error {
	wait := time.NewTimer(firstSweep)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		if _, err := a.sweeper.Sweep(ctx, ""); err != nil && ctx.Err() == nil {
			a.log.Error("sweep", "error", err)
		}
		wait.Reset(24 * time.Hour)
	}
}

// close takes down what open built, in reverse. Parts that were never built are skipped.
func (a *Agent) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), a.config.Servers.StopTimeout+30*time.Second)
	defer cancel()
	var errs []error
	if a.runner != nil {
		errs = append(errs, a.runner.Close(ctx))
	}
	if a.supervisor != nil {
		if a.config.Servers.OnExit == config.OnExitStop {
			a.stopServers(ctx)
		}
		errs = append(errs, a.supervisor.Close())
	}
	if a.game != nil {
		a.game.close()
	}
	if a.plugins != nil {
		errs = append(errs, a.plugins.Close(ctx))
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	return errors.Join(errs...)
}

// stopServers ends every game and tree and leaves intent as it is: what ran runs again with the next agent.
func (a *Agent) stopServers(ctx context.Context) {
	units, err := a.supervisor.List(ctx)
	if err != nil {
		a.log.Error("list units", "error", err)
	}
	var stopping sync.WaitGroup
	for _, unit := range units {
		stopping.Go(func() {
			if err := a.supervisor.Stop(ctx, unit.Server, a.config.Servers.StopTimeout); err != nil {
				a.log.Error("stop server", "server", unit.Server, "error", err)
			}
		})
	}
	stopping.Wait()
	mounts, err := a.disk.Mounts(ctx)
	if err != nil {
		a.log.Error("list mounts", "error", err)
	}
	for _, mount := range mounts {
		if mount.Foreign {
			continue
		}
		if err := a.disk.Unmount(ctx, mount.Server); err != nil {
			a.log.Error("end tree", "server", mount.Server, "error", err)
		}
	}
}
