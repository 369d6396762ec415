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

// stream answers r with server-sent events from source, see [later]. The request lasts until the source ended, the
// reader went away or stopped reading, or the API ends its streams; no goroutine outlives it.
func (a *API) stream(w http.ResponseWriter, r *http.Request, from source) {
	later(w, func() {
		if out := newEventWriter(w, a.limits); out.begin() == nil {
			a.pump(out, r, from)
		}
	})
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
	w         http.ResponseWriter
	control   *http.ResponseController
	limits    StreamLimits
	heartbeat *time.Timer
	scratch   *bytes.Buffer // only while something is written
}

// scratches are lent to readers for the moment of a write: 10,000 silent readers hold none.
var scratches = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxScratch is the largest buffer that is kept for others.
const maxScratch = 64 << 10

func newEventWriter(w http.ResponseWriter, limits StreamLimits) *eventWriter {
	return &eventWriter{w: w, control: http.NewResponseController(w), limits: limits, heartbeat: time.NewTimer(limits.Heartbeat)}
}

// begin sends the header at once, so that a reader of a silent stream knows that it stands. The
// deadlines of ordinary requests no longer hold; each write gets its own.
func (e *eventWriter) begin() error {
	header := e.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would collect lines until a page is full
	_ = e.control.SetReadDeadline(time.Time{})
	e.w.WriteHeader(http.StatusOK)
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
	}
}

func (e *eventWriter) flush() error {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.limits.Write)) // not every writer in a test has deadlines
	_, err := e.w.Write(e.scratch.Bytes())
	if e.scratch.Reset(); e.scratch.Cap() <= maxScratch {
		scratches.Put(e.scratch)
	}
	e.scratch = nil
	e.heartbeat.Reset(e.limits.Heartbeat)
	if err != nil {
		return err
	}
	return e.control.Flush()
}
