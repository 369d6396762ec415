package pluginhost

import (
	"math/rand/v2"
	"time"
)

// policy decides what happens after a plugin ended: how long to wait, or to give up.
type policy struct {
	timing Timing
	pause  time.Duration // of the next wait, before jitter
	deaths []time.Time   // within the window
	jitter func() float64
}

func newPolicy(timing Timing) *policy {
	return &policy{timing: timing, jitter: rand.Float64}
}

// reset forgets the past.
func (p *policy) reset() { p.pause, p.deaths = 0, nil }

// failed notes an end at now after a healthy time of lived and returns the pause before the next start.
// A failure to reach a plugin that others start is no death: it never gives up.
func (p *policy) failed(now time.Time, lived time.Duration, death bool) (pause time.Duration, giveUp bool) {
	if lived >= p.timing.Stable {
		p.pause = 0
	}
	if death {
		p.deaths = append(p.deaths, now)
		for len(p.deaths) > 0 && now.Sub(p.deaths[0]) > p.timing.BreakerWindow {
			p.deaths = p.deaths[1:]
		}
		if len(p.deaths) >= p.timing.BreakerDeaths {
			return 0, true
		}
	}
	p.pause = min(max(2*p.pause, p.timing.BackoffMin), p.timing.BackoffMax)
	// Up to a fifth less, so that plugins that died together do not start together.
	return time.Duration(float64(p.pause) * (1 - p.jitter()/5)), false
}
