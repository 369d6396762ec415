package job_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// host is a runner over a real database.
type host struct {
	*job.Runner
	DB  *sqlite.DB
	t   *testing.T
	ctx context.Context
}

// newHost makes a host with handlers, by kind, and starts it.
func newHost(t *testing.T, handlers ...job.Handler) *host {
	t.Helper()
	return openHost(t, filepath.Join(t.TempDir(), "agent.db"), job.Options{}, handlers...)
}

func openHost(t *testing.T, path string, options job.Options, handlers ...job.Handler) *host {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{DB: db, t: t, ctx: context.WithoutCancel(t.Context())}
	if options.Store == nil {
		options.Store = db
	}
	options.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	h.Runner = job.New(options)
	t.Cleanup(h.end)
	if err := h.Register(handlers...); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(h.ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

// end interrupts what runs and closes everything. It may be called twice.
func (h *host) end() {
	now, cancel := context.WithCancel(h.ctx)
	cancel()
	if err := h.Close(now); err != nil {
		h.t.Error(err)
	}
	if h.DB == nil {
		return
	}
	if err := h.DB.Close(); err != nil {
		h.t.Error(err)
	}
	h.DB = nil
}

func (h *host) submit(spec job.Spec) job.Job {
	h.t.Helper()
	j, _, err := h.Submit(h.ctx, spec)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

func (h *host) wait(id string) job.Job {
	h.t.Helper()
	j, err := h.Wait(h.ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// run submits spec and waits for its end.
func (h *host) run(spec job.Spec) job.Job {
	h.t.Helper()
	return h.wait(h.submit(spec).ID)
}

// log returns the stored log of a final job.
func (h *host) log(id string) []string {
	h.t.Helper()
	var texts []string
	err := h.Replay(h.ctx, id, 0, func(l job.Line) error {
		texts = append(texts, l.Level+": "+l.Text)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return texts
}

func do(kind string, run func(context.Context, *job.Run) error) job.Handler {
	return job.Handler{Kind: kind, Run: run}
}

func spec(kind, subject string) job.Spec { return job.Spec{Kind: kind, Subject: subject, Actor: "ada"} }

// obedient waits until it is canceled; started gets the id of each job that runs.
func obedient(kind string, started chan<- string) job.Handler {
	return do(kind, func(ctx context.Context, run *job.Run) error {
		started <- run.Job().ID
		<-ctx.Done()
		return ctx.Err()
	})
}
