package server

import (
	"context"
	"strings"
	"unicode"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// Kinds of job.
const (
	KindStart   = "server.start"
	KindStop    = "server.stop"
	KindRestart = "server.restart"
	KindKill    = "server.kill"
	KindReset   = "server.reset"
	KindDelete  = "server.delete"
	// KindRelease ends the tree of a server that does not run; only the system asks for it.
	KindRelease = "server.release"
)

type params struct {
	Server string `json:"server"`
}

// Handlers returns the handlers of the server jobs. All but kill are safe to run again: each step looks at
// what is there first.
func (m *Manager) Handlers() []job.Handler {
	start := []string{"overlay.ensure", "mount", "config.write", "unit.start", "wait.ready"}
	return []job.Handler{
		{Kind: KindStart, Steps: start, Run: m.runStart},
		{Kind: KindStop, Steps: []string{"unit.stop", "unmount"}, Retry: true, Run: m.runStop},
		{Kind: KindRestart, Steps: append([]string{"unit.stop", "unmount"}, start...), Run: m.runRestart},
		{Kind: KindKill, Steps: []string{"unit.kill", "unmount"}, Retry: true, Run: m.runKill},
		{Kind: KindRelease, Steps: []string{"unmount"}, Retry: true, Run: m.runRelease},
		{Kind: KindReset, Steps: []string{"check", "reset"}, Retry: true, Run: m.runReset},
		{Kind: KindDelete, Steps: []string{"unit.stop", "unmount", "remove"}, Retry: true, Run: m.runDelete},
	}
}

// Start asks for a server to run. Starting one that runs is fine.
func (m *Manager) Start(ctx context.Context, actor, name string) (job.Job, error) {
	return m.queue(ctx, name, job.Spec{Kind: KindStart, Actor: actor, Coalesce: true}, IntentRunning)
}

// Restart stops a server and starts it with the newest revisions.
func (m *Manager) Restart(ctx context.Context, actor, name string) (job.Job, error) {
	return m.queue(ctx, name, job.Spec{Kind: KindRestart, Actor: actor, Coalesce: true}, IntentRunning)
}

// Stop asks for a server to end. A start that is still under way is canceled.
func (m *Manager) Stop(ctx context.Context, actor, name string) (job.Job, error) {
	if err := m.cancelStart(ctx, actor, name); err != nil {
		return job.Job{}, err
	}
	return m.queue(ctx, name, job.Spec{Kind: KindStop, Actor: actor, Coalesce: true}, IntentStopped)
}

// Kill ends a server at once, whatever else is under way.
func (m *Manager) Kill(ctx context.Context, actor, name string) (job.Job, error) {
	return m.queue(ctx, name, job.Spec{Kind: KindKill, Actor: actor, Coalesce: true, Urgent: true}, IntentStopped)
}

// Reset empties what the server itself wrote. Precondition: it runs.
func (m *Manager) Reset(ctx context.Context, actor, name string) (job.Job, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return job.Job{}, err
	}
	if err := m.checkStopped(s, "reset"); err != nil {
		return job.Job{}, err
	}
	return m.queue(ctx, name, job.Spec{Kind: KindReset, Actor: actor, Coalesce: true}, "")
}

// Delete stops a server and removes it with everything it wrote.
func (m *Manager) Delete(ctx context.Context, actor, name string) (job.Job, error) {
	if err := m.cancelStart(ctx, actor, name); err != nil {
		return job.Job{}, err
	}
	return m.queue(ctx, name, job.Spec{Kind: KindDelete, Actor: actor, Coalesce: true}, IntentStopped)
}

func (m *Manager) checkStopped(s Server, verb string) error {
	state, _ := m.tracker.state(s)
	if state == Offline || state == Crashed {
		return nil
	}
	return fault.New(fault.Precondition, "Cannot %s server %q while it is %s.", verb, s.Name, state).WithHint("Stop it first.")
}

// queue records intent and job in one transaction. An empty intent stays as it is.
func (m *Manager) queue(ctx context.Context, name string, spec job.Spec, intent Intent) (job.Job, error) {
	return m.queueIf(ctx, name, spec, intent, "")
}

// queueIf does what queue does while the intent is only; otherwise it returns no job. Any intent will do when only is
// empty.
func (m *Manager) queueIf(ctx context.Context, name string, spec job.Spec, intent, only Intent) (job.Job, error) {
	var queued job.Job
	err := m.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ServerByName(ctx, name)
		if err != nil || only != "" && s.Intent != only {
			return err
		}
		spec.Subject, spec.Label, spec.Params = subject(s), label(s), params{Server: s.ID}
		if queued, _, err = tx.AddJob(ctx, spec); err != nil {
			return err
		}
		if intent != "" {
			s.Intent = intent
		}
		s.LastJob, s.UpdatedAt = queued.ID, m.Now()
		if err := tx.PutServer(ctx, s); err != nil {
			return err
		}
		verb := strings.TrimPrefix(spec.Kind, "server.")
		return tx.AddEvent(ctx, m.event(spec.Kind, s, spec.Actor, "Asked to "+verb+"."))
	})
	m.Jobs.Wake()
	return queued, err
}

// cancelStart ends a start that nobody wants any more, so that what follows does not wait for it.
func (m *Manager) cancelStart(ctx context.Context, actor, name string) error {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil || s.Intent != IntentRunning || s.LastJob == "" {
		return err
	}
	_, err = m.Jobs.Cancel(ctx, s.LastJob, actor)
	if fault.Is(err, fault.NotFound) { // old jobs are cleaned up
		return nil
	}
	return err
}

// checkCommand refuses what RCON cannot carry as one command line.
func checkCommand(command string) error {
	if strings.TrimSpace(command) == "" || len(command) > 510 {
		return fault.New(fault.Invalid, "A command must have between 1 and 510 bytes.").WithField("command").
			WithHint("Put longer lists into a cfg file and exec it.")
	}
	if strings.ContainsFunc(command, unicode.IsControl) {
		return fault.New(fault.Invalid, "A command must be one line without control characters.").WithField("command").
			WithHint("Send one command at a time.")
	}
	return nil
}
