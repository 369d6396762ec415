package sdk_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/left4me/left4me/sdk"
)

func TestHealthReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		reporter := &sdk.HealthReporter{}
		var got []sdk.HealthState
		ended := make(chan error)
		go func() {
			ended <- reporter.WatchHealth(ctx, func(h sdk.Health) error {
				got = append(got, h.State)
				return nil
			})
		}()
		synctest.Wait()
		for _, state := range []sdk.HealthState{
			sdk.HealthUnhealthy, sdk.HealthUnhealthy, sdk.HealthUndetected, sdk.HealthHealthy,
		} {
			reporter.Set(sdk.Health{State: state})
			synctest.Wait()
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("the watch ended without an error")
		}
		equal(t, "states", got, []sdk.HealthState{
			sdk.HealthHealthy, sdk.HealthUnhealthy, sdk.HealthUndetected, sdk.HealthHealthy,
		})
	})
}
