package schedule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// KindRun is the kind of job that a schedule makes.
const KindRun = "schedule.run"

// conditionEvery is how often conditions are looked at that do not hold yet.
const conditionEvery = 5 * time.Second

type params struct {
	Schedule string    `json:"schedule"`
	What     Happening `json:"what"`
}

// Handlers returns the handler of the jobs. It is not repeated after a crash: what was said or sent once must not be
// said again.
func (m *Manager) Handlers() []job.Handler {
	return []job.Handler{{Kind: KindRun, Run: m.run}}
}

func (m *Manager) run(ctx context.Context, run *job.Run) error {
	var p params
	if err := run.Params(&p); err != nil {
		return err
	}
	s, err := m.Store.ScheduleByID(ctx, p.Schedule)
	if err != nil {
		return err
	}
	for _, a := range s.Actions {
		run.Redact(a.URL)
	}
	run.Logf("info", "%s", cmp.Or(p.What.Text, string(p.What.Cause)))
	why, err := m.holds(ctx, run, s.Conditions, cmp.Or(s.Conditions.Server, p.What.Server, s.Trigger.Server))
	if err != nil {
		return err
	}
	if why != "" {
		run.Summary("Nothing was done: " + why)
		return nil
	}
	return m.actions(ctx, run, s, p.What)
}

// holds waits until the conditions hold. why is the one that does not when the time is up.
func (m *Manager) holds(ctx context.Context, run *job.Run, c Conditions, server string) (why string, err error) {
	if server == "" || c.MinPlayers == nil && c.MaxPlayers == nil && len(c.States) == 0 {
		return "", nil
	}
	deadline := m.Now().Add(c.Wait)
	told := ""
	for {
		facts, err := m.Actor.Facts(ctx, server)
		if err != nil {
			return "", err
		}
		if why = c.missing(server, facts); why == "" || !m.Now().Before(deadline) {
			return why, nil
		}
		if why != told {
			run.Logf("info", "Waiting until %s: %s", deadline.Format(time.DateTime), why)
			told = why
		}
		select {
		case <-time.After(conditionEvery):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// missing says which condition does not hold; "" when all do.
func (c Conditions) missing(server string, facts Facts) string {
	switch {
	case len(c.States) > 0 && !slices.Contains(c.States, facts.State):
		return fmt.Sprintf("server %q is %s, not %s.", server, facts.State, strings.Join(c.States, " or "))
	case c.MaxPlayers != nil && facts.Players > *c.MaxPlayers:
		return fmt.Sprintf("%d play on server %q, at most %d may.", facts.Players, server, *c.MaxPlayers)
	case c.MinPlayers != nil && facts.Players < *c.MinPlayers:
		return fmt.Sprintf("%d play on server %q, at least %d must.", facts.Players, server, *c.MinPlayers)
	}
	return ""
}

func (m *Manager) actions(ctx context.Context, run *job.Run, s Schedule, what Happening) error {
	actor := cmp.Or(run.Job().Actor, s.Owner)
	var failed []string
	for i, a := range s.Actions {
		a.Server = m.target(a, s.Trigger, what)
		name := fmt.Sprintf("%d %s", i+1, a.Kind)
		err := run.Step(ctx, name, func(ctx context.Context) error { return m.act(ctx, run, actor, a, what) }, nil)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || !a.Continue {
			return err
		}
		run.Logf("warn", "Action %s failed: %v", name, err)
		failed = append(failed, name)
	}
	run.Summary(fmt.Sprintf("Did %d of %d actions.", len(s.Actions)-len(failed), len(s.Actions)))
	return nil
}

// target is the server that an action is for; "" for actions about none.
func (m *Manager) target(a Action, t Trigger, what Happening) string {
	if k, _ := kind(a.Kind); !k.Server {
		return ""
	}
	return cmp.Or(a.Server, what.Server, t.Server)
}

func (m *Manager) act(ctx context.Context, run *job.Run, actor string, a Action, what Happening) error {
	if a.After > 0 {
		run.Logf("info", "Waiting %s.", a.After)
		select {
		case <-time.After(a.After):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	started, err := m.Actor.Do(ctx, actor, a, what)
	if err != nil || started == "" {
		return err
	}
	run.Logf("info", "Job %s.", started)
	done, err := run.Await(ctx, started)
	if err != nil {
		return err
	}
	if done.Status != job.Succeeded {
		if done.Error != nil {
			return done.Error
		}
		return fault.New(fault.Precondition, "Job %s ended as %s.", done.ID, done.Status).WithHint("Read it with: left4me job log %s", done.ID)
	}
	return nil
}
