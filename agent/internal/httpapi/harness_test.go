package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

const token = "token-of-the-tests"

// Users of the tests: who is granted what.
const (
	reader, operator, admin, stranger = 2001, 2002, 2003, 2004
	operators                         = 3002
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(readersVariable); spec != "" {
		if err := holdReaders(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// logged collects the agent's log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newAPI returns an API over services in memory, and its log. change may replace services.
func newAPI(t testing.TB, change func(*httpapi.Config)) (*httpapi.API, *logged) {
	t.Helper()
	log := &logged{}
	config := httpapi.Config{
		Services: agenttest.Services(t),
		Grants: httpapi.Grants{Token: token,
			UIDs: map[int]httpapi.Access{reader: httpapi.Read, operator: httpapi.Operate, admin: httpapi.Admin},
			GIDs: map[int]httpapi.Access{operators: httpapi.Operate}},
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&config)
	}
	made, err := httpapi.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return made, log
}

// do sends one request as an admin with a token and returns status, body and header.
func do(t testing.TB, h http.Handler, method, path, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	data, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(data), w.Header()
}

// failure decodes an error and checks that it is one for a person.
func failure(t testing.TB, body string) api.Error {
	t.Helper()
	var e api.Error
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("not an error: %v: %s", err, body)
	}
	if !strings.HasSuffix(e.Message, ".") || strings.Count(e.Message, "\n") > 0 || e.Hint == "" || e.Source == "" {
		t.Errorf("not one sentence with a next step: %+v", e)
	}
	return e
}

// asPeer sends requests as a local user.
func asPeer(h http.Handler, uid int, groups ...int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		h.ServeHTTP(w, r.WithContext(httpapi.WithPeer(r.Context(), uid, groups...)))
	})
}

// hostFunc serves httpapi.Host.
type hostFunc func(context.Context) (api.Host, error)

func (f hostFunc) Host(ctx context.Context) (api.Host, error) { return f(ctx) }

// forward sends what is meant for a handler to a test agent's API, as its admin.
func forward(agent *agenttest.Agent) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+agenttest.Token)
		agent.ServeHTTP(w, r)
	})
}

// openAt connects to a stream of a test agent.
func openAt(t testing.TB, agent *agenttest.Agent, path string, headers ...string) *bufio.Scanner {
	t.Helper()
	return open(t, agent.URL+path, append(headers, "Authorization", "Bearer "+agenttest.Token)...)
}
