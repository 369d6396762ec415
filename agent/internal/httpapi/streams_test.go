package httpapi_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

// seedServer makes a running server and returns its agent.
func seedServer(t testing.TB) *agenttest.Agent {
	t.Helper()
	agent := agenttest.New(t)
	ctx := t.Context()
	if _, err := agent.Client.CreateBlueprint(ctx, api.BlueprintCreate{Name: "b"}); err != nil {
		t.Fatal(err)
	}
	server, err := agent.Client.CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "b", Start: true})
	if err != nil {
		t.Fatal(err)
	}
	if job, err := agent.Client.WaitJob(ctx, server.LastJob, nil); err != nil || job.Status != "succeeded" {
		t.Fatalf("%+v %v", job, err)
	}
	return agent
}

func TestConsoleReplaysThenFollows(t *testing.T) {
	agent := seedServer(t)
	agent.Print("alpha", "one", "two")
	lines := openAt(t, agent, "/v1/servers/alpha/console?tail=1")
	first := until(t, lines, "data:")
	if !strings.Contains(first[len(first)-1], `"two"`) {
		t.Errorf("%q", first)
	}
	agent.Print("alpha", "three")
	next := until(t, lines, "data:")
	if !strings.Contains(next[len(next)-1], `"three"`) || !strings.HasPrefix(next[len(next)-2], "id: c") {
		t.Errorf("%q", next)
	}
	cursor := strings.TrimPrefix(first[len(first)-2], "id: ")
	again := until(t, openAt(t, agent, "/v1/servers/alpha/console?follow=false", "Last-Event-ID", cursor), "event: end")
	if text := strings.Join(again, "\n"); strings.Contains(text, `"two"`) || !strings.Contains(text, `"three"`) {
		t.Errorf("resumed: %s", text)
	}
}

func TestJobLogIsCompleteAndEnds(t *testing.T) {
	agent := agenttest.New(t)
	release := make(chan struct{})
	agent.Script("installation.install", func(_ context.Context, run *agenttest.Run) error {
		run.Step("fetch")
		run.Log("stdout", "before\x00\x1b[31m")
		<-release
		run.Log("stderr", "after")
		return agenttest.Failure("unavailable", "Steam does not answer.", "Try later.")
	})
	job, err := agent.Client.InstallRelease(t.Context(), api.ReleaseInstall{})
	if err != nil {
		t.Fatal(err)
	}
	lines := openAt(t, agent, "/v1/jobs/"+job.ID+"/log")
	until(t, lines, "id: 1")
	close(release)
	rest := strings.Join(until(t, lines, "event: end"), "\n")
	for _, want := range []string{"id: 2", `"after"`, "event: job", `"status":"failed"`, "Steam does not answer."} {
		if !strings.Contains(rest, want) {
			t.Errorf("no %q in %s", want, rest)
		}
	}
	status, text, header := do(t, forward(agent), "GET", "/v1/jobs/"+job.ID+"/log?format=text&after=1", "")
	if status != 200 || !strings.HasSuffix(text, " stderr after\n") || strings.Count(text, "\n") != 1 || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("as text: %d %q", status, text)
	}
}

// TestManyReaders holds 1,000 streams at once; all get the event, and goleak in TestMain finds what stays (S14).
func TestManyReaders(t *testing.T) {
	const readers = 1000
	agent := agenttest.New(t)
	var ready, done sync.WaitGroup
	failures := make(chan string, readers)
	for i := range readers {
		ready.Add(1)
		done.Go(func() {
			conn, err := net.Dial("unix", agent.Socket)
			ready.Done()
			if err != nil {
				failures <- err.Error()
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
			buffer, text := make([]byte, 4096), ""
			for !strings.Contains(text, `"hello"`) {
				n, err := conn.Read(buffer)
				if err != nil {
					failures <- fmt.Sprintf("reader %d: %v after %q", i, err, text)
					return
				}
				text += string(buffer[:n])
			}
		})
	}
	ready.Wait()
	agent.Record("test", "test", "", "hello")
	done.Wait()
	close(failures)
	for failure := range failures {
		t.Error(failure)
	}
}

// FuzzPosition resumes from anything: it is a position or it is refused, in one sentence, and never an
// event injected into the stream.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{"", "0", "12", "-1", "c1", "1\nevent: end", "\x00", "s=1;i=2", strings.Repeat("9", 30)} {
		f.Add(seed)
	}
	agent := seedServer(f)
	job, err := agent.Client.InstallRelease(f.Context(), api.ReleaseInstall{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := agent.Client.WaitJob(f.Context(), job.ID, nil); err != nil {
		f.Fatal(err)
	}
	h := forward(agent)
	f.Fuzz(func(t *testing.T, last string) {
		for _, path := range []string{"/v1/servers/alpha/console?follow=false", "/v1/jobs/" + job.ID + "/log?follow=false"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer "+agenttest.Token)
			r.Header["Last-Event-Id"] = []string{last}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case 200:
				if !strings.HasSuffix(w.Body.String(), "event: end\ndata: {}\n\n") {
					t.Errorf("%s after %q: %s", filepath.Base(path), last, w.Body)
				}
			case 400:
				failure(t, w.Body.String())
			default:
				t.Errorf("%s after %q: %d %s", path, last, w.Code, w.Body)
			}
		}
	})
}
