package systemd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/watch"
)

// Run implements sandbox.Sandbox. A limit of the spec that is higher than the unit's has no effect; a lower one is kept
// per process (tasks, file size) or by watching (memory, time, the tree). The CPU limit is the unit's.
func (s *Sandbox) Run(ctx context.Context, spec sandbox.Spec, sink sandbox.Sink) (sandbox.Outcome, error) {
	name := spec.ID
	if spec.Dir == "" {
		name = probeName
		select {
		case s.probe <- struct{}{}:
			defer func() { <-s.probe }()
		case <-ctx.Done():
			return sandbox.Outcome{Ending: sandbox.Canceled}, nil
		}
	}
	if !names.MatchString(name) || spec.Dir != "" && name == probeName {
		return sandbox.Outcome{}, fmt.Errorf("%q cannot be the name of a run", name)
	}
	started := time.Now()
	outcome, err := s.run(ctx, unitOf(name), filepath.Join(runsDir, name), spec, sink)
	outcome.Duration = time.Since(started)
	return outcome, err
}

func (s *Sandbox) run(ctx context.Context, unit, dir string, spec sandbox.Spec, sink sandbox.Sink) (sandbox.Outcome, error) {
	if ctx.Err() != nil {
		return sandbox.Outcome{Ending: sandbox.Canceled}, nil
	}
	// The end must be seen to also when the caller has given up.
	own, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	b, err := connect(own)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	defer b.close()
	object, err := b.load(own, unit)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	t := newTracker(unit, object.Path())
	if err := t.startWithin(ctx, b); err != nil {
		if ctx.Err() != nil {
			return sandbox.Outcome{Ending: sandbox.Canceled}, b.end(own, unit)
		}
		return sandbox.Outcome{}, errors.Join(err, b.end(own, unit))
	}
	r := &running{sandbox: s, bus: b, unit: unit, tracker: t, spec: spec}
	outcome, err := r.through(ctx, own, dir, sink)
	if ctx.Err() != nil && err != nil {
		return sandbox.Outcome{Ending: sandbox.Canceled}, nil
	}
	return outcome, err
}

// running is a run whose unit is up.
type running struct {
	sandbox *Sandbox
	bus     *bus
	unit    string
	tracker *tracker
	spec    sandbox.Spec
	group   group
	killed  bool // the kernel killed a process for memory
}

// through takes the run to its end: nothing of it is left when it returns.
func (r *running) through(ctx, own context.Context, dir string, sink sandbox.Sink) (sandbox.Outcome, error) {
	offline := !r.spec.Network || r.sandbox.config.Network == sandbox.NetworkNone
	err := r.look(own, offline)
	var p *pipes
	if err == nil {
		p, err = hand(dir, r.spec, offline, r.sandbox.config.Hosts, r.sandbox.config.Resolvers)
		defer p.close()
	}
	if err != nil {
		return sandbox.Outcome{}, errors.Join(r.cause(err), r.bus.end(own, r.unit))
	}
	stdout := read(p.stdout, func(data []byte) { sink.Output(sandbox.Stdout, data) })
	stderr := read(p.stderr, func(data []byte) { sink.Output(sandbox.Stderr, data) })
	g := watch.New(func() { _ = r.bus.stop(own, r.unit) })
	g.Time(ctx, r.spec.Limits.WallTime)
	g.Tree(r.spec.Dir, r.spec.Limits)
	r.watchMemory(g)
	what, failure := r.follow(p)
	r.killed = r.group.killed() > 0 // while its cgroup is there
	_ = p.life.Close()
	err = r.tracker.wait(own, r.bus)
	ending, reason := g.Finish()
	if err != nil {
		return sandbox.Outcome{}, errors.Join(err, r.bus.end(own, r.unit))
	}
	stdout.finish()
	stderr.finish()
	if ending != "" {
		return sandbox.Outcome{Ending: ending, Reason: reason}, nil
	}
	return r.judge(what, failure)
}

// cause is why a run could not be set up: a unit that is down already takes its cgroup and its directory with it.
func (r *running) cause(err error) error {
	select {
	case <-r.tracker.ended:
		return fmt.Errorf("%w: %s", errNoReport, r.tracker.describe())
	case <-time.After(time.Second):
		return err
	}
}

// look checks what must hold before the script begins.
func (r *running) look(ctx context.Context, offline bool) error {
	object, err := r.bus.load(ctx, r.unit)
	if err != nil {
		return err
	}
	name, err := property[string](ctx, object, serviceInterface, "ControlGroup")
	if err != nil {
		return err
	}
	if r.group, err = findGroup(name); err != nil || offline {
		return err
	}
	return r.sandbox.checkEgress(ctx, r.bus, r.unit)
}

// follow reads the reports of the program inside until the script ended or the unit did.
func (r *running) follow(p *pipes) (report, error) {
	go func() {
		<-r.tracker.ended
		_ = p.status.SetReadDeadline(time.Unix(1, 0))
	}()
	// A report is short; a script that writes more has found the pipe, and is not listened to.
	lines := bufio.NewReader(io.LimitReader(p.status, 64<<10))
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return report{}, errNoReport
		}
		var what report
		if err := json.Unmarshal(line, &what); err != nil {
			return report{}, fmt.Errorf("read the report: %w", err)
		}
		if !what.Ready {
			return what, nil
		}
		if err := p.release(); err != nil {
			return report{}, err
		}
	}
}

// watchMemory ends a run that lost a process for memory, or holds more than it may if that is less than the unit's
// limit, which the kernel keeps.
func (r *running) watchMemory(g *watch.Guard) {
	g.Go(func(ctx context.Context) {
		for watch.Pause(ctx, watch.Look) {
			limit := r.spec.Limits.Memory
			if r.group.killed() > 0 || limit > 0 && limit < r.sandbox.memory && r.group.held() > limit {
				g.End(sandbox.OutOfMemory, "")
				return
			}
		}
	})
}

// judge tells endings apart that nobody asked for.
func (r *running) judge(what report, failure error) (sandbox.Outcome, error) {
	switch {
	case r.killed || r.tracker.killedForMemory():
		return sandbox.Outcome{Ending: sandbox.OutOfMemory}, nil
	case failure == nil && what.Error != "":
		return sandbox.Outcome{}, errors.New(what.Error)
	case failure == nil && what.Code > 128 && what.Code <= 128+64:
		return signaled(syscall.Signal(what.Code - 128)), nil
	case failure == nil:
		return sandbox.Outcome{Ending: sandbox.Exited, ExitCode: what.Code}, nil
	case r.tracker.signal() != 0:
		return signaled(r.tracker.signal()), nil // the program around the script was killed
	}
	return sandbox.Outcome{}, fmt.Errorf("%w: %s", failure, r.tracker.describe())
}

func signaled(signal syscall.Signal) sandbox.Outcome {
	return sandbox.Outcome{Ending: sandbox.Signaled, Signal: signal, ExitCode: 128 + int(signal)}
}
