package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// errEnded says that the stream is complete.
var errEnded = errors.New("the stream ended")

// silence is how long a stream may say nothing: the agent sends a heartbeat every 15 s.
const silence = 60 * time.Second

// steady is how long a connection must have lasted to count as good although nothing came.
const steady = 5 * time.Second

// follow yields the events of a stream and comes back after a broken connection, resuming after the last
// id it saw. It ends after the end event, when ctx ends (without an error), or with one error: also when
// the first connection fails. last is the position to begin after; "" begins as target says.
func (c *Client) follow(ctx context.Context, target, last string) iter.Seq2[sseEvent, error] {
	return func(yield func(sseEvent, error) bool) {
		retry, stopped := backoff{within: c.reconnect}, false
		each := func(event sseEvent) bool {
			retry.succeeded()
			if event.hasID {
				last = event.id
			}
			stopped = !yield(event, nil)
			return !stopped
		}
		for {
			err := c.connect(ctx, target, last, &retry, each)
			if stopped || errors.Is(err, errEnded) || ctx.Err() != nil {
				return
			}
			if !transient(err) || !retry.wait(ctx) {
				if ctx.Err() == nil {
					yield(sseEvent{}, err)
				}
				return
			}
		}
	}
}

// transient reports whether trying again may help: the agent is gone or busy for the moment.
func transient(err error) bool { return Is(err, CodeUnavailable) }

// connect reads one connection's events until it ends. each returns false to stop.
func (c *Client) connect(ctx context.Context, target, last string, retry *backoff, each func(sseEvent) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := c.request(ctx, http.MethodGet, target)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := c.send(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return c.failure(response)
	}
	retry.opened()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	events := newSSEReader(watched{response.Body, watchdog})
	for {
		event, err := events.next()
		if err != nil {
			return c.unreachable(err)
		}
		if event.name == api.StreamEnd {
			return end(event)
		}
		if !each(event) {
			return errEnded
		}
	}
}

// end returns errEnded, or the failure that ended the stream early.
func end(event sseEvent) error {
	var body struct {
		Error *api.Error `json:"error"`
	}
	if err := json.Unmarshal(event.data, &body); err == nil && body.Error != nil {
		return FromAPI(*body.Error)
	}
	return errEnded
}

// watched puts off a timer with everything that arrives, heartbeats included.
type watched struct {
	io.Reader
	timer *time.Timer
}

// Read reads and puts off the timer.
func (w watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.timer.Reset(silence)
	return n, err
}

// backoff spaces attempts: 100 ms at first, then twice as long up to 5 s, with a random part so that many
// clients do not come back at once.
type backoff struct {
	within time.Duration // since the last success; negative = no end
	delay  time.Duration
	since  time.Time // of the first failure since the last success
	open   time.Time // when the last connection came about; zero = none did ever
}

func (b *backoff) opened() { b.open = time.Now() }

func (b *backoff) succeeded() { b.delay, b.since = 0, time.Time{} }

// wait returns false when it is time to give up, which is at once when there never was a connection.
func (b *backoff) wait(ctx context.Context) bool {
	if b.open.IsZero() {
		return false
	}
	if b.open.After(b.since) && time.Since(b.open) > steady {
		b.succeeded()
	}
	if b.since.IsZero() {
		b.since = time.Now()
	}
	if b.within >= 0 && time.Since(b.since) >= b.within {
		return false
	}
	b.delay = min(max(2*b.delay, 100*time.Millisecond), 5*time.Second)
	timer := time.NewTimer(b.delay/2 + rand.N(b.delay/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
