package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// The crash guard: after maxCrashes within crashWindow a server stays down. The pause before a new start
// doubles from crashDelay.
const (
	maxCrashes  = 4
	crashWindow = 10 * time.Minute
	crashDelay  = 5 * time.Second
)

// pollEvery is how often a running game is asked. srcds answers one A2S per source and 5 s without
// throttling.
const pollEvery = 5 * time.Second

// Watch follows the supervisor and the games until ctx ends: it keeps states current, starts crashed servers
// again, and asks each running game how it is. Call it once.
func (m *Manager) Watch(ctx context.Context) error {
	w := &watcher{Manager: m, pollers: map[string]context.CancelFunc{}}
	defer w.wait.Wait()
	w.wait.Go(func() { w.restartDue(ctx) })
	err := m.Supervisor.Watch(ctx, func(unit UnitStatus) { w.see(ctx, unit) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watcher is one run of Watch. pollers is touched by the supervisor's callback only.
type watcher struct {
	*Manager
	wait    sync.WaitGroup
	pollers map[string]context.CancelFunc
}

func (w *watcher) see(ctx context.Context, unit UnitStatus) {
	before := w.tracker.report(unit)
	if unit.State == UnitActive && w.pollers[unit.Server] == nil {
		pollCtx, cancel := context.WithCancel(ctx)
		w.pollers[unit.Server] = cancel
		w.wait.Go(func() { w.poll(pollCtx, unit.Server) })
		w.wait.Go(func() { w.follow(ctx, pollCtx, unit.Server) })
	}
	if unit.State == UnitExited || unit.State == UnitAbsent {
		if cancel := w.pollers[unit.Server]; cancel != nil {
			cancel()
			delete(w.pollers, unit.Server)
		}
	}
	if unit.State == UnitExited && !unit.Exit.Asked && before.State == UnitActive {
		w.crashed(ctx, unit)
	}
}

// poll asks a game how it is until ctx ends.
func (w *watcher) poll(ctx context.Context, serverID string) {
	s, err := w.Store.ServerByID(ctx, serverID)
	if err != nil {
		return // a unit that no row knows; reconcile stops it
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		w.ask(ctx, s)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// crashed records an end that nobody asked for. A server that is being started is the start job's affair.
func (w *watcher) crashed(ctx context.Context, unit UnitStatus) {
	s, err := w.Store.ServerByID(ctx, unit.Server)
	if err != nil || s.Intent != IntentRunning {
		return
	}
	reason := "The game ended by itself (" + unit.Exit.String() + ")."
	at, again := w.tracker.crash(s.ID, reason)
	message := reason + " Not started again: it ended too often."
	if again {
		message = reason + " Starting again in " + at.Sub(w.Now()).Round(time.Second).String() + "."
	}
	w.record(ctx, s, "server.crashed", message)
}

// restartDue starts crashed servers again when their time has come.
func (w *watcher) restartDue(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, serverID := range w.tracker.due() {
			if err := w.Resume(ctx, serverID); err != nil && ctx.Err() == nil {
				w.Log.Error("start crashed server", "server", serverID, "error", err)
			}
		}
	}
}

// Resume queues a start by the system for a server that is meant to run. Others are left alone.
func (m *Manager) Resume(ctx context.Context, serverID string) error {
	s, err := m.Store.ServerByID(ctx, serverID)
	if err != nil || s.Intent != IntentRunning {
		return err
	}
	_, err = m.queue(ctx, s.Name, job.Spec{Kind: KindStart, Coalesce: true}, "")
	return err
}

// Release queues, for the system, the end of a tree whose game does not run: the mounter was away when it should
// have ended, or a stop was canceled. The job looks again under the server's lock, so a start that comes first keeps its
// tree, and it waits for a game that is stopping.
func (m *Manager) Release(ctx context.Context, serverID string) error {
	err := m.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ServerByID(ctx, serverID)
		if err != nil {
			return err
		}
		_, _, err = tx.AddJob(ctx, job.Spec{Kind: KindRelease, Subject: subject(s), Label: label(s), Coalesce: true, Params: params{Server: s.ID}})
		return err
	})
	m.Jobs.Wake()
	return err
}

func (m *Manager) runRelease(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	runs, err := m.runsOn(ctx, run, s)
	if err != nil {
		return err
	}
	if runs {
		run.Summary("It runs; its tree stays.")
		return nil
	}
	return run.Step(ctx, "unmount", func(ctx context.Context) error { return m.Trees.Unmount(ctx, s.ID) }, nil)
}

// noteFailure remembers why a start failed. An interrupted one is no failure: the next agent resumes it.
func (m *Manager) noteFailure(ctx context.Context, s Server, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled) || fault.Is(err, fault.Canceled) {
		return err
	}
	reason := "The last start failed for a reason inside left4me."
	if e, ok := fault.Of(err); ok {
		reason = "The last start failed: " + e.Message
	}
	m.tracker.failed(s.ID, reason)
	return err
}
