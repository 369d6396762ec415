package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// source reports what a stream consists of, until it ends or put fails.
type source func(ctx context.Context, put func(frame) error) error

// stream answers a request with server-sent events from source, see [later]. It goes on until the source ended, the
// reader went away or stopped reading, or the API ends its streams; no goroutine outlives it.
func (a *API) stream(w http.ResponseWriter, from source) {
	later(w, func(out *eventWriter, r *http.Request) { a.pump(out, r, from) })
}

// pump writes what source reports to a stream that has begun.
func (a *API) pump(out *eventWriter, r *http.Request, from source) {
	ctx, cancel := context.WithCancel(r.Context())
	buffer := newQueue(a.limits)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, from, buffer) }()
	defer func() {
		cancel()
		if ended != nil {
			<-ended //nolint:errcheck // the reader is gone, nobody hears why
		}
	}()

	for {
		select {
		case <-r.Context().Done():
			return
		case <-a.stopping:
			return
		case <-buffer.ready:
			if out.frames(buffer.take(false)) != nil {
				return
			}
		case <-out.heartbeat.C:
			if out.beat() != nil {
				return
			}
		case err := <-ended:
			ended = nil
			_ = out.frames(append(buffer.take(true), a.end(r, err))) // a reader that left needs no end
			return
		}
	}
}

// run turns a panic of the source into an error: it is on a goroutine of its own, where a panic would
// end the agent.
func run(ctx context.Context, from source, buffer *queue) error {
	return guarded(func() error { return from(ctx, func(f frame) error { return buffer.put(ctx, f) }) })
}

// end is the last event: {} when all was sent, or {"error": …} when the source failed.
func (a *API) end(r *http.Request, err error) frame {
	if err == nil || errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return frame{name: api.StreamEnd, data: []byte("{}")}
	}
	data, failure := marshal(struct {
		Error api.Error `json:"error"`
	}{a.wire(r, err)})
	if failure != nil {
		data = []byte("{}")
	}
	return frame{name: api.StreamEnd, data: data}
}

// eventWriter writes server-sent events, see https://html.spec.whatwg.org/multipage/server-sent-events.html.
type eventWriter struct {
	to        sink
	limits    StreamLimits
	heartbeat *time.Timer
	scratch   *bytes.Buffer // only while something is written
}

// sink takes what is written to a viewer. The first chunkHead bytes of framed are its own; it may add to the end.
type sink interface {
	send(framed *bytes.Buffer, deadline time.Time) error
}

// scratches are lent to readers for the moment of a write: 10,000 silent readers hold none.
var scratches = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxScratch is the largest buffer that is kept for others.
const maxScratch = 64 << 10

func newEventWriter(to sink, limits StreamLimits) *eventWriter {
	return &eventWriter{to: to, limits: limits, heartbeat: time.NewTimer(limits.Heartbeat)}
}

// begin sends the header at once, so that a reader of a silent stream knows that it stands.
func (e *eventWriter) begin() error {
	e.take()
	e.scratch.WriteString("retry: 2000\n\n")
	return e.flush()
}

// beat keeps proxies from closing a silent connection and finds out that the reader is gone.
func (e *eventWriter) beat() error {
	e.take()
	e.scratch.WriteString(":\n\n")
	return e.flush()
}

func (e *eventWriter) frames(frames []frame) error {
	e.take()
	for _, f := range frames {
		if f.dropped > 0 {
			e.write(frame{name: api.StreamDropped, data: []byte(`{"count":` + strconv.Itoa(f.dropped) + `}`)})
		}
		if f.name != "" {
			e.write(f)
		}
	}
	return e.flush()
}

// write adds one event. Data is JSON on one line, and ids hold no line ends, see [validText].
func (e *eventWriter) write(f frame) {
	e.scratch.WriteString("event: " + f.name + "\n")
	if f.id != "" {
		e.scratch.WriteString("id: " + f.id + "\n")
	}
	e.scratch.WriteString("data: ")
	e.scratch.Write(f.data)
	e.scratch.WriteString("\n\n")
}

func (e *eventWriter) take() {
	if e.scratch == nil {
		e.scratch = scratches.Get().(*bytes.Buffer)
		e.scratch.Write(make([]byte, chunkHead))
	}
}

// flush sends what was written. Each time has a deadline of its own.
func (e *eventWriter) flush() error {
	err := e.to.send(e.scratch, time.Now().Add(e.limits.Write))
	if e.scratch.Reset(); e.scratch.Cap() <= maxScratch {
		scratches.Put(e.scratch)
	}
	e.scratch = nil
	e.heartbeat.Reset(e.limits.Heartbeat)
	return err
}
