package process

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

// undoWithin bounds the end of a game whose start was canceled.
const undoWithin = 10 * time.Second

// Start implements server.Supervisor.
func (s *Supervisor) Start(ctx context.Context, plan server.LaunchPlan) error {
	if err := checkPlan(plan); err != nil {
		return err
	}
	u := s.unit(plan.Server)
	done, err := u.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer done()
	running, err := s.settled(ctx, u)
	if err != nil || running {
		return err
	}
	return s.launch(ctx, u, plan)
}

// checkPlan refuses what would run something else than the plan says.
func checkPlan(plan server.LaunchPlan) error {
	if !validServer(plan.Server) {
		return unknownServer()
	}
	return plan.Check(markVariable)
}

// settled reports whether a unit runs; one that is ending is waited for.
func (s *Supervisor) settled(ctx context.Context, u *unit) (running bool, err error) {
	s.mu.Lock()
	state, gone := u.status.State, u.gone
	s.mu.Unlock()
	if gone == nil {
		return false, nil
	}
	if state == server.UnitActive {
		return true, nil
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-gone:
		return false, nil
	}
}

// launch starts a shim. The caller has the unit's turn.
func (s *Supervisor) launch(ctx context.Context, u *unit, plan server.LaunchPlan) error {
	if err := os.MkdirAll(filepath.Join(u.dir, consoleDir), 0o750); err != nil {
		return unusable(err, u.dir)
	}
	lock, err := openLock(u.dir)
	if err != nil {
		return unusable(err, u.dir)
	}
	defer func() { _ = lock.Close() }()
	if ok, err := tryLock(lock); err != nil || !ok {
		return fault.Wrap(err, fault.Conflict, "Server %q is run by another agent.", plan.Name).
			WithHint("Stop the other agent, or give this one another state directory.")
	}
	record := s.record(plan)
	if err := s.prepare(u, record); err != nil {
		return unusable(err, u.dir)
	}
	cmd, err := s.spawn(ctx, u, lock)
	if err != nil {
		s.undoLaunch(ctx, u, record)
		return startError(err, plan)
	}
	s.adoptChild(u, cmd, record)
	return nil
}

// undoLaunch ends what a shim had started before it was killed: a canceled start may find the game there already,
// and only its first process ends with the shim.
func (s *Supervisor) undoLaunch(ctx context.Context, u *unit, r planRecord) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	if err := s.killLeftovers(ctx, u, stateRecord{Run: r.Run}); err != nil {
		s.opts.Log.Error("a game that was not wanted any more cannot be ended", "server", u.id, "err", err)
		return // the state file tells the next look about it
	}
	_ = os.Remove(filepath.Join(u.dir, stateFile))
}

func (s *Supervisor) record(plan server.LaunchPlan) planRecord {
	r := planRecord{Run: rand.Text(), Plan: plan, UID: s.opts.UID, GID: s.opts.GID, Console: s.opts.Console}
	if s.opts.Cgroup != "" {
		r.Cgroup = filepath.Join(s.opts.Cgroup, plan.Server)
	}
	return r
}

// prepare writes what the shim reads. The state says "starting" before the shim exists, so that whoever finds the
// lock taken knows what is going on.
func (s *Supervisor) prepare(u *unit, r planRecord) error {
	if err := os.Remove(filepath.Join(u.dir, stopFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := supervise.WriteJSON(u.dir, planFile, r); err != nil {
		return err
	}
	return supervise.WriteJSON(u.dir, stateFile, stateRecord{Run: r.Run, Phase: phaseStarting, Boot: bootID(), StartedAt: time.Now()})
}

// spawn starts the shim and waits for its report.
func (s *Supervisor) spawn(ctx context.Context, u *unit, lock *os.File) (*exec.Cmd, error) {
	report, ready, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = report.Close() }()
	log, err := os.OpenFile(filepath.Join(u.dir, shimLog), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		_ = ready.Close()
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.opts.Shim[0], append(append([]string{}, s.opts.Shim[1:]...), u.dir)...)
	cmd.Dir, cmd.Env = "/", []string{"GOMAXPROCS=2", "GOGC=50"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock, ready} // lockFD, readyFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = ready.Close()
	if err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, report); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	return cmd, nil
}

// errShim carries what a shim reported.
type errShim struct {
	text  string
	errno syscall.Errno
}

func (e errShim) Error() string { return e.text }
func (e errShim) Unwrap() error { return e.errno }

func awaitReady(ctx context.Context, report *os.File) error {
	defer context.AfterFunc(ctx, func() { _ = report.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReader(report).ReadBytes('\n')
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return errors.New("the shim ended before it reported")
	}
	var r readyReport
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read the shim's report: %w", err)
	}
	if !r.OK {
		return errShim{text: r.Text, errno: r.Errno}
	}
	return nil
}

func startError(err error, plan server.LaunchPlan) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOENT):
		return fault.Wrap(err, fault.Precondition, "Cannot start server %q: %s is missing in its tree.", plan.Name, plan.Binary).
			WithHint("Check that the installation is complete and that no overlay hides the file.")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOEXEC):
		return fault.Wrap(err, fault.Precondition, "Cannot start server %q: the game's user may not run %s.", plan.Name, plan.Binary).
			WithHint("Check the file's mode and owner, and that its file system allows programs.")
	}
	return fault.Wrap(err, fault.Unavailable, "Cannot start server %q: its process could not be made.", plan.Name).
		WithHint("Look into the agent's log.")
}
