// Package job runs recorded long operations.
//
// A [Job] is queued in the transaction that records what it is for, runs under the lock of its
// subject, reports steps, progress and a log, can be canceled, and survives a crash of the agent as
// "interrupted". Handlers are registered by kind with a [Runner].
package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Status of a job.
type Status string

// Statuses. Succeeded, Failed, Canceled and Interrupted are final.
const (
	Queued      Status = "queued"
	Running     Status = "running"
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Canceled    Status = "canceled"
	Interrupted Status = "interrupted" // the agent ended while it ran
)

// Final reports whether s never changes again.
func (s Status) Final() bool { return s != Queued && s != Running }

// StepStatus of a [Step].
type StepStatus string

// Step statuses.
const (
	StepPending   StepStatus = "pending"
	StepRunning   StepStatus = "running"
	StepSucceeded StepStatus = "succeeded"
	StepFailed    StepStatus = "failed"
	StepSkipped   StepStatus = "skipped" // not reached
	StepUndone    StepStatus = "undone"  // succeeded, then rolled back because a later step failed
)

// Job is one recorded long operation.
type Job struct {
	ID         string // rising in time, never reused
	Kind       string // "overlay.build"
	Subject    string // "overlay/<id>": the lock it runs under
	Label      string // the subject as a person knows it: "overlay/maps"
	Params     json.RawMessage
	Status     Status
	Actor      string // who asked; "" is the system
	Canceling  bool   // cancel was asked for and not yet obeyed
	Steps      []Step
	Progress   *Progress // last reported; kept in memory while running
	Error      *fault.Error
	Summary    string          // what came out, one sentence
	Result     json.RawMessage // what came out, for programs; its form is that of the kind
	RetryOf    string          // id of the job this one repeats
	Attempt    int             // how often in a row an agent start has repeated this work by itself
	Urgent     bool            // runs without lock and slot, see Spec
	CreatedAt  time.Time
	StartedAt  time.Time // zero until running
	FinishedAt time.Time // zero until final
}

// Step is one part of a job.
type Step struct {
	Name       string
	Status     StepStatus
	StartedAt  time.Time
	FinishedAt time.Time
}

// Progress of a running job. Total 0 means unknown.
type Progress struct {
	Phase   string
	Unit    string // bytes, files, steps
	Done    uint64
	Total   uint64
	Message string
}

// Line is one line of a job log. Seq is 1, 2, 3 … within a job.
type Line struct {
	Seq   int64
	Time  time.Time
	Level string // debug, info, warn, error, stdout, stderr
	Text  string // without line end, valid UTF-8, no NUL, at most 8 KiB
}

// Spec asks for a job.
type Spec struct {
	Kind    string
	Subject string
	Label   string // "" = Subject
	Params  any    // marshaled to JSON; nil = none
	Actor   string
	// Coalesce returns the queued or running job of the same kind, subject and parameters instead of a second one,
	// unless that one is being canceled or a job of another kind on the same subject came after it.
	Coalesce bool
	// Urgent runs at once, without waiting for the subject's lock or a free slot (server.kill).
	Urgent  bool
	RetryOf string
}

// Filter selects jobs. Zero fields select everything.
type Filter struct {
	Subject string
	Label   string
	Kind    string
	Status  Status
	Before  string // only ids below this
	Limit   int    // at most this many, newest first; 0 = 100
}

// Tx queues jobs inside a transaction of the store. After the commit the caller calls Runner.Wake.
type Tx interface {
	// AddJob queues spec, or with Coalesce returns the job that already stands (existed).
	AddJob(ctx context.Context, spec Spec) (job Job, existed bool, err error)
}

// Handler does the work of one kind.
type Handler struct {
	Kind string
	// Steps names the steps in order, as far as they are known before the job runs.
	Steps []string
	// Retry runs the job again by itself when an agent start finds it interrupted. Only for work that
	// is idempotent.
	Retry bool
	// Run does the work. It returns a *fault.Error for what a person should read. When ctx is
	// canceled it returns soon; the runner then records Canceled.
	Run func(ctx context.Context, run *Run) error
}
