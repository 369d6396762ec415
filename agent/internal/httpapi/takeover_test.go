package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// waiting is a stream that says one thing and then lasts until its viewer is gone, which left tells.
func waiting(left chan<- struct{}) streamFunc {
	return func(ctx context.Context, _ int64, report func(api.Event, int) error) error {
		defer func() { left <- struct{}{} }()
		if err := report(api.Event{ID: 1}, 0); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// Streams answer in the same words over every version of HTTP, also where their connection cannot be taken over.
func TestStreamsOverEveryHTTP(t *testing.T) {
	for name, prepare := range map[string]func(*httptest.Server){
		"HTTP/1.1": func(s *httptest.Server) { s.Start() },
		"HTTP/2.0": func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
		"TLS":      func(s *httptest.Server) { s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{}, 1)
			service := &scripted{run: waiting(left)}
			a, _ := newAPI(t, func(c *httpapi.Config) {
				service.Events = c.Services.Events
				c.Services.Events = service
			})
			server := httptest.NewUnstartedServer(nil)
			server.Config = a.NewServer().Server
			prepare(server)
			defer server.Close()
			ctx, cancel := context.WithCancel(t.Context())
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/events/stream", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if strings.HasPrefix(name, "HTTP") && response.Proto != name || response.Header.Get("Content-Type") != "text/event-stream" ||
				response.Header.Get(httpapi.RequestHeader) == "" || response.Header.Get("Date") == "" {
				t.Errorf("%s %v", response.Proto, response.Header)
			}
			until(t, bufio.NewScanner(response.Body), "data:")
			cancel()
			<-left
		})
	}
}

// An old client, and one that sends more than its request and then hangs up without a word.
func TestStreamsOfOddClients(t *testing.T) {
	for name, c := range map[string]struct{ version, more, want string }{
		"HTTP/1.0":  {"HTTP/1.0", "", "HTTP/1.0 200 OK"},
		"talkative": {"HTTP/1.1", strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100), "HTTP/1.1 200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{}, 1)
			url, _, _ := listen(t, httpapi.StreamLimits{}, waiting(left))
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /v1/events/stream %s\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n%s", c.version, token, c.more)
			lines := bufio.NewScanner(conn)
			if got := until(t, lines, "data:"); !strings.HasPrefix(got[0], c.want) {
				t.Errorf("%q", got)
			}
			conn.Close()
			<-left
		})
	}
}

// A shutdown waits for streams, whose viewers see a whole answer without an end event; a close cuts them off.
func TestServerEndsStreams(t *testing.T) {
	for name, end := range map[string]func(*httpapi.Server) error{
		"shutdown": func(s *httpapi.Server) error { return s.Shutdown(context.Background()) },
		"close":    (*httpapi.Server).Close,
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{}, 1)
			service := &scripted{run: waiting(left)}
			a, _ := newAPI(t, func(c *httpapi.Config) {
				service.Events = c.Services.Events
				c.Services.Events = service
			})
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server, served := a.NewServer(), make(chan error, 1)
			go func() { served <- server.Serve(listener) }()
			lines := open(t, "http://"+listener.Addr().String()+"/v1/events/stream")
			until(t, lines, "data:")
			if err := end(server); err != nil {
				t.Error(err)
			}
			if n := service.active.Load(); name == "shutdown" && n != 0 {
				t.Errorf("%d streams go on behind a shutdown", n)
			}
			<-left
			for lines.Scan() {
				if strings.Contains(lines.Text(), "end") {
					t.Errorf("says %q", lines.Text())
				}
			}
			if err := lines.Err(); (err == nil) != (name == "shutdown") {
				t.Errorf("the viewer sees %v, which is not %v", err, io.EOF)
			}
			<-served
		})
	}
}
