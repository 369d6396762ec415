package schedule

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/job"
)

// Options of a Manager. Store, Jobs and Actor are required.
type Options struct {
	Store Store
	Jobs  Jobs
	Actor Actor
	Log   *slog.Logger
	Now   func() time.Time
}

// Manager keeps schedules and fires them. It is safe for concurrent use.
type Manager struct {
	Options
	clock clock
}

// New returns a Manager. Its Handlers must be registered with the job engine, and Watch must run while the agent
// does.
func New(options Options) *Manager {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Manager{Options: options, clock: newClock()}
}

// Create adds a schedule; ID and times of s are made here. Invalid: a value; Conflict: the name is taken.
func (m *Manager) Create(ctx context.Context, actor string, s Schedule) (Schedule, error) {
	now := m.Now()
	s.ID, s.CreatedAt, s.UpdatedAt, s.LastFired, s.LastJob, s.Reason = id.New(), now, now, time.Time{}, "", ""
	s.Overlap = cmp.Or(s.Overlap, OverlapSkip)
	if err := s.check(ctx, m.Actor); err != nil {
		return Schedule{}, err
	}
	err := m.Store.Update(ctx, func(tx Tx) error { return m.put(ctx, tx, s, "schedule.created", actor, "Schedule created.") })
	m.clock.changed()
	return s, err
}

// Edit changes a schedule with change, which gets a copy without its Reason. A webhook's address that comes back masked
// stays.
func (m *Manager) Edit(ctx context.Context, actor, name string, change func(*Schedule)) (Schedule, error) {
	before, err := m.Store.ScheduleByName(ctx, name)
	if err != nil {
		return Schedule{}, err
	}
	after := before
	after.Reason = ""
	change(&after)
	unmask(before.Actions, after.Actions)
	after.Overlap, after.UpdatedAt = cmp.Or(after.Overlap, OverlapSkip), m.Now()
	if err := after.check(ctx, m.Actor); err != nil {
		return Schedule{}, err
	}
	err = m.Store.Update(ctx, func(tx Tx) error {
		now, err := tx.ScheduleByID(ctx, before.ID)
		if err != nil {
			return err
		}
		after.LastJob, after.LastFired = now.LastJob, now.LastFired
		return m.put(ctx, tx, after, "schedule.edited", actor, said(before, after))
	})
	m.clock.changed()
	return after, err
}

func said(before, after Schedule) string {
	switch {
	case !after.Enabled && after.Reason != "":
		return "Schedule switched off: " + after.Reason
	case before.Enabled && !after.Enabled:
		return "Schedule switched off."
	case !before.Enabled && after.Enabled:
		return "Schedule switched on."
	}
	return "Schedule edited."
}

// Delete removes a schedule. A job of it that is under way goes on.
func (m *Manager) Delete(ctx context.Context, actor, name string) error {
	err := m.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ScheduleByName(ctx, name)
		if err != nil {
			return err
		}
		if err := tx.DeleteSchedule(ctx, s.ID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("schedule.deleted", s, actor, "Schedule deleted."))
	})
	m.clock.changed()
	return err
}

// Run fires a schedule now, whether it is enabled or not. server stands for the one of the trigger.
func (m *Manager) Run(ctx context.Context, actor, name, server string) (job.Job, error) {
	s, err := m.Store.ScheduleByName(ctx, name)
	if err != nil {
		return job.Job{}, err
	}
	if s.Trigger.Server != "" {
		server = s.Trigger.Server
	}
	if server == "" && s.needsServer() {
		return job.Job{}, fault.New(fault.Invalid, "Schedule %q acts on the server that set it off: name one.", name).WithField("server")
	}
	return m.fire(ctx, s.ID, actor, Happening{Server: server, Text: "Run by hand."}, true)
}

func (s Schedule) needsServer() bool {
	for _, a := range s.Actions {
		if k, _ := kind(a.Kind); k.Server && a.Server == "" {
			return true
		}
	}
	return false
}

func (m *Manager) put(ctx context.Context, tx Tx, s Schedule, kind, actor, message string) error {
	if err := tx.PutSchedule(ctx, s); err != nil {
		return err
	}
	return tx.AddEvent(ctx, m.event(kind, s, actor, message))
}

func (m *Manager) event(kind string, s Schedule, actor, message string) event.Event {
	return event.Event{Time: m.Now(), Kind: kind, Subject: "schedule/" + s.Name, Actor: actor, Message: message}
}

// Mask hides the secret part of a webhook's address.
func Mask(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	return scheme + "://" + host + "/…"
}

// unmask puts the addresses back that a person saw masked.
func unmask(before, after []Action) {
	for i := range after {
		masked := func(old Action) bool { return after[i].URL != "" && after[i].URL == Mask(old.URL) }
		if i < len(before) && masked(before[i]) { // two addresses of one host look alike
			after[i].URL = before[i].URL
		} else if at := slices.IndexFunc(before, masked); at >= 0 {
			after[i].URL = before[at].URL
		}
	}
}
