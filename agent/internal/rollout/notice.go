package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// noticeTimes are how long before the deadline players are told, the longest first.
var noticeTimes = [...]time.Duration{30 * time.Minute, 10 * time.Minute, 5 * time.Minute, time.Minute, 10 * time.Second}

// forever stands for the notice that has no time in it.
const forever = time.Duration(-1)

// notify tells the players of a server what will happen: once when they are first seen, and again as the deadline comes
// near. left is below 0 without a deadline. A notice that cannot be given is logged; the rollout goes on.
func (r *rollout) notify(ctx context.Context, v server.View, left time.Duration) {
	due := forever
	if left >= 0 {
		due = left
		for _, at := range noticeTimes {
			if left <= at {
				due = at
			}
		}
	}
	last, told := r.told[v.ID]
	// Within one span nobody is told twice; beyond the longest one there is a single notice.
	if told && (last == due || due > noticeTimes[0]) {
		return
	}
	r.told[v.ID] = due
	text := "An update of the game waits. This server restarts when it is empty."
	if left >= 0 {
		text = fmt.Sprintf("An update of the game waits. This server restarts when it is empty, at the latest in %s.", span(left))
	}
	if err := r.Servers.Say(ctx, r.run.Job().Actor, v.Name, text); err != nil {
		r.run.Logf("warn", "The players of %s could not be told: %v", v.Name, err)
		return
	}
	r.run.Logf("info", "Told the players of %s: %s", v.Name, text)
}

// span says a time as people do.
func span(d time.Duration) string {
	switch {
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", (d+30*time.Minute)/time.Hour)
	case d >= 90*time.Second:
		return fmt.Sprintf("%d minutes", (d+30*time.Second)/time.Minute)
	case d >= 50*time.Second:
		return "1 minute"
	}
	return fmt.Sprintf("%d seconds", max((d+time.Second/2)/time.Second, 1))
}
