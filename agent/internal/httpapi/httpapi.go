package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// Config says what an API serves, to whom and how.
type Config struct {
	Services Services
	Grants   Grants
	Log      *slog.Logger // required
	Stream   StreamLimits
}

// StreamLimits bound what one reader of a stream costs. Zero fields take the default.
type StreamLimits struct {
	Heartbeat time.Duration // silence before a comment is sent; 15 s
	Write     time.Duration // how long a write may block before the reader is given up; 30 s
	Stall     time.Duration // how long a full buffer holds up its source before lines are dropped; 2 s
	Items     int           // buffered items per reader; 256
	Bytes     int           // buffered bytes per reader; 256 KiB
}

func (l *StreamLimits) setDefaults() {
	l.Heartbeat = orDefault(l.Heartbeat, 15*time.Second)
	l.Write = orDefault(l.Write, 30*time.Second)
	l.Stall = orDefault(l.Stall, 2*time.Second)
	l.Items = orDefault(l.Items, 256)
	l.Bytes = orDefault(l.Bytes, 256<<10)
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// API is the agent's HTTP API. It is safe for concurrent use.
type API struct {
	grants   Grants
	tokens   Tokens
	log      *slog.Logger
	limits   StreamLimits
	hubs     *hubs
	routes   []route
	registry huma.Registry
	document []byte
	router   chi.Router
	taken    *taken
	stopping chan struct{}
	stopOnce sync.Once
}

// New returns an API. It fails when a service is missing or the table of routes is wrong.
func New(config Config) (*API, error) {
	if err := config.Services.check(); err != nil {
		return nil, err
	}
	if config.Log == nil {
		return nil, errors.New("httpapi: no logger")
	}
	a := &API{
		grants: config.Grants, tokens: config.Services.Tokens, log: config.Log, limits: config.Stream, hubs: newHubs(config.Services.ServerLive),
		routes: table(config.Services), taken: newTaken(), stopping: make(chan struct{}),
	}
	a.limits.setDefaults()
	if err := a.describe(); err != nil {
		return nil, err
	}
	return a, a.mount()
}

// check names the first service that is not set.
func (s Services) check() error {
	value := reflect.ValueOf(s)
	for i := range value.NumField() {
		if value.Field(i).IsNil() {
			return fmt.Errorf("httpapi: no service %s", value.Type().Field(i).Name)
		}
	}
	return nil
}

// mount puts the table into a router.
func (a *API) mount() error {
	router := chi.NewRouter()
	router.NotFound(a.notFound)
	router.MethodNotAllowed(a.methodNotAllowed)
	seen := map[string]bool{}
	for _, row := range a.routes {
		key := row.method + " " + row.path
		if !row.access.valid() || row.id == "" || seen[key] {
			return fmt.Errorf("httpapi: the route %s has no policy, no id or is there twice", key)
		}
		seen[key] = true
		router.Method(row.method, row.path, a.serve(row))
	}
	a.router = router
	return nil
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.observe(a.router).ServeHTTP(w, r)
}

// NewServer returns a server of the API for one or more listeners, with the deadlines and the peer
// credentials that it needs. Its Shutdown ends the streams of the whole API.
func (a *API) NewServer() *Server {
	server := &http.Server{
		Handler:           a,
		ConnContext:       ConnContext,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      120 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	return &Server{Server: server, api: a}
}

// EndStreams ends all streams, present and future, so that a shutdown need not wait for their readers.
// Readers see the connection close without an end event, and resume when the agent is back.
func (a *API) EndStreams() { a.stopOnce.Do(func() { close(a.stopping) }) }

// Routes lists "METHOD path: access" for the reference, sorted.
func (a *API) Routes() []string {
	var out []string
	for _, row := range a.routes {
		out = append(out, fmt.Sprintf("%s %s: %s", row.method, row.path, row.access))
	}
	slices.Sort(out)
	return out
}
