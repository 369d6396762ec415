package job

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// maxAttempts is how often in a row agent starts repeat interrupted work by themselves.
const maxAttempts = 3

// Causes of the cancelation of a handler's context.
var (
	errAsked  = errors.New("the job was canceled")
	errEnding = errors.New("the agent is shutting down")
)

func errClosed() error {
	return fault.New(fault.Unavailable, "The agent is starting or shutting down.").WithHint("Try again in a moment.")
}

// Options of a Runner. Store is required.
type Options struct {
	Store   Store
	Workers int           // jobs that run at the same time, urgent and waiting ones not counted; 0 = 4
	Logger  *slog.Logger  // the agent log; nil = none
	Undo    time.Duration // for undoing the steps of one job; 0 = 2 minutes
	Grace   time.Duration // for jobs to end after Close interrupted them; 0 = 10 seconds
}

// Runner runs queued jobs: those of one subject one after another in the order they were queued,
// others side by side. It is safe for concurrent use.
type Runner struct {
	Options
	handlers map[string]Handler
	feed     *feed
	wake     chan struct{}
	closed   chan struct{} // closed when Close is through
	ending   chan struct{} // closed when Close begins
	work     sync.WaitGroup

	loading  sync.Mutex // one look for queued jobs at a time
	position int64      // of the queue, up to where it was loaded; guarded by loading

	mu       sync.Mutex
	state    state
	jobs     map[string]*live
	lanes    map[string]*lane
	ready    []*live // first in their lane, waiting for a slot
	resuming []waiter
	active   int // slots taken
}

type state int

const (
	idle state = iota
	starting
	started
	closing
)

// New returns a Runner that does nothing until Start.
func New(options Options) *Runner {
	options.Workers = cmp.Or(options.Workers, 4)
	options.Undo = cmp.Or(options.Undo, 2*time.Minute)
	options.Grace = cmp.Or(options.Grace, 10*time.Second)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	return &Runner{
		Options:  options,
		handlers: make(map[string]Handler),
		feed:     newFeed(),
		wake:     make(chan struct{}, 1),
		closed:   make(chan struct{}),
		ending:   make(chan struct{}),
		jobs:     make(map[string]*live),
		lanes:    make(map[string]*lane),
	}
}

// Register adds the handlers of some kinds of jobs. It must be called before Start. It fails when a kind
// has a handler already.
func (r *Runner) Register(handlers ...Handler) error {
	for _, h := range handlers {
		if _, found := r.handlers[h.Kind]; found || h.Kind == "" || h.Run == nil {
			return errors.New("register job handler: kind " + h.Kind + " is taken or incomplete")
		}
		r.handlers[h.Kind] = h
	}
	return nil
}

// Start marks the jobs that a former agent left running as interrupted, queues those again whose handler
// allows it, and begins to run what is queued. ctx bounds this only; jobs run until Close.
func (r *Runner) Start(ctx context.Context) error {
	if !r.advance(idle, starting) {
		return errors.New("start job runner: it was started before")
	}
	if err := r.Recover(ctx); err != nil {
		return err
	}
	if !r.advance(starting, started) {
		return errClosed()
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	r.work.Go(r.dispatch)
	return nil
}

func (r *Runner) advance(from, to state) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != from {
		return false
	}
	r.state = to
	return true
}

// Wake makes the runner look for queued jobs. It does not block.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// dispatch looks for queued jobs whenever it is woken.
func (r *Runner) dispatch() {
	for {
		select {
		case <-r.wake:
		case <-r.ending:
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTry)
		err := r.load(ctx)
		cancel()
		if err == nil {
			continue
		}
		r.Logger.Error("cannot read queued jobs", "error", err)
		select {
		case <-time.After(retryLast):
			r.Wake()
		case <-r.ending:
			return
		}
	}
}

// Close starts no more jobs and waits for the running ones. When ctx ends first they are interrupted, and
// queued again for the next start if their handler allows it. It fails when some did not obey in time.
func (r *Runner) Close(ctx context.Context) error {
	r.mu.Lock()
	if r.state == closing {
		r.mu.Unlock()
		<-r.closed
		return nil
	}
	r.state = closing
	close(r.ending)
	r.mu.Unlock()
	defer close(r.closed)

	done := make(chan struct{})
	go func() { r.work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, l := range r.running() {
		l.cancel(errEnding)
	}
	select {
	case <-done:
		return nil
	case <-time.After(r.Grace):
	}
	return r.abandon()
}

// abandon records jobs that do not end as interrupted; whatever they still do is not recorded.
func (r *Runner) abandon() error {
	var names []string
	for _, l := range r.running() {
		job := l.snapshot()
		names = append(names, Title(job.Kind, job.Label))
		r.finish(l, outcome{status: Interrupted, err: interrupted(r.repeats(job))})
	}
	if len(names) == 0 {
		return nil
	}
	return fault.New(fault.Unavailable, "%d jobs did not stop in time: %s.", len(names), strings.Join(names, ", ")).
		WithHint("They are shown as interrupted; look at what they left when the agent has started.")
}

// unfinished returns the queued and running jobs, oldest first.
func (r *Runner) unfinished() []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Job, 0, len(r.jobs))
	for _, l := range r.jobs {
		if job := l.snapshot(); !job.Status.Final() {
			out = append(out, job)
		}
	}
	slices.SortFunc(out, func(a, b Job) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// running returns the jobs whose handler was started and that are not final.
func (r *Runner) running() []*live {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*live
	for _, l := range r.jobs {
		if l.started && !l.snapshot().Status.Final() {
			out = append(out, l)
		}
	}
	return out
}
