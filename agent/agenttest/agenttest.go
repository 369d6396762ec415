// Package agenttest serves the agent's real HTTP API over services that live in memory, for the tests of
// its clients: the panel, the command line and package client.
//
// The services keep state and rules of their own: jobs run their steps, servers start and print, a name is
// taken only once, what is in use cannot be deleted. What a test wants to be different it scripts: jobs by
// [Agent.Script], consoles by [Agent.Print], plugins by [Agent.SetPlugin], broken answers by
// [Agent.Answer], a broken connection by [Agent.Disconnect].
package agenttest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// Token is what TCP clients of every test agent show.
const Token = "a-token-for-tests-only-0123456789"

// Agent is a running agent in memory. All methods are safe for concurrent use.
type Agent struct {
	Socket string         // path of its unix socket, on which the test's own user may do everything
	URL    string         // its address on loopback, which needs Token
	Client *client.Client // over the socket

	t        testing.TB
	w        *world
	api      *httpapi.API
	mu       sync.Mutex
	server   *httpapi.Server
	serving  sync.WaitGroup
	address  string
	answers  map[string]answer
	requests []string
}

type answer struct {
	status int
	body   api.Error
}

// Option changes how an agent is made.
type Option func(*httpapi.Config)

// WithStreamLimits sets the bounds of streams.
func WithStreamLimits(limits httpapi.StreamLimits) Option {
	return func(config *httpapi.Config) { config.Stream = limits }
}

// WithLog sets where the agent logs; without it the log is thrown away.
func WithLog(log *slog.Logger) Option { return func(config *httpapi.Config) { config.Log = log } }

// New starts an agent that ends with the test. It has three plugins, one release and nothing else.
func New(t testing.TB, options ...Option) *Agent {
	t.Helper()
	dir, err := os.MkdirTemp("", "left4me") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{t: t, w: newWorld(), Socket: filepath.Join(dir, "agent.sock"), answers: map[string]answer{}, address: "127.0.0.1:0"}
	config := httpapi.Config{Services: a.w.services(), Grants: httpapi.Grants{Token: Token}, Log: slog.New(slog.DiscardHandler)}
	for _, option := range options {
		option(&config)
	}
	if a.api, err = httpapi.New(config); err != nil {
		t.Fatal(err)
	}
	if a.Client, err = client.New(client.Options{Socket: a.Socket}); err != nil {
		t.Fatal(err)
	}
	a.Start()
	t.Cleanup(func() {
		a.Client.Close()
		a.api.EndStreams()
		a.Stop()
		a.w.close()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return a
}

// Services returns services in memory that end with the test, for tests of the API itself.
func Services(t testing.TB) httpapi.Services {
	t.Helper()
	w := newWorld()
	t.Cleanup(w.close)
	return w.services()
}

// Document returns the OpenAPI description of the API.
func (a *Agent) Document() []byte { return a.api.Document() }

// Start listens again after a Stop, at the same addresses.
func (a *Agent) Start() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	local, err := net.Listen("unix", a.Socket)
	if err != nil {
		a.t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", a.address)
	if err != nil {
		local.Close()
		a.t.Fatal(err)
	}
	a.address = tcp.Addr().String()
	a.URL = "http://" + a.address
	a.server = a.api.NewServer()
	a.server.Handler = a
	server := a.server
	for _, listener := range []net.Listener{local, tcp} {
		a.serving.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	}
}

// Stop closes the listeners and all connections, as a crash would. What is in memory stays.
func (a *Agent) Stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server != nil {
		_ = a.server.Close() // only says that a listener was closed already
		a.serving.Wait()     // now nothing listens any more
		a.server = nil
	}
}

// Disconnect breaks all connections; new ones work.
func (a *Agent) Disconnect() {
	a.t.Helper()
	a.Stop()
	a.Start()
}

// Answer makes a path answer with an error until [Agent.AnswerNormally]. path is as requested, for example
// "/v1/servers/alpha".
func (a *Agent) Answer(method, path string, status int, body api.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[method+" "+path] = answer{status, body}
}

// AnswerNormally takes back all of [Agent.Answer].
func (a *Agent) AnswerNormally() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.answers)
}

// Requests returns "METHOD path actor-header" of every request so far, in order.
func (a *Agent) Requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.requests...)
}

// ServeHTTP serves one request as the listeners do, for tests that need no connection.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + r.URL.Path
	a.mu.Lock()
	a.requests = append(a.requests, key+" "+r.Header.Get(api.ActorHeader))
	scripted, found := a.answers[key]
	a.mu.Unlock()
	a.w.touch()
	if !found {
		a.api.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(scripted.status)
	_ = json.NewEncoder(w).Encode(scripted.body) // the reader may be gone
}

// WaitFor returns when true holds, which it checks after every change in the agent. The test fails when it
// does not happen within 30 s.
func (a *Agent) WaitFor(what string, holds func() bool) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		changed := a.w.changes()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			a.t.Fatalf("waited in vain for: %s", what)
		}
	}
}
