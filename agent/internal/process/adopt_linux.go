package process

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

const (
	// adoptWait bounds how long a shim that was just started by an agent that is gone may take to say who it is.
	adoptWait = 10 * time.Second
	adoptLook = 10 * time.Millisecond
)

// adoptChild takes over a shim that this agent started.
func (s *Supervisor) adoptChild(u *unit, cmd *exec.Cmd, r planRecord) {
	shim, err := openHandle(identify(cmd.Process.Pid))
	reap := func() { _ = cmd.Wait() }
	if err != nil { // it has ended already
		reap()
		s.settle(s.life, u)
		return
	}
	var st stateRecord
	if err := readJSON(u.dir, stateFile, &st); err != nil {
		st = stateRecord{Run: r.Run, Phase: phaseActive, StartedAt: time.Now()}
	}
	s.watch(u, shim, st, reap)
}

// adopt looks at a unit of an earlier agent: it takes over a living shim, and repairs what a dead one left.
func (s *Supervisor) adopt(ctx context.Context, u *unit) {
	deadline := time.Now().Add(adoptWait)
	for ctx.Err() == nil {
		locked, err := isLocked(u.dir)
		if err != nil {
			s.opts.Log.Error("unit cannot be read", "server", u.id, "err", err)
			return
		}
		if !locked {
			s.settle(ctx, u)
			return
		}
		var st stateRecord
		if err := readJSON(u.dir, stateFile, &st); err == nil && st.Phase != phaseStarting && st.Phase != phaseEnded {
			if shim, err := openHandle(st.Shim); err == nil {
				s.watch(u, shim, st, func() {})
				return
			}
		}
		if time.Now().After(deadline) {
			s.opts.Log.Error("unit is locked by an unknown process", "server", u.id)
			return
		}
		pause(ctx, adoptLook)
	}
}

// watch follows a living shim until it ends, then reaps it. A shim that outlives this agent is reaped by init.
func (s *Supervisor) watch(u *unit, shim *handle, st stateRecord, reap func()) {
	gone := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		shim.close()
		return
	}
	u.shim, u.gone, u.run = shim, gone, st.Run
	s.set(u, st.status(u.id))
	s.watchers.Go(func() {
		err := shim.wait()
		if s.life.Err() != nil {
			return // the agent ends, not the shim
		}
		if err != nil {
			s.opts.Log.Error("shim cannot be watched", "server", u.id, "err", err)
		}
		shim.close()
		reap()
		s.settle(s.life, u)
		close(gone)
	})
}

// settle brings files and status in order when no shim lives.
func (s *Supervisor) settle(ctx context.Context, u *unit) {
	st, known, err := s.repair(ctx, u)
	if err != nil {
		s.opts.Log.Error("unit cannot be repaired", "server", u.id, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.shim, u.gone = nil, nil
	switch {
	case known:
		s.set(u, st.status(u.id))
	case u.status.State == server.UnitActive || u.status.State == server.UnitStopping: // the files are gone or damaged
		st := u.status
		st.Exit = server.Exit{Code: -1, Asked: st.State == server.UnitStopping}
		st.State, st.PID, st.EndedAt = server.UnitExited, 0, time.Now()
		s.set(u, st)
	}
}

// repair ends what a dead shim left running and writes the end down.
func (s *Supervisor) repair(ctx context.Context, u *unit) (st stateRecord, known bool, err error) {
	err = readJSON(u.dir, stateFile, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return st, false, nil
	}
	if err != nil { // damaged: the mark cannot be known, but nothing is written in place
		return st, false, err
	}
	if st.Phase == phaseEnded || st.Phase == phaseLost {
		return st, true, nil
	}
	if st.Boot != bootID() {
		st.Phase = phaseLost
		return st, true, supervise.WriteJSON(u.dir, stateFile, st)
	}
	if err := s.killLeftovers(ctx, u, st); err != nil {
		return st, false, err
	}
	var order stopRecord
	asked := readJSON(u.dir, stopFile, &order) == nil && order.Run == st.Run
	st.Phase, st.EndedAt = phaseEnded, time.Now()
	st.Exit = server.Exit{Code: -1, Signal: "SIGKILL", Asked: asked || st.Exit.Asked}
	return st, true, supervise.WriteJSON(u.dir, stateFile, st)
}

func (s *Supervisor) killLeftovers(ctx context.Context, u *unit, st stateRecord) error {
	var plan planRecord
	if err := readJSON(u.dir, planFile, &plan); err == nil && plan.Run == st.Run {
		if err := cgroup(plan.Cgroup).end(ctx); err != nil {
			return err
		}
	}
	return killAll(ctx, func() []procStat { return marked(st.Run, st.Game) })
}
