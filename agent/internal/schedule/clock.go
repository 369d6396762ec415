package schedule

import (
	"context"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// clock is what Watch knows: the enabled schedules, and what to wake up for.
type clock struct {
	wake  chan struct{}
	armed atomic.Pointer[armed]

	mu    sync.Mutex
	fired map[string]time.Time // by schedule and server, for cooldowns
	queue []Happening
}

// armed is one look at the store.
type armed struct {
	timed  []timed
	events []waiting
	lines  bool // some schedule looks at console lines
}

type timed struct {
	id   string
	next time.Time
}

type waiting struct {
	schedule Schedule
	match    *regexp.Regexp
}

func newClock() clock { return clock{wake: make(chan struct{}, 1), fired: map[string]time.Time{}} }

func (c *clock) changed() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// maxQueued bounds what happens faster than it can be looked at. More is lost, which the log says.
const maxQueued = 1000

// Notify tells of something that happened. It does not block, and costs nothing when no schedule waits for it.
func (m *Manager) Notify(what Happening) {
	a := m.clock.armed.Load()
	if a == nil || what.Cause == OnConsole && !a.lines {
		return
	}
	for _, w := range a.events {
		if w.wants(what) {
			m.clock.mu.Lock()
			full := len(m.clock.queue) >= maxQueued
			if !full {
				m.clock.queue = append(m.clock.queue, what)
			}
			m.clock.mu.Unlock()
			if full {
				m.Log.Warn("too much happens for the schedules", "lost", what.Cause)
			}
			m.clock.changed()
			return
		}
	}
}

// Listens reports whether console lines are of interest at present.
func (m *Manager) Listens() bool {
	a := m.clock.armed.Load()
	return a != nil && a.lines
}

func (w waiting) wants(what Happening) bool {
	t := w.schedule.Trigger
	return t.On == what.Cause && (t.Server == "" || t.Server == what.Server) && (w.match == nil || w.match.MatchString(what.Text))
}

// Watch fires schedules until ctx ends. Call it once.
func (m *Manager) Watch(ctx context.Context) error {
	first := true
	for {
		a, err := m.arm(ctx, first)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			m.Log.Error("read schedules", "error", err)
		} else {
			m.clock.armed.Store(a)
			first = false
		}
		m.fireHappened(ctx)
		timer := time.NewTimer(m.untilNext(a))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-m.clock.wake:
			timer.Stop()
		case <-timer.C:
		}
		if a != nil {
			m.fireDue(ctx, a)
		}
	}
}

// recheck bounds how long the clock sleeps: the host's clock can be set meanwhile.
const recheck = time.Minute

func (m *Manager) untilNext(a *armed) time.Duration {
	wait := recheck
	if a == nil {
		return 5 * time.Second
	}
	for _, t := range a.timed {
		wait = min(wait, t.next.Sub(m.Now()))
	}
	return max(wait, 100*time.Millisecond) // one that cannot be fired must not spin
}

// arm reads the store. At the start of the agent, times that were missed count as due when CatchUp says so.
func (m *Manager) arm(ctx context.Context, first bool) (*armed, error) {
	schedules, err := m.Store.Schedules(ctx)
	if err != nil {
		return nil, err
	}
	before := m.clock.armed.Load()
	a := &armed{}
	for _, s := range schedules {
		if !s.Enabled {
			continue
		}
		if s.Trigger.Cron == "" {
			match, err := s.Trigger.matcher()
			if err != nil {
				continue
			}
			a.events = append(a.events, waiting{schedule: s, match: match})
			a.lines = a.lines || s.Trigger.On == OnConsole
			continue
		}
		if next, ok := m.next(s, before, first); ok {
			a.timed = append(a.timed, timed{id: s.ID, next: next})
		}
	}
	return a, nil
}

// next is when a schedule is due. One that is due already, but was not fired yet, stays due.
func (m *Manager) next(s Schedule, before *armed, first bool) (time.Time, bool) {
	times, err := s.Trigger.times()
	if err != nil {
		m.Log.Warn("schedule cannot run", "schedule", s.Name, "error", err)
		return time.Time{}, false
	}
	from := m.Now()
	if first && s.CatchUp {
		from = later(s.LastFired, s.UpdatedAt)
	}
	if before != nil {
		for _, t := range before.timed {
			if t.id == s.ID && s.LastFired.Before(t.next) && !t.next.After(from) && s.UpdatedAt.Before(t.next) {
				return t.next, true
			}
		}
	}
	next := times.Next(from)
	return next, !next.IsZero()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// NextRun is when a schedule fires next; zero when it does not by time.
func (m *Manager) NextRun(s Schedule) time.Time {
	if !s.Enabled || s.Trigger.Cron == "" {
		return time.Time{}
	}
	times, err := s.Trigger.times()
	if err != nil {
		return time.Time{}
	}
	return times.Next(m.Now())
}

func (m *Manager) fireDue(ctx context.Context, a *armed) {
	now := m.Now()
	for _, t := range a.timed {
		if t.next.After(now) {
			continue
		}
		late := ""
		if now.Sub(t.next) > 2*recheck {
			late = " It was due at " + t.next.Format(time.DateTime) + " and is made up for."
		}
		m.tryFire(ctx, t.id, Happening{Text: "It is time." + late})
	}
}

func (m *Manager) fireHappened(ctx context.Context) {
	m.clock.mu.Lock()
	happened := m.clock.queue
	m.clock.queue = nil
	m.clock.mu.Unlock()
	a := m.clock.armed.Load()
	if a == nil {
		return
	}
	for _, what := range happened {
		for _, w := range a.events {
			if w.wants(what) && m.cooled(w.schedule, what.Server) {
				m.tryFire(ctx, w.schedule.ID, what)
			}
		}
	}
}

// cooled reports whether a schedule may fire for a server again, and takes note that it does.
func (m *Manager) cooled(s Schedule, server string) bool {
	pause := s.Trigger.Cooldown
	if pause == 0 {
		pause = DefaultPause
	}
	m.clock.mu.Lock()
	defer m.clock.mu.Unlock()
	key, now := s.ID+"/"+server, m.Now()
	if last, ok := m.clock.fired[key]; ok && now.Sub(last) < pause {
		return false
	}
	m.clock.fired[key] = now
	return true
}

func (m *Manager) tryFire(ctx context.Context, scheduleID string, what Happening) {
	if _, err := m.fire(ctx, scheduleID, "", what, false); err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
		m.Log.Error("fire schedule", "schedule", scheduleID, "error", err)
	}
}

// fire queues the job of a schedule. One that was switched off meanwhile does not fire unless forced.
func (m *Manager) fire(ctx context.Context, scheduleID, actor string, what Happening, forced bool) (job.Job, error) {
	var queued job.Job
	err := m.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ScheduleByID(ctx, scheduleID)
		if err != nil || !s.Enabled && !forced {
			return err
		}
		spec := job.Spec{Kind: KindRun, Subject: "schedule/" + s.ID, Label: "schedule/" + s.Name, Actor: actor,
			Params: params{Schedule: s.ID, What: what}, Coalesce: s.Overlap == OverlapSkip}
		var existed bool
		if queued, existed, err = tx.AddJob(ctx, spec); err != nil {
			return err
		}
		s.LastFired = m.Now()
		if existed {
			if err := tx.AddEvent(ctx, m.event("schedule.skipped", s, actor, "Not run: the last time is not done yet. "+what.Text)); err != nil {
				return err
			}
		}
		s.LastJob = queued.ID
		return tx.PutSchedule(ctx, s)
	})
	m.Jobs.Wake()
	return queued, err
}

// Forget switches off the schedules that name a server which is gone, and says why.
func (m *Manager) Forget(ctx context.Context, server string) error {
	err := m.Store.Update(ctx, func(tx Tx) error {
		schedules, err := tx.Schedules(ctx)
		if err != nil {
			return err
		}
		for _, s := range schedules {
			if !s.Enabled || !s.names(server) {
				continue
			}
			s.Enabled, s.Reason = false, "Server \""+server+"\" was deleted."
			if err := m.put(ctx, tx, s, "schedule.edited", "", "Schedule switched off: "+s.Reason); err != nil {
				return err
			}
		}
		return nil
	})
	m.clock.changed()
	return err
}

func (s Schedule) names(server string) bool {
	if s.Trigger.Server == server || s.Conditions.Server == server {
		return true
	}
	for _, a := range s.Actions {
		if a.Server == server {
			return true
		}
	}
	return false
}
