package job

import (
	"context"
	"slices"
	"sync"
)

// live is a job that the runner holds: queued, running, or final and not yet stored.
type live struct {
	saving sync.Mutex // held over one change and its storing, so that the store sees them in order

	mu      sync.Mutex
	job     Job // its Steps and Progress are replaced, never changed
	version uint64
	log     buffer
	changed chan struct{} // closed at the next change or line; nil when nobody waits
	space   chan struct{} // closed when stored lines made room; nil when nobody waits

	ctx    context.Context // the handler's; canceled with errAsked or errEnding as cause
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the job is final

	// Guarded by Runner.mu.
	started bool
	slot    bool // holds one of the runner's slots
}

func newLive(job Job) *live {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &live{job: job, version: 1, log: newBuffer(), ctx: ctx, cancel: cancel, done: make(chan struct{})}
}

// snapshot returns the job as it is now. The caller must not change what it points to.
func (l *live) snapshot() Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.job
}

// set makes job the present state, except for its Progress, and wakes who waits for it.
func (l *live) set(job Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wasFinal := l.job.Status.Final()
	job.Progress = l.job.Progress
	l.job = job
	l.version++
	l.wakeLocked()
	if job.Status.Final() && !wasFinal {
		close(l.done)
	}
}

// progress replaces the progress without waking anybody.
func (l *live) progress(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.job.Progress = &p
}

// touch wakes who waits for a change.
func (l *live) touch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	l.wakeLocked()
}

func (l *live) wakeLocked() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// waitLocked returns a channel that is closed at the next change or line.
func (l *live) waitLocked() <-chan struct{} {
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// editStep returns steps with step i changed, leaving the original alone.
func editStep(steps []Step, i int, edit func(*Step)) []Step {
	out := slices.Clone(steps)
	edit(&out[i])
	return out
}
