package schedule_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/internal/schedule"
)

// Who switches a schedule off for somebody says why. The reason stands in the record and lasts until the next change, and
// the schedule does nothing meanwhile.
func TestSwitchedOffWithAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		watched(t, b, func(m *schedule.Manager) {
			create(t, m, restart(schedule.Trigger{Cron: "@hourly", Zone: "UTC"}))
			held, err := m.Edit(t.Context(), "panel", "nightly", func(s *schedule.Schedule) { s.Enabled, s.Reason = false, "bob may not." })
			if err != nil || held.Enabled || held.Reason != "bob may not." {
				t.Fatalf("%+v, %v", held, err)
			}
			b.mu.Lock()
			last := b.events[len(b.events)-1]
			b.mu.Unlock()
			if last.Message != "Schedule switched off: bob may not." || last.Actor != "panel" {
				t.Errorf("recorded: %+v", last)
			}
			time.Sleep(3 * time.Hour)
			if b.runs() != 0 {
				t.Errorf("it ran %d times", b.runs())
			}
			on, err := m.Edit(t.Context(), "ann", "nightly", func(s *schedule.Schedule) { s.Enabled, s.Owner = true, "ann" })
			if err != nil || on.Reason != "" || on.Owner != "ann" {
				t.Errorf("switched on: %+v, %v", on, err)
			}
			time.Sleep(61 * time.Minute)
			if b.runs() != 1 {
				t.Errorf("it ran %d times in an hour after that, want once", b.runs())
			}
		})
	})
}
