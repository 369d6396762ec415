package ui_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/ui"
)

// event is one server-sent event.
type event struct{ name, id, data string }

// reader reads a stream as a browser does.
type reader struct {
	t    testing.TB
	body *bufio.Reader
	end  func()
}

func (p *panel) stream(path, lastID string) *reader {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second) // so that a silent stream fails the test
	r := p.request(http.MethodGet, path, nil).WithContext(ctx)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := p.browser.Do(r)
	if err != nil {
		cancel()
		p.t.Fatal(err)
	}
	end := func() { cancel(); response.Body.Close() }
	p.t.Cleanup(end)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		p.t.Fatalf("%s answered %d, %s", path, response.StatusCode, response.Header.Get("Content-Type"))
	}
	return &reader{p.t, bufio.NewReader(response.Body), end}
}

// next returns the next event; ok is false at the end of the stream.
func (r *reader) next() (e event, ok bool) {
	for {
		line, err := r.body.ReadString('\n')
		if err != nil {
			return event{}, false
		}
		switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); key {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				return e, true
			}
		}
	}
}

// until reads up to an event whose data holds text.
func (r *reader) until(name, text string) event {
	r.t.Helper()
	for {
		e, ok := r.next()
		if !ok {
			r.t.Fatalf("the stream ended before an event %s with %q", name, text)
		}
		if e.name == name && strings.Contains(e.data, text) {
			return e
		}
	}
}

// Shows S14.
func TestConsoleStreamResumes(t *testing.T) {
	p := signedIn(t)
	p.seed()
	s := p.stream("/hosts/local/servers/alpha/stream", "")
	p.agent.Print("alpha", "one", "two\r\nid: 7")
	first := s.until("line", `"one"`)
	s.until("line", `"two id: 7"`) // a line end in a text is no line end of the stream
	s.end()
	p.agent.Print("alpha", "three")
	for _, again := range []*reader{
		p.stream("/hosts/local/servers/alpha/stream", first.id),
		p.stream("/hosts/local/servers/alpha/stream?after="+first.id, ""),
		p.stream("/hosts/local/servers/alpha/stream?after=c0", first.id), // the browser's word is the newer one
	} {
		if e, _ := again.next(); !strings.Contains(e.data, "two") {
			t.Errorf("resumed at %+v", e)
		}
		again.until("line", `"three"`)
		again.end()
	}
}

func TestJobStreamEndsWithTheJob(t *testing.T) {
	p := signedIn(t)
	p.seed()
	goOn := make(chan struct{})
	p.agent.Script("overlay.build", func(ctx context.Context, run *agenttest.Run) error {
		run.Log("info", "before")
		select {
		case <-goOn:
		case <-ctx.Done():
			return ctx.Err()
		}
		run.Log("info", "after")
		return nil
	})
	job, err := p.agent.Client.BuildOverlay(t.Context(), "alpha", api.OverlayBuild{})
	if err != nil {
		t.Fatal(err)
	}
	s := p.stream("/hosts/local/jobs/"+job.ID+"/stream", "")
	before := s.until("line", "before")
	close(goOn)
	s.until("line", "after")
	s.until("job", `"succeeded"`)
	s.until("end", "")
	if e, ok := s.next(); ok {
		t.Errorf("after the end came %+v", e)
	}
	again := p.stream("/hosts/local/jobs/"+job.ID+"/stream", before.id)
	if e := again.until("line", ""); !strings.Contains(e.data, "after") {
		t.Errorf("resumed at %+v", e)
	}
	again.until("end", "")
}

// A browser opens a stream again that has ended, after the last id it saw. Nothing may be lost, wherever the agent went:
// before the panel follows its events, or while.
func TestEventStreamSurvivesAnAgentRestart(t *testing.T) {
	p := signedIn(t)
	s := p.stream("/hosts/local/stream", "0")
	p.agent.Record("test", "server/x", "", "first")
	last := s.until("event", "first").id
	p.agent.Disconnect()
	p.agent.Record("test", "server/x", "", "second")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		e, ok := s.next()
		if ok && strings.Contains(e.data, "second") {
			return
		}
		if !ok {
			s = p.stream("/hosts/local/stream", last)
		}
	}
	t.Error("the second event was lost")
}

// The deadlines of the listener are for short answers.
func TestStreamsOutliveTheDeadlines(t *testing.T) {
	p := signedIn(t)
	p.seed()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	handler, err := ui.New(t.Context(), ui.Options{Accounts: p.accounts, Hosts: []ui.Host{{Name: "local", Client: p.agent.Client}}, InsecureCookies: true})
	if err != nil {
		t.Fatal(err)
	}
	short := ui.NewServer(ctx, handler)
	short.ReadTimeout, short.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server := httptest.NewUnstartedServer(handler)
	server.Config = short
	server.Start()
	defer server.Close()
	defer end()
	p.URL = server.URL // the cookie is for every port of the address
	s := p.stream("/hosts/local/servers/alpha/stream", "")
	s.until("line", "VAC")
	passed := time.NewTimer(400 * time.Millisecond) // nothing tells when a deadline of the kernel has passed
	<-passed.C
	p.agent.Print("alpha", "late")
	s.until("line", "late")
	s.end()
}

func TestStreamsOfNothingAreErrors(t *testing.T) {
	p := signedIn(t)
	p.get("/hosts/local/servers/gone/stream", http.StatusNotFound)
	p.get("/hosts/local/jobs/00000000000000000000000000/stream", http.StatusNotFound)
	p.get("/hosts/elsewhere/stream", http.StatusNotFound)
}

// Shows S14.
func TestStreamsLeaveNothingBehind(t *testing.T) {
	p := signedIn(t)
	p.seed()
	p.get("/hosts/local", http.StatusOK)
	p.browser.Transport.(*http.Transport).CloseIdleConnections()
	p.agent.Client.Close()
	before := goleak.IgnoreCurrent()
	for range 10 {
		for _, path := range []string{"/hosts/local/stream", "/hosts/local/servers/alpha/stream"} {
			s := p.stream(path, "0")
			s.next()
			s.end()
		}
	}
	p.browser.Transport.(*http.Transport).CloseIdleConnections()
	p.handler.Close() // shared streams stay for a while otherwise
	p.agent.Client.Close()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
