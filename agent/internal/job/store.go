package job

import (
	"context"

	"github.com/left4me/left4me/agent/internal/event"
)

// Store keeps jobs and their logs. Implementations are safe for concurrent use, and every method is
// one transaction.
type Store interface {
	Records
	Queue
	LogStore
}

// Records reads and changes single jobs.
type Records interface {
	// Job returns the job with id, or a NotFound fault.
	Job(ctx context.Context, id string) (Job, error)
	// Jobs returns what filter selects, newest first.
	Jobs(ctx context.Context, filter Filter) ([]Job, error)
	// SaveJob records the present state of job together with events. A job that is final already stays
	// as it is: SaveJob then returns a Precondition fault.
	SaveJob(ctx context.Context, job Job, events ...event.Event) error
}

// Queue holds the jobs that wait, in the order in which they were added.
type Queue interface {
	// Queue does what Tx.AddJob does, in a transaction of its own.
	Queue(ctx context.Context, spec Spec) (job Job, existed bool, err error)
	// Pending returns the queued jobs that were added after a position of the queue, in queue order, and
	// the position of the newest. Position 0 is before all.
	Pending(ctx context.Context, after int64) (jobs []Job, last int64, err error)
	// Interrupt records job, whose status is Interrupted, and with again queues the same work once more
	// at the place in the queue that job had, with Attempt one higher. Both or neither happen.
	Interrupt(ctx context.Context, job Job, again bool, events ...event.Event) (retry Job, err error)
}

// LogStore keeps the lines of job logs.
type LogStore interface {
	// AddLines appends lines, whose Seq rise, to the log of the job with id.
	AddLines(ctx context.Context, id string, lines []Line) error
	// Lines returns up to limit lines with a Seq above after, in order.
	Lines(ctx context.Context, id string, after int64, limit int) ([]Line, error)
}
