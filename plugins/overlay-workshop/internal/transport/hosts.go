package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Courtesy bounds what one host is asked to give, and what all hosts together may take of the line. Fields must not change
// while it is used; it is safe for concurrent use.
type Courtesy struct {
	Parallel int           // requests of one host at a time, until their bodies are closed; 0 = any number
	Interval time.Duration // between the starts of two requests to one host
	Rate     int64         // bytes a second over all hosts; 0 = no limit

	mu     sync.Mutex
	hosts  map[string]*host
	budget time.Time // when the bytes that were read so far are paid for
}

// host is what is known about one host.
type host struct {
	slots chan struct{}
	next  time.Time // no request before this: pace, and what the host asked for
}

// Wrap makes requests through next keep to the courtesy. A host that answers 429 or 503 with Retry-After gets no request at all,
// of whatever download, until then.
func (c *Courtesy) Wrap(next http.RoundTripper) http.RoundTripper { return courteous{c, next} }

type courteous struct {
	courtesy *Courtesy
	next     http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t courteous) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	h := t.courtesy.host(request.URL.Host)
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	if err := t.courtesy.pace(ctx, h); err != nil {
		h.leave()
		return nil, err
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		h.leave()
		return nil, err
	}
	if wait, asked := retryAfter(response); asked {
		t.courtesy.hold(h, wait)
	}
	response.Body = &body{ReadCloser: response.Body, ctx: ctx, courtesy: t.courtesy, leave: sync.OnceFunc(h.leave)}
	return response, nil
}

func (c *Courtesy) host(name string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts == nil {
		c.hosts = make(map[string]*host)
	}
	if c.hosts[name] == nil {
		c.hosts[name] = &host{}
		if c.Parallel > 0 {
			c.hosts[name].slots = make(chan struct{}, c.Parallel)
		}
	}
	return c.hosts[name]
}

func (h *host) enter(ctx context.Context) error {
	if h.slots == nil {
		return ctx.Err()
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *host) leave() {
	if h.slots != nil {
		<-h.slots
	}
}

// pace waits for the next start. A hold that was asked for meanwhile counts too.
func (c *Courtesy) pace(ctx context.Context, h *host) error {
	for {
		c.mu.Lock()
		now := time.Now()
		wait := h.next.Sub(now)
		if wait <= 0 {
			h.next = now.Add(c.Interval)
			c.mu.Unlock()
			return ctx.Err()
		}
		c.mu.Unlock()
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// hold keeps requests from a host for some time. More than an hour is not believed.
func (c *Courtesy) hold(h *host, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(min(wait, time.Hour)); until.After(h.next) {
		h.next = until
	}
}

// slice is how long a read may run ahead of the rate.
const slice = 100 * time.Millisecond

// body is a response's body that pays for what is read.
type body struct {
	io.ReadCloser
	ctx      context.Context //nolint:containedctx // io.Reader has no other way
	courtesy *Courtesy
	leave    func()
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	rate := b.courtesy.Rate
	if rate <= 0 {
		return b.ReadCloser.Read(into)
	}
	most := max(rate/int64(time.Second/slice), 1)
	n, err := b.ReadCloser.Read(into[:min(int64(len(into)), most)])
	if wait := b.courtesy.pay(int64(n)); wait > 0 {
		if failed := sleep(b.ctx, wait); failed != nil {
			return n, failed
		}
	}
	return n, err
}

// pay takes n bytes off the budget and returns how long to wait for them.
func (c *Courtesy) pay(n int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.budget.Before(now.Add(-slice)) {
		c.budget = now.Add(-slice)
	}
	c.budget = c.budget.Add(time.Duration(float64(n) / float64(c.Rate) * float64(time.Second)))
	return c.budget.Sub(now)
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
