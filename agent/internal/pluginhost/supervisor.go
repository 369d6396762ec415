package pluginhost

import (
	"context"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
)

// supervisor keeps one plugin running. The goroutine in run owns it; everybody else reads the status,
// borrows the current instance, or asks for a restart.
type supervisor struct {
	plugin   Plugin
	timing   Timing
	launcher *launcher
	log      *sink
	force    context.Context // done = stopping must not wait any more
	host     *notifier
	own      notifier
	restart  chan struct{} // holds one request

	mu      sync.Mutex
	status  Status
	attempt int       // starts that have begun
	current *instance // nil unless calls can be made
}

func newSupervisor(force context.Context, p Plugin, options Options, host *notifier) *supervisor {
	logger := options.Logger.With("plugin", p.Name)
	log := newSink(logger)
	s := &supervisor{
		plugin: p, timing: options.Timing, log: log, force: force, host: host,
		launcher: &launcher{plugin: p, options: options, dirs: newDirs(options, p), log: log},
		restart:  make(chan struct{}, 1),
		status: Status{
			Name: p.Name, Kind: p.Kind, Enabled: p.Enabled, Mode: p.Launch.Mode, User: p.Launch.User,
			State: Stopped, Description: "The agent has not started it yet.",
		},
	}
	if !p.Enabled {
		s.status.State, s.status.Description = Disabled, "The configuration disables it."
	}
	return s
}

// ending is how a run, or the attempt to start one, ended.
type ending struct {
	problem *problem // nil when it was asked for
	lived   time.Duration
}

// run starts the plugin again and again until ctx ends.
func (s *supervisor) run(ctx context.Context) {
	policy := newPolicy(s.timing)
	for ctx.Err() == nil {
		end := s.once(ctx)
		s.launcher.dirs.cleanSockets()
		if ctx.Err() != nil {
			break
		}
		if end.problem == nil || s.rest(ctx, policy, end) {
			policy.reset() // somebody asked for a restart
		}
	}
	s.change(func(status *Status) {
		status.State, status.Description, status.Hint = Stopped, "The agent is ending.", ""
	})
}

// once starts the plugin and looks after it until it ends.
func (s *supervisor) once(ctx context.Context) ending {
	s.begin()
	i, p := s.launcher.start(ctx)
	if p != nil {
		return ending{problem: p}
	}
	s.log.logger.Info("plugin is ready", "version", i.info.Version, "program", i.info.Name, "pid", i.pid(),
		"after", time.Since(i.startedAt).Round(time.Millisecond))
	s.change(func(status *Status) {
		s.current = i
		status.State, status.Description, status.Hint = Ready, "", ""
		status.Info, status.Health = i.info, sdk.Health{}
		status.PID, status.StartedAt = i.pid(), i.startedAt
	})
	return s.watch(ctx, i)
}

// announce makes calls wait for the plugin from now on, not fail because it was not started.
func (s *supervisor) announce() {
	s.change(func(status *Status) { status.State, status.Description = Starting, "It is starting." })
}

// ask asks for a restart and returns the number of the last start before it.
func (s *supervisor) ask() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.restart <- struct{}{}:
	default: // somebody has asked already
	}
	return s.attempt
}

// begin notes a start; it also answers every restart that was asked for before.
func (s *supervisor) begin() {
	s.change(func(status *Status) {
		select {
		case <-s.restart:
		default:
		}
		s.attempt++
		status.State, status.Description, status.Hint = Starting, "It is starting.", ""
		status.Restarts = s.attempt - 1
		status.RetryAt = time.Time{}
	})
}

// watch looks after a running instance and returns when it is gone.
func (s *supervisor) watch(ctx context.Context, i *instance) ending {
	watching, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	reports, checks := make(chan sdk.Health), make(chan error)
	helpers.Go(func() { i.reportHealth(watching, reports) })
	helpers.Go(func() { i.checkHealth(watching, checks) })
	defer helpers.Wait()
	defer cancel()

	misses := 0
	for {
		select {
		case <-i.gone():
			how, _ := i.exit()
			return s.ended(i, passing(nil, "%s.", how))
		case health := <-reports:
			s.judge(health, misses)
		case err := <-checks:
			if misses++; err == nil {
				misses = 0
			}
			if misses >= s.timing.HealthMisses && s.plugin.Launch.Mode != ModeAttach {
				i.kill()
				return s.ended(i, passing(err, "stopped answering and was killed."))
			}
			s.judge(s.snapshot().Health, misses)
		case <-s.restart:
			s.withdraw("It is being restarted.")
			i.stop(s.force, s.timing.Grace)
			return ending{}
		case <-ctx.Done():
			s.withdraw("The agent is ending.")
			i.stop(s.force, s.timing.Grace)
			return ending{}
		}
	}
}

// judge derives the state of a running plugin from what it says and whether it answers.
func (s *supervisor) judge(health sdk.Health, misses int) {
	health.Description = s.launcher.text(health.Description)
	state, description := Ready, ""
	switch {
	case misses > 0:
		state, description = Degraded, "It does not answer health checks."
	case health.State == sdk.HealthUndetected, health.State == sdk.HealthUnhealthy:
		state, description = Degraded, health.Description
		if description == "" {
			description = "It says that it is not well."
		}
	}
	s.change(func(status *Status) {
		status.State, status.Description, status.Health = state, description, health
	})
}

// withdraw takes the instance away from callers before it is stopped.
func (s *supervisor) withdraw(description string) {
	s.change(func(status *Status) {
		s.current = nil
		status.State, status.Description = Starting, description
	})
}

// ended cleans up after an instance that is gone or has to go.
func (s *supervisor) ended(i *instance, p *problem) ending {
	lived := time.Since(i.startedAt)
	s.withdraw("It has just ended.")
	i.destroy(s.force)
	return ending{problem: p, lived: lived}
}

// rest waits after an ending until the next start is due. It reports whether somebody asked for it.
func (s *supervisor) rest(ctx context.Context, policy *policy, end ending) (asked bool) {
	now := time.Now()
	var pause time.Duration
	giveUp := end.problem.permanent
	if !giveUp {
		pause, giveUp = policy.failed(now, end.lived, !end.problem.unreached)
	}
	s.report(end.problem, now, pause, giveUp)
	var due <-chan time.Time
	if !giveUp {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return false
	case <-s.restart:
		return true
	case <-ctx.Done():
		return false
	}
}

// report makes an ending known.
func (s *supervisor) report(p *problem, now time.Time, pause time.Duration, giveUp bool) {
	err := p.fault(s.plugin.Name)
	message, hint := err.Message, err.Hint
	if giveUp && !p.permanent {
		message += " It ended too often and is not started again."
	}
	if giveUp && hint == "" {
		hint = "Look at its log, then run: left4me plugin restart " + s.plugin.Name
	}
	cause := ""
	if p.cause != nil {
		cause = s.launcher.text(p.cause.Error()) // may hold a secret
	}
	s.log.logger.Error("plugin is down", "reason", message, "hint", hint, "retry_in", pause.Round(time.Millisecond),
		"given_up", giveUp, "cause", cause)
	s.change(func(status *Status) {
		status.Description, status.Hint = message, hint
		status.PID, status.StartedAt = 0, time.Time{}
		status.LastExit, status.LastExitAt = message, now
		status.State = Failed
		if !giveUp {
			status.State, status.RetryAt = Backoff, now.Add(pause)
		}
	})
}

// change alters the status and tells everybody who waits for that.
func (s *supervisor) change(alter func(*Status)) {
	s.mu.Lock()
	alter(&s.status)
	if s.current == nil {
		s.status.PID = 0
	}
	s.mu.Unlock()
	s.own.wake()
	s.host.wake()
}

func (s *supervisor) snapshot() Status {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	if status.PID != 0 {
		status.MemoryBytes = residentMemory(status.PID)
	}
	return status
}
