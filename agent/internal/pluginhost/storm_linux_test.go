package pluginhost_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
)

// TestStorm: many callers while the plugin is killed, frozen and restarted at random moments. Every call
// comes back, with an answer or with a fault that says that the plugin was away.
func TestStorm(t *testing.T) {
	r := newRig(t, func(o *pluginhost.Options) {
		o.Timing.HealthEvery, o.Timing.HealthDeadline, o.Timing.HealthMisses = 50*time.Millisecond, 200*time.Millisecond, 2
		o.Timing.BreakerDeaths = 1000
	}, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	answered := make([]int, 8)
	for n := range answered {
		callers.Go(func() {
			for ctx.Err() == nil {
				var err error
				if n%2 == 0 {
					_, err = b.Validate(context.Background(), json.RawMessage(`{}`))
				} else {
					_, err = b.Build(context.Background(), doing("work"), &recorder{})
				}
				if err == nil {
					answered[n]++
				} else if f, ok := fault.Of(err); !ok || f.Code != fault.Unavailable || f.Source != "plugin:overlay-x" {
					t.Errorf("caller %d got %v", n, err)
				}
			}
		})
	}
	torment(t, r)
	cancel()
	callers.Wait()
	for n, count := range answered {
		if count == 0 {
			t.Errorf("caller %d never got an answer", n)
		}
	}
}

// torment kills, freezes and restarts the plugin at random moments.
func torment(t *testing.T, r *rig) {
	t.Helper()
	for n := range 12 {
		s := r.await("overlay-x", "ready", func(s pluginhost.Status) bool { return s.State == pluginhost.Ready && s.PID != 0 })
		time.Sleep(rand.N(30 * time.Millisecond)) // a random moment is the point
		switch n % 3 {
		case 0:
			_ = unix.Kill(s.PID, unix.SIGKILL)
		case 1:
			_ = unix.Kill(s.PID, unix.SIGSTOP)
		case 2:
			if err := r.Restart(t.Context(), "overlay-x"); err != nil {
				t.Error(err)
			}
			continue
		}
		r.await("overlay-x", "another run", func(now pluginhost.Status) bool { return now.Restarts > s.Restarts })
	}
}
