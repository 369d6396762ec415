package job

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// showEvery is the least time between two progress reports that subscribers see.
const showEvery = 100 * time.Millisecond

// Run is one execution of a job, handed to its handler. It is safe for concurrent use by goroutines of
// the handler; what they say after the handler has returned is ignored.
type Run struct {
	runner *Runner
	live   *live
	log    *logger

	mu      sync.Mutex
	secrets []string // longest first; replaced, never changed
	writers []*lineWriter
	undo    []undo // of succeeded steps, in order
	summary string
	result  json.RawMessage
	shown   time.Time   // when subscribers last saw progress
	timer   *time.Timer // shows the progress that waits; nil = none waits
	ended   bool
}

// Job returns the job as it is now.
func (r *Run) Job() Job { return r.live.snapshot() }

// Params decodes the job's parameters into v, a pointer. A job without any leaves v as it is.
func (r *Run) Params(v any) error {
	params := r.live.snapshot().Params
	if len(params) == 0 {
		return nil
	}
	if err := json.Unmarshal(params, v); err != nil {
		return fault.Wrap(err, fault.Internal, "The parameters of the job cannot be read.").
			WithHint("It may have been queued by another version of left4me; ask for it again.")
	}
	return nil
}

// Logf adds lines to the job's log, one for each line of the text. level is one of those of [Line].
// It waits when lines come faster than they can be stored.
func (r *Run) Logf(level, format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), "\r\n")
	for line := range strings.SplitSeq(text, "\n") {
		r.add(level, strings.TrimRight(line, "\r"))
	}
}

// Writer returns a writer whose lines go to the job's log. A carriage return starts a line anew. A last
// line without an end is added when the handler has returned.
func (r *Run) Writer(level string) io.Writer {
	w := &lineWriter{emit: func(raw string) { r.add(level, raw) }}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writers = append(r.writers, w)
	return w
}

func (r *Run) add(level, raw string) { r.log.add(level, r.clean(raw)) }

func (r *Run) clean(raw string) string {
	r.mu.Lock()
	secrets := r.secrets
	r.mu.Unlock()
	return clean(raw, secrets)
}

// Redact hides secrets in everything the job says from now on: log, progress, summary and error.
// Secrets of less than four bytes are not hidden.
func (r *Run) Redact(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = addSecrets(r.secrets, secrets...)
}

// Summary sets the one sentence that says what came out.
func (r *Run) Summary(text string) {
	text = r.clean(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary = text
}

// Result sets what came out, for programs. v must marshal to JSON.
func (r *Run) Result(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("result of job %s: %w", r.Job().ID, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result = data
	return nil
}

// Progress replaces the progress of the job. Subscribers see at most about ten a second, and always the
// last one.
func (r *Run) Progress(p Progress) {
	p.Phase, p.Message = r.clean(p.Phase), r.clean(p.Message)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.live.progress(p)
	if r.timer != nil {
		return
	}
	if wait := showEvery - time.Since(r.shown); wait > 0 {
		r.timer = time.AfterFunc(wait, r.show)
		return
	}
	r.shown = time.Now()
	r.runner.show(r.live)
}

func (r *Run) show() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.timer, r.shown = nil, time.Now()
	r.runner.show(r.live)
}

// Await waits until another job is final and returns it. Meanwhile this job gives up its slot, so jobs
// that wait for each other's work do not starve; its subject stays locked. It fails for a job of the same
// subject. Two jobs must not wait for each other.
func (r *Run) Await(ctx context.Context, id string) (Job, error) {
	if other, err := r.runner.Get(ctx, id); err != nil || other.Status.Final() {
		return other, err
	} else if own := r.Job().Subject; other.Subject == own && !other.Urgent {
		return other, fmt.Errorf("await job %s: it waits for this one, both are of %s", id, own)
	}
	if r.runner.pause(r.live) {
		defer r.runner.resume(ctx, r.live)
	}
	return r.runner.Wait(ctx, id)
}

// Idle waits for a time or until ctx ends. Meanwhile this job gives up its slot, as in Await, so that a job that waits
// for hours keeps no other from running.
func (r *Run) Idle(ctx context.Context, d time.Duration) error {
	if r.runner.pause(r.live) {
		defer r.runner.resume(ctx, r.live)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end makes the run silent and returns its summary and result.
func (r *Run) end() (string, json.RawMessage) {
	r.mu.Lock()
	writers := r.writers
	r.mu.Unlock()
	for _, w := range writers {
		w.flush()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.timer != nil {
		r.timer.Stop()
	}
	return r.summary, r.result
}
