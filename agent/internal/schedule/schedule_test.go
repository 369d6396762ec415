package schedule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/schedule"
)

// book is a store in memory that remembers which jobs were queued. busy makes the last job count as not done.
type book struct {
	mu        sync.Mutex
	schedules map[string]schedule.Schedule
	queued    []job.Spec
	events    []event.Event
	busy      bool
	broken    bool
}

func newBook() *book { return &book{schedules: map[string]schedule.Schedule{}} }

func (b *book) ScheduleByName(_ context.Context, name string) (schedule.Schedule, error) {
	return b.find(func(s schedule.Schedule) bool { return s.Name == name })
}

func (b *book) ScheduleByID(_ context.Context, id string) (schedule.Schedule, error) {
	return b.find(func(s schedule.Schedule) bool { return s.ID == id })
}

func (b *book) find(match func(schedule.Schedule) bool) (schedule.Schedule, error) {
	for _, s := range b.schedules {
		if match(s) {
			return s, nil
		}
	}
	return schedule.Schedule{}, fault.New(fault.NotFound, "There is no such schedule.")
}

func (b *book) Schedules(context.Context) ([]schedule.Schedule, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []schedule.Schedule
	for _, s := range b.schedules {
		out = append(out, s)
	}
	return out, nil
}

func (b *book) Update(_ context.Context, change func(schedule.Tx) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return fmt.Errorf("disk is full")
	}
	return change(bookTx{b})
}

type bookTx struct{ *book }

func (b bookTx) Schedules(context.Context) ([]schedule.Schedule, error) {
	var out []schedule.Schedule
	for _, s := range b.schedules {
		out = append(out, s)
	}
	return out, nil
}

func (b bookTx) PutSchedule(_ context.Context, s schedule.Schedule) error {
	b.schedules[s.ID] = s
	return nil
}

func (b bookTx) DeleteSchedule(_ context.Context, id string) error {
	delete(b.schedules, id)
	return nil
}

func (b bookTx) AddJob(_ context.Context, spec job.Spec) (job.Job, bool, error) {
	if b.busy && spec.Coalesce {
		return job.Job{ID: "busy"}, true, nil
	}
	b.queued = append(b.queued, spec)
	return job.Job{ID: fmt.Sprint("job", len(b.queued))}, false, nil
}

func (b bookTx) AddEvent(_ context.Context, e event.Event) error {
	b.events = append(b.events, e)
	return nil
}

func (b *book) Wake() {}

func (b *book) breaks(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

// runs says how often jobs were queued.
func (b *book) runs() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queued)
}

// doer is an actor that writes down what it was asked.
type doer struct {
	mu    sync.Mutex
	facts schedule.Facts
	did   []string
	fails string
}

func (d *doer) Do(_ context.Context, _ string, a schedule.Action, what schedule.Happening) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.Kind == d.fails {
		return "", fault.New(fault.Unavailable, "It is broken.")
	}
	d.did = append(d.did, strings.TrimSpace(a.Kind+" "+a.Server+" "+a.Text))
	return "", nil
}

func (d *doer) Facts(_ context.Context, server string) (schedule.Facts, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.facts, nil
}

func (d *doer) Check(_ context.Context, a schedule.Action) error {
	if a.Server == "nobody" {
		return fault.New(fault.NotFound, "There is no server %q.", a.Server)
	}
	return nil
}

func restart(t schedule.Trigger) schedule.Schedule {
	return schedule.Schedule{Name: "nightly", Enabled: true, Trigger: t, Actions: []schedule.Action{{Kind: "restart", Server: "alpha"}}}
}

// watched runs check while a manager watches over b. Time is the bubble's own.
func watched(t *testing.T, b *book, check func(m *schedule.Manager)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m := schedule.New(schedule.Options{Store: b, Jobs: b, Actor: &doer{}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := m.Watch(ctx); err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	check(m)
	cancel()
	<-ended
}

func create(t *testing.T, m *schedule.Manager, s schedule.Schedule) schedule.Schedule {
	t.Helper()
	made, err := m.Create(t.Context(), "ann", s)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return made
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			create(t, m, restart(schedule.Trigger{Cron: "*/10 * * * *", Zone: "UTC"})) // the bubble begins at midnight UTC
			time.Sleep(9 * time.Minute)
			if b.runs() != 0 {
				t.Error("it ran before its time")
			}
			time.Sleep(time.Hour)
			if b.runs() != 6 {
				t.Errorf("ran %d times in an hour, want 6", b.runs())
			}
			off := false
			if _, err := m.Edit(t.Context(), "ann", "nightly", func(s *schedule.Schedule) { s.Enabled = off }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if b.runs() != 6 {
				t.Error("it ran although it was switched off")
			}
		})
	})
}

func TestZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // midnight UTC on 2000-01-01 is 09:00 in Tokyo
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			create(t, m, restart(schedule.Trigger{Cron: "0 10 * * *", Zone: "Asia/Tokyo"}))
			time.Sleep(59 * time.Minute)
			before := b.runs()
			time.Sleep(2 * time.Minute)
			if before != 0 || b.runs() != 1 {
				t.Errorf("ran %d times before and %d times after 10:00 in Tokyo", before, b.runs())
			}
		})
	})
}

// A time that was missed is made up for, once, where that is wanted.
func TestCatchUp(t *testing.T) {
	for catchUp, want := range map[bool]int{true: 1, false: 0} {
		synctest.Test(t, func(t *testing.T) {
			b := newBook()
			watched(t, b, func(m *schedule.Manager) {
				s := restart(schedule.Trigger{Cron: "0 5 * * *", Zone: "UTC"})
				s.CatchUp = catchUp
				create(t, m, s)
			})
			time.Sleep(50 * time.Hour) // the agent is down; two times go by
			watched(t, b, func(*schedule.Manager) {
				time.Sleep(time.Second)
				if b.runs() != want {
					t.Errorf("catch up %v: ran %d times, want %d", catchUp, b.runs(), want)
				}
				time.Sleep(24 * time.Hour)
				if b.runs() != want+1 {
					t.Errorf("catch up %v: ran %d times after a day, want %d", catchUp, b.runs(), want+1)
				}
			})
			watched(t, b, func(*schedule.Manager) {
				time.Sleep(time.Second)
				if b.runs() != want+1 {
					t.Error("a restart of the agent made it run again")
				}
			})
		})
	}
}

func TestOverlap(t *testing.T) {
	for overlap, want := range map[schedule.Overlap]int{schedule.OverlapSkip: 0, schedule.OverlapQueue: 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newBook()
			b.busy = true
			watched(t, b, func(m *schedule.Manager) {
				s := restart(schedule.Trigger{Cron: "@hourly"})
				s.Overlap = overlap
				create(t, m, s)
				time.Sleep(3*time.Hour + time.Minute)
				if b.runs() != want {
					t.Errorf("%s: %d jobs, want %d", overlap, b.runs(), want)
				}
				skipped := slices.ContainsFunc(b.events, func(e event.Event) bool { return e.Kind == "schedule.skipped" })
				if skipped != (overlap == schedule.OverlapSkip) {
					t.Errorf("%s: skipped = %v", overlap, skipped)
				}
			})
		})
	}
}

func TestHappenings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			s := restart(schedule.Trigger{On: schedule.OnConsole, Server: "alpha", Match: "^Segmentation"})
			s.Actions[0].Server = ""
			create(t, m, s)
			if !m.Listens() {
				t.Error("it waits for console lines")
			}
			tell := func(server, text string) {
				m.Notify(schedule.Happening{Cause: schedule.OnConsole, Server: server, Text: text})
				synctest.Wait()
			}
			tell("beta", "Segmentation fault")
			tell("alpha", "no Segmentation fault")
			if b.runs() != 0 {
				t.Fatal("set off by something else")
			}
			tell("alpha", "Segmentation fault")
			tell("alpha", "Segmentation fault")
			if b.runs() != 1 {
				t.Errorf("ran %d times within its pause, want 1", b.runs())
			}
			time.Sleep(schedule.DefaultPause)
			tell("alpha", "Segmentation fault")
			if b.runs() != 2 {
				t.Errorf("ran %d times after its pause, want 2", b.runs())
			}
		})
	})
}

// A store that fails must neither stop the clock nor make it spin.
func TestBrokenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			create(t, m, restart(schedule.Trigger{Cron: "0 1 * * *", Zone: "UTC"}))
			b.breaks(true)
			time.Sleep(61 * time.Minute)
			b.breaks(false)
			time.Sleep(time.Minute)
			if b.runs() != 1 {
				t.Errorf("ran %d times, want once when the store was back", b.runs())
			}
		})
	})
}

func TestDeletedServerSwitchesOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			create(t, m, restart(schedule.Trigger{Cron: "@hourly"}))
			if err := m.Forget(t.Context(), "alpha"); err != nil {
				t.Fatal(err)
			}
			s, _ := b.ScheduleByName(t.Context(), "nightly")
			if s.Enabled || !strings.Contains(s.Reason, "alpha") {
				t.Errorf("schedule = %+v", s)
			}
			time.Sleep(2 * time.Hour)
			if b.runs() != 0 {
				t.Error("it acts on a name that may be somebody else's by now")
			}
		})
	})
}

func TestRefuses(t *testing.T) {
	one, two := 1, 2
	m := schedule.New(schedule.Options{Store: newBook(), Jobs: newBook(), Actor: &doer{}})
	base := func() schedule.Schedule { return restart(schedule.Trigger{Cron: "@daily"}) }
	for name, change := range map[string]func(*schedule.Schedule){
		"name":                  func(s *schedule.Schedule) { s.Name = "../x" },
		"no trigger":            func(s *schedule.Schedule) { s.Trigger.Cron = "" },
		"two triggers":          func(s *schedule.Schedule) { s.Trigger.On = schedule.OnEmpty },
		"no cron":               func(s *schedule.Schedule) { s.Trigger.Cron = "61 * * * *" },
		"six fields":            func(s *schedule.Schedule) { s.Trigger.Cron = "0 0 * * * *" },
		"zone inside":           func(s *schedule.Schedule) { s.Trigger.Cron = "CRON_TZ=UTC 0 0 * * *" },
		"zone":                  func(s *schedule.Schedule) { s.Trigger.Zone = "Mars/Olympus" },
		"zone that is a path":   func(s *schedule.Schedule) { s.Trigger.Zone = "../../etc/passwd" },
		"cause":                 func(s *schedule.Schedule) { s.Trigger = schedule.Trigger{On: "sunrise"} },
		"match without console": func(s *schedule.Schedule) { s.Trigger = schedule.Trigger{On: schedule.OnEmpty, Match: "x"} },
		"console without match": func(s *schedule.Schedule) { s.Trigger = schedule.Trigger{On: schedule.OnConsole} },
		"match":                 func(s *schedule.Schedule) { s.Trigger = schedule.Trigger{On: schedule.OnConsole, Match: "("} },
		"long match": func(s *schedule.Schedule) {
			s.Trigger = schedule.Trigger{On: schedule.OnConsole, Match: strings.Repeat("x", 201)}
		},
		"no action":               func(s *schedule.Schedule) { s.Actions = nil },
		"many actions":            func(s *schedule.Schedule) { s.Actions = slices.Repeat(s.Actions, 21) },
		"kind":                    func(s *schedule.Schedule) { s.Actions[0].Kind = "format" },
		"no server":               func(s *schedule.Schedule) { s.Actions[0].Server = "" },
		"server of nobody":        func(s *schedule.Schedule) { s.Actions[0].Server = "nobody" },
		"no text":                 func(s *schedule.Schedule) { s.Actions[0].Kind = "say" },
		"no url":                  func(s *schedule.Schedule) { s.Actions[0] = schedule.Action{Kind: "webhook"} },
		"long pause":              func(s *schedule.Schedule) { s.Actions[0].After = 2 * time.Hour },
		"overlap":                 func(s *schedule.Schedule) { s.Overlap = "pile" },
		"conditions about nobody": func(s *schedule.Schedule) { s.Conditions.MaxPlayers = &one },
		"players": func(s *schedule.Schedule) {
			s.Conditions = schedule.Conditions{Server: "alpha", MinPlayers: &two, MaxPlayers: &one}
		},
		"long wait": func(s *schedule.Schedule) { s.Conditions.Wait = 25 * time.Hour },
	} {
		s := base()
		change(&s)
		if _, err := m.Create(t.Context(), "ann", s); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Create(t.Context(), "ann", base()); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

func TestMaskedAddressStays(t *testing.T) {
	b := newBook()
	m := schedule.New(schedule.Options{Store: b, Jobs: b, Actor: &doer{}})
	s := schedule.Schedule{Name: "hook", Trigger: schedule.Trigger{On: schedule.OnCrashed},
		Actions: []schedule.Action{{Kind: "webhook", URL: "https://user@example.org/api/secret"}}}
	if _, err := m.Create(t.Context(), "ann", s); err != nil {
		t.Fatal(err)
	}
	masked := schedule.Mask(s.Actions[0].URL)
	if masked != "https://example.org/…" {
		t.Errorf("masked = %q", masked)
	}
	changed, err := m.Edit(t.Context(), "ann", "hook", func(s *schedule.Schedule) {
		s.Actions = []schedule.Action{{Kind: "webhook", URL: masked, Format: "discord"}}
	})
	if err != nil || changed.Actions[0].URL != "https://user@example.org/api/secret" || changed.Actions[0].Format != "discord" {
		t.Errorf("changed = %+v (%v)", changed.Actions, err)
	}
	if data, _ := json.Marshal(b.events); strings.Contains(string(data), "secret") {
		t.Error("an event holds the secret")
	}
}
