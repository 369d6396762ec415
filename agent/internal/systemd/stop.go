package systemd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

const (
	sigKill = int32(syscall.SIGKILL)
	// strayGrace is how long processes may live on after the game itself has ended unasked.
	strayGrace = 5 * time.Second
	// killAgain is how long killed processes may take to vanish before they are killed again.
	killAgain = time.Second
)

// Stop implements server.Supervisor. When ctx ends first, the stop goes on without being waited for.
func (s *Supervisor) Stop(ctx context.Context, serverID string, timeout time.Duration) error {
	if !validServer(serverID) {
		return unknownServer()
	}
	u := s.unit(serverID)
	gone := s.ask(u)
	if gone == nil { // it does not run, or is being started
		if err := s.clearExit(ctx, u); err != nil {
			return err
		}
		if gone = s.ask(u); gone == nil {
			return nil
		}
	}
	l, err := s.linked(ctx)
	if err != nil {
		return err
	}
	s.work.Go(func() { s.killAfter(u, gone, timeout) })
	if timeout > 0 {
		if _, err := l.conn.StopUnitContext(ctx, unitName(serverID), "replace", nil); err != nil && !isUnloaded(err) {
			return explainCall(err, "stop", serverID)
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.life.Done():
		return fault.New(fault.Unavailable, "The agent is shutting down.").WithHint("Try again in a moment.")
	case <-gone:
	}
	s.forgetFailure(ctx, u)
	return nil
}

// ask notes that a unit is to end. It returns what is closed when it has; nil when it does not run.
func (s *Supervisor) ask(u *unit) (gone <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.gone == nil {
		return nil
	}
	u.record.Asked = true
	s.save(u)
	s.set(u, s.running(u))
	return u.gone
}

// killAfter kills every process of a unit unless it is gone in time.
func (s *Supervisor) killAfter(u *unit, gone <-chan struct{}, timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-gone:
			return
		case <-timer.C:
		}
		if l, err := s.linked(s.life); err == nil {
			err := l.conn.KillUnitWithTarget(s.life, unitName(u.id), "all", sigKill)
			if err != nil && !isUnloaded(err) && s.life.Err() == nil {
				s.opts.Log.Warn("a game could not be killed", "server", u.id, "error", err)
			}
		}
		timer.Reset(killAgain)
	}
}

// isUnloaded reports that a unit ended before it could be asked.
func isUnloaded(err error) bool {
	refused, ok := errors.AsType[godbus.Error](err)
	return ok && (refused.Name == "org.freedesktop.systemd1.NoSuchUnit" || refused.Name == "org.freedesktop.systemd1.NoSuchProcess")
}

// forgetFailure makes systemd unload a unit that failed.
func (s *Supervisor) forgetFailure(ctx context.Context, u *unit) {
	s.mu.Lock()
	failed, l := u.seen.active == "failed", s.link
	s.mu.Unlock()
	if failed && l != nil {
		_ = l.conn.ResetFailedUnitContext(ctx, unitName(u.id))
	}
}

// clearExit turns a unit that ended by itself into one that was stopped.
func (s *Supervisor) clearExit(ctx context.Context, u *unit) error {
	done, err := u.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	s.mu.Lock()
	if u.gone == nil && (u.status.State == server.UnitExited || u.status.Rebooted) {
		u.record.Asked, u.record.Exit.Asked = true, true
		s.save(u)
		s.set(u, u.record.status(u.id, s.boot))
	}
	s.mu.Unlock()
	s.forgetFailure(ctx, u)
	return nil
}

// Forget implements server.Supervisor. The console stays in the journal until that is rotated away.
func (s *Supervisor) Forget(ctx context.Context, serverID string) error {
	if !validServer(serverID) {
		return unknownServer()
	}
	u := s.unit(serverID)
	done, err := u.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	s.mu.Lock()
	running := u.gone != nil
	s.mu.Unlock()
	if running {
		return fault.New(fault.Precondition, "The server still runs.").WithHint("Stop it first.")
	}
	s.forgetFailure(ctx, u)
	for _, dir := range []string{s.recordsDir(), s.plansDir()} {
		if err := os.RemoveAll(filepath.Join(dir, serverID)); err != nil {
			return unusable(err, dir)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.status.State != "" {
		s.set(u, server.UnitStatus{Server: serverID, State: server.UnitAbsent})
		u.status, u.record = server.UnitStatus{}, record{}
	}
	return nil
}
