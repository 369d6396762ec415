package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/schedule"
)

func TestNextTimes(t *testing.T) {
	from := time.Date(2026, 10, 24, 1, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		cron, zone, want string
	}{
		"every day, over the change of the clock": {"30 4 * * *", "Europe/Berlin", "2026-10-24T04:30:00+02:00 2026-10-25T04:30:00+01:00"},
		"never": {"0 0 30 2 *", "UTC", ""},
		"none":  {"", "", ""},
	} {
		got, err := schedule.NextTimes(tt.cron, tt.zone, from, 2)
		var texts []string
		for _, at := range got {
			texts = append(texts, at.Format(time.RFC3339))
		}
		if text := strings.Join(texts, " "); err != nil || text != tt.want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for _, bad := range [][2]string{{"61 * * * *", ""}, {"0 5 * * *", "Mars/Olympus"}, {"TZ=UTC 0 5 * * *", ""}} {
		if _, err := schedule.NextTimes(bad[0], bad[1], from, 2); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
