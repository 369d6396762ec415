package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

// ShimCommand is the first argument that makes a program a shim, see ShimMain.
const ShimCommand = "unit-shim"

// Descriptors that the agent hands to a shim.
const (
	lockFD  = 3
	readyFD = 4
)

// strayGrace is how long processes may live on after the game itself has ended unasked.
const strayGrace = 5 * time.Second

// readyReport is what the shim tells the agent that started it.
type readyReport struct {
	OK    bool          `json:"ok"`
	Text  string        `json:"text,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
}

// ShimMain is to be called first by the main function of every program that starts units. When args, which is
// os.Args, ask for a shim, it is one until the game has ended, and handled is true; the program then exits with
// code.
func ShimMain(args []string) (code int, handled bool) {
	if len(args) != 3 || args[1] != ShimCommand {
		return 0, false
	}
	// The kernel kills the game when the thread that started it ends, and privileges are per thread: both need
	// one thread for good.
	runtime.LockOSThread()
	// The agent's own descriptors come along when whoever started the agent left them open: none reaches the game.
	if err := unix.CloseRange(lockFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		closeOnExec()
	}
	ready := os.NewFile(readyFD, "ready")
	s := &shim{dir: args[2]}
	if err := s.start(); err != nil {
		sendReady(ready, err)
		return 1, true
	}
	sendReady(ready, nil)
	s.supervise()
	return 0, true
}

func sendReady(ready *os.File, err error) {
	r := readyReport{OK: err == nil}
	if err != nil {
		r.Text = err.Error()
		errors.As(err, &r.Errno)
	}
	data, _ := json.Marshal(r)
	_, _ = ready.Write(append(data, '\n'))
	_ = ready.Close()
}

// shim runs one game.
type shim struct {
	dir     string
	plan    planRecord
	state   stateRecord
	group   cgroup
	signals chan os.Signal
	console *console
	order   *stopRecord             // the stop that is under way
	game    chan syscall.WaitStatus // gets the end of the game's first process
	gone    chan struct{}           // closed when no process is left
	oom     string
}

func (s *shim) start() error {
	if err := readJSON(s.dir, planFile, &s.plan); err != nil {
		return err
	}
	s.group, s.oom = cgroup(s.plan.Cgroup), cgroup(s.plan.Cgroup).oomCount()
	s.signals = make(chan os.Signal, 8)
	signal.Notify(s.signals, syscall.SIGUSR1, syscall.SIGTERM)
	// Swallowed, not ignored: what is ignored here, the game would ignore as well.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	s.state = stateRecord{Run: s.plan.Run, Phase: phaseStarting, Boot: bootID(), Shim: identify(os.Getpid())}
	if err := supervise.WriteJSON(s.dir, stateFile, s.state); err != nil {
		return err
	}
	if err := confine(); err != nil {
		return err
	}
	var err error
	if s.console, err = startConsole(filepath.Join(s.dir, consoleDir), s.plan.Console); err != nil {
		return fmt.Errorf("open console: %w", err)
	}
	pid, err := s.spawn()
	_ = s.console.input.Close()
	if err != nil {
		_ = s.group.remove()
		return err
	}
	s.reap(pid)
	s.state.Phase, s.state.Game, s.state.StartedAt = phaseActive, identify(pid), time.Now()
	if err := supervise.WriteJSON(s.dir, stateFile, s.state); err != nil {
		s.killEverything()
		return err
	}
	return nil
}

// spawn starts the game with nothing but what the plan gives it.
func (s *shim) spawn() (int, error) {
	plan := s.plan.Plan
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer func() { _ = null.Close() }()
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 && s.plan.UID != 0 {
		sys.Credential = &syscall.Credential{Uid: uint32(s.plan.UID), Gid: uint32(s.plan.GID)}
	}
	group, err := s.group.create()
	if err != nil {
		return 0, err
	}
	if group != nil {
		defer func() { _ = group.Close() }()
		if err := s.group.limit(plan.Limits); err != nil {
			return 0, err
		}
		sys.UseCgroupFD, sys.CgroupFD = true, int(group.Fd())
	}
	path := filepath.Join(plan.Tree, plan.Binary)
	attr := &syscall.ProcAttr{
		Dir:   plan.Tree,
		Env:   append(append([]string{}, plan.Env...), markVariable+"="+s.plan.Run),
		Files: []uintptr{null.Fd(), s.console.input.Fd(), s.console.input.Fd()},
		Sys:   sys,
	}
	pid, err := syscall.ForkExec(path, append([]string{path}, plan.Args...), attr)
	if err != nil {
		return 0, &os.PathError{Op: "start", Path: path, Err: err}
	}
	return pid, nil
}

// reap collects every process that becomes ours: as a subreaper the shim inherits whatever the game leaves behind.
func (s *shim) reap(game int) {
	s.game, s.gone = make(chan syscall.WaitStatus, 1), make(chan struct{})
	go func() {
		defer close(s.gone)
		for {
			var ws syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &ws, 0, nil)
			switch {
			case errors.Is(err, syscall.EINTR):
			case err != nil: // ECHILD: nobody is left
				return
			case pid == game && (ws.Exited() || ws.Signaled()):
				s.game <- ws
			}
		}
	}()
}

// supervise returns when every process has ended and the end is written down.
func (s *shim) supervise() {
	kill := time.NewTimer(time.Hour)
	kill.Stop()
	var ended syscall.WaitStatus
	s.lookForStop(kill) // an order may have come before the signal could be heard
	for running := true; running; {
		select {
		case sig := <-s.signals:
			if sig == syscall.SIGTERM {
				s.stop(stopRecord{Run: s.plan.Run, Timeout: s.plan.Plan.StopTimeout}, kill)
			} else {
				s.lookForStop(kill)
			}
		case ended = <-s.game:
			if s.state.Phase != phaseStopping {
				s.interrupt()
				kill.Reset(strayGrace)
			}
		case <-kill.C:
			s.killEverything()
			kill.Reset(killRound) // in case one slipped through
		case <-s.gone:
			running = false
		}
	}
	select {
	case ended = <-s.game: // both were ready at once
	default:
	}
	s.finish(ended)
}

// lookForStop takes the agent's order, if there is one for this run.
func (s *shim) lookForStop(kill *time.Timer) {
	var order stopRecord
	if err := readJSON(s.dir, stopFile, &order); err == nil && order.Run == s.plan.Run {
		s.stop(order, kill)
	}
}

// stop begins a stop, or changes the time that is left. The same order again changes nothing: a second SIGINT would
// cut the game's own shutdown short.
func (s *shim) stop(order stopRecord, kill *time.Timer) {
	if s.order != nil && *s.order == order {
		return
	}
	s.order = &order
	s.state.Phase = phaseStopping
	s.state.Exit.Asked = true
	_ = supervise.WriteJSON(s.dir, stateFile, s.state) // without it the end is still written as asked for
	if order.Timeout > 0 {
		s.interrupt()
	}
	kill.Reset(max(order.Timeout, 0))
}

// interrupt sends SIGINT to the game's own group, and to groups that its children made.
func (s *shim) interrupt() {
	_ = syscall.Kill(-s.state.Game.PID, syscall.SIGINT)
	for _, p := range descendants(os.Getpid()) {
		if p.session != s.state.Game.PID {
			signalProcess(p, syscall.SIGINT)
		}
	}
}

func (s *shim) killEverything() {
	s.group.kill()
	ctx, cancel := contextUntil(s.gone)
	defer cancel()
	_ = killAll(ctx, func() []procStat { return descendants(os.Getpid()) })
}

// finish writes down how the game ended.
func (s *shim) finish(ws syscall.WaitStatus) {
	s.console.close()
	_ = s.group.remove()
	s.state.Phase, s.state.EndedAt = phaseEnded, time.Now()
	asked := s.state.Exit.Asked
	s.state.Exit = exitOf(ws)
	s.state.Exit.Asked = asked
	// The kernel does not say whom it killed for lack of memory. A kill that nobody asked for while such kills
	// happened is taken for one.
	s.state.Exit.OOM = !asked && ws.Signaled() && ws.Signal() == syscall.SIGKILL && s.group.oomCount() != s.oom
	for range 100 { // a full disk may have room again
		if err := supervise.WriteJSON(s.dir, stateFile, s.state); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func exitOf(ws syscall.WaitStatus) server.Exit {
	if ws.Signaled() {
		return server.Exit{Code: -1, Signal: unix.SignalName(ws.Signal())}
	}
	return server.Exit{Code: ws.ExitStatus()}
}
