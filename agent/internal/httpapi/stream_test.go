package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// scripted is an event service whose stream is a function, and which says when it ended.
type scripted struct {
	httpapi.Events
	run    func(ctx context.Context, after int64, report func(api.Event, int) error) error
	active atomic.Int64
}

func (s *scripted) Stream(ctx context.Context, after int64, report func(api.Event, int) error) error {
	s.active.Add(1)
	defer s.active.Add(-1)
	return s.run(ctx, after, report)
}

type streamFunc = func(ctx context.Context, after int64, report func(api.Event, int) error) error

// listen serves an API whose event stream is run.
func listen(t testing.TB, limits httpapi.StreamLimits, run streamFunc) (url string, service *scripted, a *httpapi.API) {
	t.Helper()
	service = &scripted{run: run}
	a, _ = newAPI(t, func(c *httpapi.Config) {
		service.Events = c.Services.Events
		c.Services.Events, c.Stream = service, limits
	})
	server := httptest.NewUnstartedServer(nil)
	server.Config = a.NewServer().Server
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, service, a
}

// open connects to a stream.
func open(t testing.TB, url string, headers ...string) *bufio.Scanner {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); response.Body.Close() })
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q (%s)", name, got, response.Status)
		}
	}
	return bufio.NewScanner(response.Body)
}

// until reads lines up to and including one with the prefix.
func until(t testing.TB, lines *bufio.Scanner, prefix string) []string {
	t.Helper()
	var out []string
	for lines.Scan() {
		out = append(out, lines.Text())
		if strings.HasPrefix(lines.Text(), prefix) {
			return out
		}
	}
	t.Fatalf("no %q in %q: %v", prefix, out, lines.Err())
	return nil
}

func count(n int) streamFunc {
	return func(_ context.Context, after int64, report func(api.Event, int) error) error {
		for i := max(after, 0) + 1; i <= int64(n); i++ {
			if err := report(api.Event{ID: i, Kind: "test"}, 0); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestStreamFormat(t *testing.T) {
	url, _, _ := listen(t, httpapi.StreamLimits{}, count(2))
	got := strings.Join(until(t, open(t, url+"/v1/events/stream"), "data: {}"), "\n")
	want := "retry: 2000\n\nevent: event\nid: 1\n" +
		`data: {"id":1,"time":"0001-01-01T00:00:00Z","kind":"test","subject":"","message":""}` + "\n\nevent: event\nid: 2\n" +
		`data: {"id":2,"time":"0001-01-01T00:00:00Z","kind":"test","subject":"","message":""}` + "\n\nevent: end\ndata: {}"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStreamPositions(t *testing.T) {
	url, _, _ := listen(t, httpapi.StreamLimits{}, func(_ context.Context, after int64, report func(api.Event, int) error) error {
		return report(api.Event{ID: after + 1000}, 0)
	})
	for _, c := range []struct{ query, header, want string }{
		{"", "", "id: 999"}, {"?after=5", "", "id: 1005"}, {"", "7", "id: 1007"}, {"?after=5", "7", "id: 1007"}, {"?after=0", "", "id: 1000"},
	} {
		lines := open(t, url+"/v1/events/stream"+c.query, "Last-Event-ID", c.header)
		if got := until(t, lines, "id:"); got[len(got)-1] != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestStreamEndsWithItsFailure(t *testing.T) {
	for name, c := range map[string]struct {
		run  streamFunc
		want string
	}{
		"fault": {func(context.Context, int64, func(api.Event, int) error) error {
			return fault.New(fault.Unavailable, "The store is busy.").WithHint("Try again.")
		}, `data: {"error":{"code":"unavailable","message":"The store is busy.","hint":"Try again.","source":"agent"}}`},
		"error": {func(context.Context, int64, func(api.Event, int) error) error { return errors.New("secret") }, `data: {"error":{"code":"internal"`},
		"panic": {func(context.Context, int64, func(api.Event, int) error) error { panic("secret") }, `data: {"error":{"code":"internal"`},
	} {
		t.Run(name, func(t *testing.T) {
			url, _, _ := listen(t, httpapi.StreamLimits{}, c.run)
			got := until(t, open(t, url+"/v1/events/stream"), "data:")
			if last := got[len(got)-1]; !strings.HasPrefix(last, c.want) || strings.Contains(last, "secret") || got[len(got)-2] != "event: end" {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestStreamOfWhatIsMissing(t *testing.T) {
	a, _ := newAPI(t, nil)
	for path, status := range map[string]int{
		"/v1/servers/nothing/console": 404, "/v1/jobs/00000000000000000000000000/log": 404, "/v1/jobs/00000000000000000000000000/log?format=text": 404,
	} {
		got, body, header := do(t, a, "GET", path, "")
		if failure(t, body); got != status || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
	for _, bad := range []string{"x", "-1", "1.5", "99999999999999999999", "1 2", strings.Repeat("1", 600), "1\x01"} {
		status, body, _ := do(t, a, "GET", "/v1/events/stream", "", "Last-Event-ID", bad)
		if failure(t, body); status != 400 {
			t.Errorf("Last-Event-ID %q: %d %s", bad, status, body)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	url, _, _ := listen(t, httpapi.StreamLimits{Heartbeat: 5 * time.Millisecond}, func(ctx context.Context, _ int64, _ func(api.Event, int) error) error {
		<-ctx.Done()
		return ctx.Err()
	})
	lines := open(t, url+"/v1/events/stream")
	for range 3 {
		until(t, lines, ":")
	}
}

// TestReaderThatNeverReads fills every buffer of the connection: the source is not held up for ever, what
// is lost is counted, and the reader is given up (S14).
func TestReaderThatNeverReads(t *testing.T) {
	ended := make(chan int, 1)
	url, service, _ := listen(t, httpapi.StreamLimits{Write: 50 * time.Millisecond, Stall: time.Millisecond, Bytes: 4096},
		func(ctx context.Context, _ int64, report func(api.Event, int) error) error {
			text := strings.Repeat("x", 1000)
			for i := 1; ; i++ {
				if err := report(api.Event{ID: int64(i), Message: text}, 0); err != nil {
					ended <- i
					return err
				}
			}
		})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", token)
	select {
	case n := <-ended:
		t.Logf("given up after %d events", n)
	case <-time.After(time.Minute):
		t.Fatalf("the stream of a reader that never reads goes on; %d active", service.active.Load())
	}
}

// TestSlowReaderIsToldWhatItLost: ids and counts of lost events add up to everything that was sent.
func TestSlowReaderIsToldWhatItLost(t *testing.T) {
	const all = 5000
	start := make(chan struct{})
	url, _, _ := listen(t, httpapi.StreamLimits{Stall: time.Millisecond, Items: 8}, func(_ context.Context, _ int64, report func(api.Event, int) error) error {
		text := strings.Repeat("x", 4000)
		for i := range all {
			if err := report(api.Event{ID: int64(i + 1), Message: text}, 0); err != nil {
				return err
			}
		}
		close(start)
		return nil
	})
	lines := open(t, url+"/v1/events/stream")
	lines.Buffer(nil, 1<<20)
	<-start // nothing was read while the source ran
	seen, lost := 0, 0
	for lines.Scan() {
		var n int
		if strings.HasPrefix(lines.Text(), "id: ") {
			seen++
		}
		if _, err := fmt.Sscanf(lines.Text(), `data: {"count":%d}`, &n); err == nil {
			lost += n
		}
		if lines.Text() == "event: end" {
			break
		}
	}
	if seen+lost != all || lost == 0 {
		t.Errorf("%d seen + %d lost, of %d: %v", seen, lost, all, lines.Err())
	}
}

func TestStreamsEndWithTheAPI(t *testing.T) {
	url, service, a := listen(t, httpapi.StreamLimits{}, func(ctx context.Context, _ int64, report func(api.Event, int) error) error {
		if err := report(api.Event{ID: 1}, 0); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	lines := open(t, url+"/v1/events/stream")
	until(t, lines, "data:")
	a.EndStreams()
	for lines.Scan() {
		if strings.Contains(lines.Text(), "end") {
			t.Errorf("a stream that is to be resumed says %q", lines.Text())
		}
	}
	if lines.Err() != nil && !errors.Is(lines.Err(), io.ErrUnexpectedEOF) {
		t.Error(lines.Err())
	}
	if n := service.active.Load(); n != 0 {
		t.Errorf("%d sources go on", n)
	}
}
