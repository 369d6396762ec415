package builder

import (
	"context"
	"slices"
	"sync"
)

// running knows the builds that run, so that they can be canceled by id. The zero value is ready.
type running struct {
	mu     sync.Mutex
	builds map[string][]*oneBuild // more than one only if a host gives an id twice
}

type oneBuild struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// begin returns the context of a build and the function that says it has ended.
func (r *running) begin(ctx context.Context, id string) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	b := &oneBuild{cancel: cancel, ended: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.builds == nil {
		r.builds = map[string][]*oneBuild{}
	}
	r.builds[id] = append(r.builds[id], b)
	return ctx, func() { r.end(id, b) }
}

func (r *running) end(id string, b *oneBuild) {
	b.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.builds[id] = slices.DeleteFunc(r.builds[id], func(other *oneBuild) bool { return other == b })
	if len(r.builds[id]) == 0 {
		delete(r.builds, id)
	}
	close(b.ended)
}

// cancel cancels the builds of an id, waits until they have ended, and tells whether there were any.
func (r *running) cancel(ctx context.Context, id string) (existed bool, err error) {
	r.mu.Lock()
	builds := slices.Clone(r.builds[id])
	r.mu.Unlock()
	for _, b := range builds {
		b.cancel()
	}
	for _, b := range builds {
		select {
		case <-b.ended:
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
	return len(builds) > 0, nil
}
