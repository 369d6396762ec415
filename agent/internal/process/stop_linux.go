package process

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

// shimGrace is how much longer than the stop's own timeout a shim may take before it is taken for hung.
const shimGrace = 5 * time.Second

// Stop implements server.Supervisor. When ctx ends first, the stop goes on without being waited for.
func (s *Supervisor) Stop(ctx context.Context, serverID string, timeout time.Duration) error {
	if !validServer(serverID) {
		return unknownServer()
	}
	u := s.unit(serverID)
	s.mu.Lock()
	gone, shim, run := u.gone, u.shim, u.run
	if gone != nil && u.status.State == server.UnitActive {
		st := u.status
		st.State = server.UnitStopping
		s.set(u, st)
	}
	s.mu.Unlock()
	if gone == nil {
		return s.clearExit(ctx, u)
	}
	if err := supervise.WriteJSON(u.dir, stopFile, stopRecord{Run: run, Timeout: timeout}); err != nil {
		// A full disk must not keep a game alive: SIGTERM is a stop with the plan's own timeout.
		s.opts.Log.Warn("stop order could not be written", "server", serverID, "err", err)
		_ = shim.signal(syscall.SIGTERM)
	} else {
		_ = shim.signal(syscall.SIGUSR1)
	}
	hung := time.NewTimer(timeout + shimGrace)
	defer hung.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-gone:
		return s.clearExit(ctx, u) // it may have ended by itself before the order came
	case <-hung.C:
		s.opts.Log.Warn("shim does not react and is killed", "server", serverID)
		_ = shim.signal(syscall.SIGKILL)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-gone:
		return nil
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
	exited := u.gone == nil && u.status.State == server.UnitExited
	s.mu.Unlock()
	if !exited {
		return nil
	}
	var st stateRecord
	if err := readJSON(u.dir, stateFile, &st); err != nil {
		return unusable(err, u.dir)
	}
	st.Exit.Asked = true
	if err := supervise.WriteJSON(u.dir, stateFile, st); err != nil {
		return unusable(err, u.dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(u, st.status(u.id))
	return nil
}

// Forget implements server.Supervisor.
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
	s.consoles.drop(serverID)
	if err := os.RemoveAll(u.dir); err != nil {
		return unusable(err, u.dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.status.State != "" {
		s.set(u, server.UnitStatus{Server: serverID, State: server.UnitAbsent})
		u.status = server.UnitStatus{}
	}
	return nil
}
