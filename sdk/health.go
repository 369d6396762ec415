package sdk

import (
	"context"
	"maps"
	"sync"
)

// HealthReporter keeps the present health of a plugin and tells watchers about changes. It implements
// WatchHealth of [Base]. The zero value is healthy. It is safe for concurrent use.
type HealthReporter struct {
	mu      sync.Mutex
	set     bool
	present Health
	changed chan struct{}
}

// Set replaces the present health and tells every watcher, unless nothing changed.
func (r *HealthReporter) Set(health Health) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set && sameHealth(r.present, health) {
		return
	}
	health.Attributes = maps.Clone(health.Attributes)
	r.present, r.set = health, true
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// WatchHealth calls report with the present health and then after each change, until ctx ends. A slow
// watcher skips states that did not last.
func (r *HealthReporter) WatchHealth(ctx context.Context, report func(Health) error) error {
	for {
		health, changed := r.get()
		if err := report(health); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *HealthReporter) get() (Health, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	if !r.set {
		return Health{State: HealthHealthy}, r.changed
	}
	health := r.present
	health.Attributes = maps.Clone(health.Attributes)
	return health, r.changed
}

func sameHealth(a, b Health) bool {
	return a.State == b.State && a.Description == b.Description && maps.Equal(a.Attributes, b.Attributes)
}
