package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// TestJobLogSurvivesBrokenConnections: each line arrives once and in order although the connection breaks
// again and again.
func TestJobLogSurvivesBrokenConnections(t *testing.T) {
	const all = 200
	agent := agenttest.New(t)
	next := make(chan struct{})
	agent.Script("installation.install", func(_ context.Context, run *agenttest.Run) error {
		for i := range all {
			run.Log("info", strconv.Itoa(i+1))
			if i%50 == 49 {
				<-next
			}
		}
		return nil
	})
	job, err := agent.Client.InstallRelease(t.Context(), api.ReleaseInstall{})
	if err != nil {
		t.Fatal(err)
	}
	want, last := int64(1), api.Job{}
	for item, err := range agent.Client.FollowJob(t.Context(), job.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Job != nil {
			last = *item.Job
		}
		if item.Line == nil {
			continue
		}
		if item.Line.Seq != want || item.Line.Text != strconv.FormatInt(want, 10) {
			t.Fatalf("line %+v, want %d", item.Line, want)
		}
		if want%50 == 0 {
			agent.Disconnect()
			next <- struct{}{}
		}
		want++
	}
	if want != all+1 || last.Status != "succeeded" {
		t.Errorf("%d lines, job %+v", want-1, last)
	}
}

func TestEventsResumeAfterTheAgentWasAway(t *testing.T) {
	agent := agenttest.New(t)
	agent.Record("test", "s", "", "1")
	n := 0
	for item, err := range agent.Client.FollowEvents(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if item.Event.Message != strconv.Itoa(n) {
			t.Fatalf("%+v, want %d", item.Event, n)
		}
		if n == 3 {
			break
		}
		agent.Stop()
		agent.Record("test", "s", "", strconv.Itoa(n+1))
		agent.Start()
	}
}

func TestStreamsEnd(t *testing.T) {
	agent := agenttest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	agent.Record("test", "s", "", "1")
	for _, err := range agent.Client.FollowEvents(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		cancel() // ends without an error
	}
	job, err := agent.Client.InstallRelease(t.Context(), api.ReleaseInstall{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Client.WaitJob(t.Context(), job.ID, nil); err != nil {
		t.Fatal(err)
	}
	texts := 0
	for item, err := range agent.Client.JobLog(t.Context(), job.ID, 0) {
		if err != nil || item.Line == nil {
			t.Errorf("%+v %v", item, err)
		}
		texts++
	}
	if texts == 0 {
		t.Error("an empty log")
	}
	for _, err := range agent.Client.FollowJob(t.Context(), "nothing", 0) {
		if !client.Is(err, client.CodeInvalid) {
			t.Errorf("%v", err)
		}
	}
	if _, err := agent.Client.WaitJob(ctx, job.ID, nil); err != context.Canceled {
		t.Errorf("WaitJob with an ended context: %v", err)
	}
}

func TestConsoleOptions(t *testing.T) {
	agent := agenttest.New(t)
	ctx := t.Context()
	if _, err := agent.Client.CreateBlueprint(ctx, api.BlueprintCreate{Name: "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Client.CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "b"}); err != nil {
		t.Fatal(err)
	}
	agent.Print("alpha", "1", "2", "3")
	read := func(options client.ConsoleOptions) (text, cursor string) {
		for item, err := range agent.Client.Console(ctx, "alpha", options) {
			if err != nil {
				t.Fatal(err)
			}
			text += item.Line.Text
			cursor = item.Line.Cursor
		}
		return text, cursor
	}
	text, cursor := read(client.ConsoleOptions{Tail: 2})
	agent.Print("alpha", "4")
	after, _ := read(client.ConsoleOptions{Cursor: cursor})
	everything, _ := read(client.ConsoleOptions{})
	nothing, _ := read(client.ConsoleOptions{Tail: -1})
	if text != "23" || after != "4" || everything != "1234" || nothing != "" {
		t.Errorf("%q %q %q %q", text, after, everything, nothing)
	}
}

// TestWhatStreamsSay feeds raw server-sent events.
func TestWhatStreamsSay(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"comments and unknown names": {": x\n\nevent: later\ndata: {}\n\nevent: event\nid: 1\ndata: {\"id\":1}\n\nevent: end\ndata: {}\n\n", "1 "},
		"dropped":                    {"event: dropped\ndata: {\"count\":7}\n\nevent: end\ndata: {}\n\n", "-7 "},
		"failure":                    {"event: end\ndata: {\"error\":{\"code\":\"precondition\",\"message\":\"No.\"}}\n\n", "error precondition No."},
		"CRLF":                       {"event: event\r\ndata: {\"id\":2}\r\n\r\nevent: end\r\ndata: {}\r\n\r\n", "2 "},
		"two data lines":             {"event: event\ndata: {\"id\":\ndata: 3}\n\nevent: end\ndata:{}\n\n", "3 "},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.raw) }))
			defer server.Close()
			agent, err := client.New(client.Options{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer agent.Close()
			got := ""
			for item, err := range agent.FollowEvents(t.Context(), 0) {
				switch e, _ := err.(*client.Error); {
				case e != nil:
					got += "error " + e.Code + " " + e.Message
				case err != nil:
					got += err.Error()
				case item.Event != nil:
					got += strconv.FormatInt(item.Event.ID, 10) + " "
				default:
					got += fmt.Sprintf("-%d ", item.Dropped)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestGivingUp: a stream whose agent stays away ends with the reason after the time that was set.
func TestGivingUp(t *testing.T) {
	agent := agenttest.New(t)
	agent.Record("test", "s", "", "1")
	c, err := client.New(client.Options{Socket: agent.Socket, ReconnectFor: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var last error
	for _, err := range c.FollowEvents(t.Context(), 0) {
		if last = err; err == nil {
			agent.Stop()
		}
	}
	if !client.Is(last, client.CodeUnavailable) {
		t.Errorf("%v", last)
	}
}

// TestBackoff watches the attempts of a stream whose agent is busy, in virtual time.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int64
		c, err := client.New(client.Options{URL: "http://agent", ReconnectFor: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		c.SetTransport(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if attempts.Add(1) > 1 {
				w.WriteHeader(503)
				fmt.Fprint(w, `{"code":"unavailable","message":"Busy."}`)
			}
			return w.Result(), nil
		})
		start := time.Now()
		var last error
		for _, err := range c.FollowEvents(t.Context(), 0) {
			last = err
		}
		if took := time.Since(start); took < 30*time.Second || took > 36*time.Second {
			t.Errorf("gave up after %s", took)
		}
		if n := attempts.Load(); n < 8 || n > 20 {
			t.Errorf("%d attempts in 30 s", n)
		}
		if !client.Is(last, client.CodeUnavailable) || last.Error() != "Busy." {
			t.Errorf("%v", last)
		}
	})
}

// FuzzStream reads anything as a stream; it ends, and with an error or the end.
func FuzzStream(f *testing.F) {
	f.Add("event: event\nid: 1\ndata: {\"id\":1}\n\n")
	f.Add("event: end\ndata: {}\n\n")
	f.Add("data\n:\nid\n\n\r\n\x00")
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := client.New(client.Options{URL: "http://agent", ReconnectFor: time.Nanosecond})
		if err != nil {
			t.Fatal(err)
		}
		c.SetTransport(func(*http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			fmt.Fprint(w, raw)
			return w.Result(), nil
		})
		n := 0
		for item, err := range c.FollowEvents(t.Context(), 0) {
			if n++; err == nil && item.Event == nil && item.Dropped == 0 {
				t.Errorf("an item without anything: %+v", item)
			}
			if n > len(raw)+2 {
				break
			}
		}
	})
}
