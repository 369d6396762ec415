package systemd

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

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
	l, err := s.linked(ctx)
	if err != nil {
		return err
	}
	if err := s.prepare(ctx, l, plan); err != nil {
		return err
	}
	if err := s.launch(ctx, l, u, plan); err != nil {
		_ = os.RemoveAll(filepath.Join(s.plansDir(), plan.Server))
		return err
	}
	return nil
}

// checkPlan refuses what would run something else than the plan says.
func checkPlan(plan server.LaunchPlan) error {
	if !validServer(plan.Server) {
		return unknownServer()
	}
	return plan.Check()
}

// settled reports whether a unit runs; one that is stopping is waited for.
func (s *Supervisor) settled(ctx context.Context, u *unit) (running bool, err error) {
	s.mu.Lock()
	gone, asked := u.gone, u.record.Asked
	s.mu.Unlock()
	if gone == nil || !asked {
		return gone != nil, nil
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-gone:
		return false, nil
	}
}

// prepare writes the plan and sets the limits.
func (s *Supervisor) prepare(ctx context.Context, l *link, plan server.LaunchPlan) error {
	if err := checkShown(ctx, l, plan); err != nil {
		return err
	}
	dir := filepath.Join(s.plansDir(), plan.Server)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return unusable(err, s.plansDir())
	}
	if err := supervise.WriteJSON(dir, planFile, plan); err != nil {
		return unusable(err, dir)
	}
	return setLimits(ctx, l, plan)
}

// launch starts the unit and returns when the game's program runs.
func (s *Supervisor) launch(ctx context.Context, l *link, u *unit, plan server.LaunchPlan) error {
	name := unitName(plan.Server)
	_ = l.conn.ResetFailedUnitContext(ctx, name) // what an earlier run left, if anything
	begun := make(chan struct{})
	s.mu.Lock()
	u.starting, u.begun = true, begun
	s.mu.Unlock()
	result, err := s.job(ctx, l, func(answer chan string) (int, error) {
		return l.conn.StartUnitContext(ctx, name, "replace", answer)
	})
	if err != nil || result != "done" {
		err = s.explainStart(context.WithoutCancel(ctx), l, u, plan, result, err)
		return err
	}
	s.mu.Lock()
	u.starting = false
	s.observe(u, u.seen)
	s.mu.Unlock()
	select {
	case <-begun:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.lost.Done():
		return nil // it runs; the next look at all units finds it
	}
}

// job asks systemd for something and waits until it is done: "done", "failed", "canceled", "timeout", "dependency".
func (s *Supervisor) job(ctx context.Context, l *link, ask func(answer chan string) (int, error)) (string, error) {
	answer := make(chan string, 1)
	if _, err := ask(answer); err != nil {
		return "", err
	}
	select {
	case result := <-answer:
		return result, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-l.lost.Done():
		return "", fault.New(fault.Unavailable, "The connection with systemd was lost.").WithSource("systemd").WithHint("Try again in a moment.")
	}
}

// explainStart says why a start failed, and makes systemd forget it. A start whose caller gave up is ended.
func (s *Supervisor) explainStart(ctx context.Context, l *link, u *unit, plan server.LaunchPlan, result string, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	name := unitName(plan.Server)
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		_, _ = l.conn.StopUnitContext(ctx, name, "replace", nil)
		_ = l.conn.KillUnitWithTarget(ctx, name, "all", sigKill)
	}
	status := s.startStatus(ctx, l, name)
	properties, err := look(ctx, l, name)
	s.mu.Lock()
	u.starting, u.begun = false, nil
	if err == nil {
		u.failed = seen{}.apply(properties).started
	}
	s.mu.Unlock()
	_ = l.conn.ResetFailedUnitContext(ctx, name)
	switch {
	case cause != nil:
		return explainCall(cause, "start", plan.Name)
	case status != 0:
		why := whyNotStarted(status, name)
		return fault.New(fault.Precondition, "Cannot start server %q: %s.", plan.Name, why.message).WithSource("systemd").WithHint("%s", why.hint)
	case result == "canceled":
		return fault.New(fault.Canceled, "The start of server %q was overtaken by a stop.", plan.Name).WithSource("systemd")
	}
	return fault.New(fault.Unavailable, "Cannot start server %q: systemd says %s.", plan.Name, result).WithSource("systemd").
		WithHint("Look into: journalctl -u %s", name)
}

// startStatus returns the exit code of the process of a unit that made its start fail; 0 when there is none.
func (s *Supervisor) startStatus(ctx context.Context, l *link, name string) int32 {
	if pre, err := l.conn.GetServicePropertyContext(ctx, name, "ExecStartPre"); err == nil {
		// a(sasbttttuii): path, arguments, whether failure is fine, four times, pid, code, status
		if commands, ok := pre.Value.Value().([][]any); ok {
			for _, command := range commands {
				if status, ok := command[len(command)-1].(int32); ok && status != 0 {
					return status
				}
			}
		}
	}
	properties, err := look(ctx, l, name)
	if err != nil {
		return 0
	}
	if now := (seen{}).apply(properties); now.code == codeExited {
		return now.status
	}
	return 0
}

// explainCall turns a refusal of systemd into words.
func explainCall(err error, verb, name string) error {
	if _, ok := fault.Of(err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	refused, ok := errors.AsType[godbus.Error](err)
	if !ok {
		return fault.Wrap(err, fault.Unavailable, "Cannot %s server %q: systemd does not answer.", verb, name).WithSource("systemd").
			WithHint("Check dbus.service, then try again.")
	}
	switch refused.Name {
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
		return notAllowed(err)
	case "org.freedesktop.systemd1.TransactionIsDestructive":
		return fault.Wrap(err, fault.Unavailable, "Cannot %s server %q while the host shuts down.", verb, name).WithSource("systemd").
			WithHint("What runs now runs again after the restart.")
	case "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.LoadFailed", "org.freedesktop.systemd1.BadUnitSetting":
		return noTemplate(err)
	case "org.freedesktop.systemd1.UnitMasked":
		return fault.Wrap(err, fault.Precondition, "Cannot %s server %q: its unit is masked.", verb, name).WithSource("systemd").
			WithHint("Unmask it: systemctl unmask %s", Template)
	}
	return fault.Wrap(err, fault.Unavailable, "Cannot %s server %q: systemd refuses.", verb, name).WithSource("systemd").
		WithHint("Look into the agent's log and: systemctl status 'left4me-server@*'")
}
