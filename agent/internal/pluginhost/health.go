package pluginhost

import (
	"context"
	"time"

	"github.com/left4me/left4me/sdk"
)

// healthGap is the least time between two health reports: a plugin that changes its mind all the time
// is read no faster.
const healthGap = 100 * time.Millisecond

// reportHealth passes on what the plugin says about itself until ctx ends.
func (i *instance) reportHealth(ctx context.Context, reports chan<- sdk.Health) {
	for {
		err := i.base.WatchHealth(ctx, func(h sdk.Health) error {
			select {
			case reports <- cleanHealth(h):
			case <-ctx.Done():
				return ctx.Err()
			}
			return pauseFor(ctx, healthGap)
		})
		if sdk.CodeOf(err) == sdk.CodePrecondition {
			return // it has no health to report
		}
		if pauseFor(ctx, i.timing.HealthEvery) != nil {
			return
		}
	}
}

// checkHealth asks at every interval whether the plugin is alive, until ctx ends.
func (i *instance) checkHealth(ctx context.Context, results chan<- error) {
	for pauseFor(ctx, i.timing.HealthEvery) == nil {
		err := i.check(ctx)
		select {
		case results <- err:
		case <-ctx.Done():
			return
		}
	}
}

// pauseFor waits; it returns the error of ctx if that ends first.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
