package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// heartbeat keeps proxies from ending a quiet stream.
const heartbeat = 15 * time.Second

// sse is one stream to a browser. It is safe for concurrent use.
type sse struct {
	mu         sync.Mutex
	w          http.ResponseWriter
	controller *http.ResponseController
}

// stream answers with server-sent events and runs send until it returns or the browser goes away. send's context ends
// with the browser or the panel.
func stream(w http.ResponseWriter, r *http.Request, send func(ctx context.Context, out *sse) error) error {
	out := &sse{w: w, controller: http.NewResponseController(w)}
	// The listener's read deadline would end the request's context in the middle of the stream.
	if err := errors.Join(out.controller.SetReadDeadline(time.Time{}), out.controller.SetWriteDeadline(time.Time{})); err != nil {
		return fmt.Errorf("lift the deadlines: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancel(r.Context())
	var beating sync.WaitGroup
	beating.Go(func() { out.beat(ctx, cancel, sceneOf(r).again) })
	_ = out.raw(": hello\n\n")
	err := send(ctx, out)
	cancel()
	beating.Wait()
	if err == nil && r.Context().Err() == nil {
		err = out.send("end", "", struct{}{})
	}
	_ = err // the answer has begun; the browser reconnects
	return nil
}

// beat sends comments until ctx ends. A browser that takes none is gone, and so is a person who was signed out or lost
// the right meanwhile.
func (s *sse) beat(ctx context.Context, gone context.CancelFunc, again func() error) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if again != nil && again() != nil || s.raw(":\n\n") != nil {
				gone()
				return
			}
		}
	}
}

func (s *sse) raw(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A reader that takes nothing for a minute is cut off, so that it holds nothing up.
	if err := s.controller.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.controller.Flush()
}

// send writes one event. id "" leaves the browser's last id as it is.
func (s *sse) send(name, id string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	text := "event: " + name + "\ndata: " + string(data) + "\n\n"
	if id != "" {
		text = "id: " + id + "\n" + text
	}
	return s.raw(text)
}

// lastID returns where a browser left off: its Last-Event-ID, or the address' after.
func lastID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("after")
}

// dropped is the data of an event that says what a slow reader lost.
type dropped struct {
	Count int `json:"count"`
}
