package sdk

import (
	"context"
	"strings"
	"sync"
	"time"
)

// endGrace is how long a canceled call may take to return: what a builder promises.
const endGrace = 2 * time.Second

// gate lets calls of the plugin's kind through once it is configured and until it is drained, and
// counts them. go-plugin's own stop does not wait for running calls, so the SDK must.
type gate struct {
	mu         sync.Mutex
	configured bool
	draining   bool
	next       int
	calls      map[int]*call
	idle       chan struct{} // closed while no call is running
}

type call struct {
	cancel context.CancelCauseFunc
	watch  bool // a subscription: never ends by itself and is not work
}

// errDrained is the cause of the context of a call that Drain ended.
var errDrained = Errorf(CodeCanceled, "The plugin is shutting down.")

func newGate() *gate {
	idle := make(chan struct{})
	close(idle)
	return &gate{calls: map[int]*call{}, idle: idle}
}

func (g *gate) setConfigured() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.configured = true
}

// enter admits one call and returns its context and the function that ends it.
func (g *gate) enter(ctx context.Context, method string) (context.Context, func(), error) {
	if !isKindMethod(method) {
		return ctx, func() {}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return nil, nil, Errorf(CodeUnavailable, "The plugin is shutting down.").
			WithHint("Try again when it has started anew.")
	}
	if !g.configured {
		return nil, nil, Errorf(CodePrecondition, "The plugin is not configured yet.").
			WithHint("Call Configure first.")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	id := g.next
	g.next++
	if len(g.calls) == 0 {
		g.idle = make(chan struct{})
	}
	g.calls[id] = &call{cancel: cancel, watch: isWatch(method)}
	return ctx, func() { g.leave(id) }, nil
}

func (g *gate) leave(id int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls[id].cancel(nil)
	delete(g.calls, id)
	if len(g.calls) == 0 {
		close(g.idle)
	}
}

// drain refuses new calls, ends subscriptions, lets work run for grace and cancels what is left. It
// waits for the canceled calls, but not for ever, and returns how many there were.
func (g *gate) drain(ctx context.Context, grace time.Duration) int {
	g.mu.Lock()
	g.draining = true
	for _, c := range g.calls {
		if c.watch {
			c.cancel(errDrained)
		}
	}
	idle := g.idle
	g.mu.Unlock()

	if waitFor(ctx, idle, grace) {
		return 0
	}
	canceled := g.cancelAll()
	waitFor(ctx, idle, endGrace)
	return canceled
}

func (g *gate) cancelAll() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	work := 0
	for _, c := range g.calls {
		c.cancel(errDrained)
		if !c.watch {
			work++
		}
	}
	return work
}

// wait blocks until no call runs, at most for limit.
func (g *gate) wait(limit time.Duration) {
	g.mu.Lock()
	idle := g.idle
	g.mu.Unlock()
	waitFor(context.Background(), idle, limit)
}

func waitFor(ctx context.Context, done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// isKindMethod reports whether a full method name belongs to the service of a plugin kind.
func isKindMethod(method string) bool {
	return strings.HasPrefix(method, "/left4me.") && !strings.HasPrefix(method, "/left4me.plugin.")
}

// isWatch reports whether a method is a subscription. Their names begin with Watch.
func isWatch(method string) bool {
	return strings.HasPrefix(method[strings.LastIndexByte(method, '/')+1:], "Watch")
}
