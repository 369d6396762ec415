package server

import (
	"context"
	"errors"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

func (m *Manager) runStop(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	if err := m.stop(ctx, run, s, "unit.stop"); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.stopped", s, run.Job().Actor, "Server stopped."))
	})
}

func (m *Manager) runKill(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	if err := m.stop(ctx, run, s, "unit.kill"); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.killed", s, run.Job().Actor, "Server killed."))
	})
}

func (m *Manager) runRestart(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	if err := m.stop(ctx, run, s, "unit.stop"); err != nil {
		return err
	}
	return m.noteFailure(ctx, s, m.start(ctx, run, s))
}

// stop ends the process group, then the tree. step is unit.stop or unit.kill. The game of a stop that is canceled ends all
// the same, so another job sees to the tree.
func (m *Manager) stop(ctx context.Context, run *job.Run, s Server, step string) error {
	err := m.endUnit(ctx, run, s, step)
	if err != nil && ctx.Err() != nil {
		return errors.Join(err, m.Release(context.WithoutCancel(ctx), s.ID))
	}
	return err
}

func (m *Manager) endUnit(ctx context.Context, run *job.Run, s Server, step string) error {
	timeout := m.StopTimeout
	if step == "unit.kill" {
		timeout = 0
	}
	err := run.Step(ctx, step, func(ctx context.Context) error { return m.Supervisor.Stop(ctx, s.ID, timeout) }, nil)
	if err != nil {
		return err
	}
	m.tracker.calm(s.ID)
	return run.Step(ctx, "unmount", func(ctx context.Context) error { return m.Trees.Unmount(ctx, s.ID) }, nil)
}

func (m *Manager) runReset(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	check := func(context.Context) error { return m.checkStopped(s, "reset") }
	if err := run.Step(ctx, "check", check, nil); err != nil {
		return err
	}
	reset := func(ctx context.Context) error {
		if err := m.Trees.Unmount(ctx, s.ID); err != nil {
			return err
		}
		return m.Trees.Reset(ctx, s.ID)
	}
	if err := run.Step(ctx, "reset", reset, nil); err != nil {
		return err
	}
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.was_reset", s, run.Job().Actor, "What the server wrote was removed."))
	})
}

func (m *Manager) runDelete(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if fault.Is(err, fault.NotFound) {
		run.Summary("It was gone already.")
		return nil
	}
	if err != nil {
		return err
	}
	if err := m.stop(ctx, run, s, "unit.stop"); err != nil {
		return err
	}
	return run.Step(ctx, "remove", func(ctx context.Context) error { return m.remove(ctx, run, s) }, nil)
}

// remove deletes what is on disk before the row, so that a crash in between leaves a row that can be
// deleted again, never content that nobody knows.
func (m *Manager) remove(ctx context.Context, run *job.Run, s Server) error {
	if err := m.Trees.Remove(ctx, content.Ref{Server: s.ID}); err != nil {
		return err
	}
	if err := m.Supervisor.Forget(ctx, s.ID); err != nil {
		return err
	}
	err := m.Store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteServer(ctx, s.ID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("server.deleted", s, run.Job().Actor, "Server deleted."))
	})
	if err == nil {
		m.tracker.forget(s.ID)
	}
	return err
}

// subject returns the server that a job is about.
func (m *Manager) subject(ctx context.Context, run *job.Run) (Server, error) {
	var p params
	if err := run.Params(&p); err != nil {
		return Server{}, err
	}
	return m.Store.ServerByID(ctx, p.Server)
}
