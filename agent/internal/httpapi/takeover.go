package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A stream waits for hours. For each connection with a request under way net/http holds two buffers of 4 KiB, one of 2,
// and a stack of 8. So a stream over HTTP/1.1 takes its connection over: two small goroutines are left of it. Streams
// over HTTP/2, and over what a test puts in place of a connection, stay with net/http.

// rest is a stream after the checks of its request: it writes to out until it is over. r ends with the stream.
type rest func(out *eventWriter, r *http.Request)

// later runs do when the router and its handlers have returned, so that their frames are not kept for as long as a
// stream lasts. do must not hold on to w.
func later(w http.ResponseWriter, do rest) { w.(*recorder).rest = do }

// finish runs the rest of a stream. It reports true when that goes on without the request, and calls over at its end.
func (a *API) finish(seen *recorder, r *http.Request, over func()) (goesOn bool) {
	head := streamHeader(seen.Header())
	if r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 {
		if conn, err := a.taken.take(seen.ResponseWriter); err == nil {
			seen.status = http.StatusOK
			a.goOn(conn, head, seen.rest, r, over)
			return true
		}
	}
	control := http.NewResponseController(seen)
	_ = control.SetReadDeadline(time.Time{})
	seen.WriteHeader(http.StatusOK)
	out := newEventWriter(responseSink{seen, control}, a.limits)
	if out.begin() == nil {
		seen.rest(out, r)
	}
	return false
}

// goOn writes a stream to a connection that was taken over, and closes it. A reader of its own finds out that the viewer
// left. Nothing of net/http's request may be kept but r.
func (a *API) goOn(conn net.Conn, head http.Header, do rest, r *http.Request, over func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	r = r.WithContext(ctx)
	go func() {
		defer cancel()
		listenForEnd(conn)
	}()
	go func() {
		defer a.taken.giveBack(conn)
		defer cancel()
		defer over()
		out := newEventWriter(&connSink{conn: conn, head: head}, a.limits)
		err := guarded(func() error {
			if out.begin() == nil {
				do(out, r)
			}
			return nil
		})
		if err != nil {
			a.wire(r, err) // logs it; the answer is cut off
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(a.limits.Write))
		_, _ = conn.Write([]byte("0\r\n\r\n")) // the viewer may be gone
	}()
}

// listenForEnd returns when the other side has closed the connection. What it sends is not looked at: the answer says
// that the connection takes no further request.
func listenForEnd(conn net.Conn) {
	var ignored [64]byte
	for {
		if _, err := conn.Read(ignored[:]); err != nil {
			return
		}
	}
}

// streamHeader adds to a header what every stream has.
func streamHeader(header http.Header) http.Header {
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would collect lines until a page is full
	return header
}

// responseSink writes to an answer of net/http.
type responseSink struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s responseSink) send(framed *bytes.Buffer, deadline time.Time) error {
	_ = s.control.SetWriteDeadline(deadline) // not every writer in a test has deadlines
	if _, err := s.w.Write(framed.Bytes()[chunkHead:]); err != nil {
		return err
	}
	return s.control.Flush()
}

// connSink writes an answer in chunks (RFC 9112, section 7.1) to a connection, the header with the first of them.
type connSink struct {
	conn net.Conn
	head http.Header // nil when it was sent
}

// chunkHead is room for the size of a chunk, in eight hexadecimal digits, and a line end.
const chunkHead = 10

func (s *connSink) send(framed *bytes.Buffer, deadline time.Time) error {
	if framed.Len() == chunkHead {
		return nil // an empty chunk would end the answer
	}
	copy(framed.Bytes(), fmt.Sprintf("%08x\r\n", framed.Len()-chunkHead))
	framed.WriteString("\r\n")
	_ = s.conn.SetWriteDeadline(deadline) // fails with the write
	if s.head == nil {
		_, err := s.conn.Write(framed.Bytes())
		return err
	}
	var first bytes.Buffer
	first.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nDate: " +
		time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	_ = s.head.Write(&first) // a buffer takes everything
	first.WriteString("\r\n")
	s.head = nil
	first.Write(framed.Bytes())
	_, err := s.conn.Write(first.Bytes())
	return err
}

// taken are the connections that streams took over. It is safe for concurrent use.
type taken struct {
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	changed chan struct{} // closed and made anew when one is given back
}

func newTaken() *taken {
	return &taken{conns: map[net.Conn]struct{}{}, changed: make(chan struct{})}
}

// take takes the connection of a request over. At every moment either net/http or t can close it.
func (t *taken) take(w http.ResponseWriter) (net.Conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		t.conns[conn] = struct{}{}
	}
	return conn, err
}

func (t *taken) giveBack(conn net.Conn) {
	_ = conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, conn)
	close(t.changed)
	t.changed = make(chan struct{})
}

// close cuts all streams off.
func (t *taken) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.conns {
		_ = conn.Close()
	}
}

// wait returns when no stream is left.
func (t *taken) wait(ctx context.Context) error {
	for {
		t.mu.Lock()
		left, changed := len(t.conns), t.changed
		t.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Server is an http.Server that also looks after the streams of its API.
type Server struct {
	*http.Server
	api *API
}

// Shutdown is http.Server.Shutdown. It ends the streams of the whole API and waits for them too.
func (s *Server) Shutdown(ctx context.Context) error {
	s.api.EndStreams()
	if err := s.Server.Shutdown(ctx); err != nil {
		return err
	}
	return s.api.taken.wait(ctx)
}

// Close is http.Server.Close. It cuts the streams of the whole API off too.
func (s *Server) Close() error {
	err := s.Server.Close()
	s.api.taken.close()
	return err
}
