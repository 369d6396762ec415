package builder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/left4me/left4me/sdk"
)

// Build is one build as a build function made for [New] sees it.
type Build[S any] struct {
	// BuildID is unique per attempt, OverlayID stable over the overlay's life.
	BuildID, OverlayID string
	// Settings are the overlay's, checked against the schema of S.
	Settings S
	// Dir is the staging tree. It shows the previous revision, or nothing for a first or wiped build,
	// and what the function leaves in it becomes the new one. Names that lead out of it fail.
	Dir *os.Root
	// Path of Dir, for child processes.
	Path string
	// Secrets by name. They must not appear in logs, output, errors and results.
	Secrets map[string]string
	// Limits are enforced after the function returned, MaxTime during it. A function that downloads
	// should look at them before.
	Limits Limits
	// PreviousAnnotations are those of the previous revision, empty for a first or wiped build.
	PreviousAnnotations map[string]string
	// Plugin is what the last Configure gave: directories, log level, plugin secrets.
	Plugin sdk.Settings
	// Result is what the build ends with. Bytes and Files may be left zero: they are counted.
	Result Result

	Events
}

// Step reports progress in steps of a phase. A total of 0 means unknown.
func (b *Build[S]) Step(phase string, done, total uint64) {
	b.Progress(Progress{Phase: phase, Unit: Steps, Done: done, Total: total})
}

// Logf writes a line to the build's log at the level info.
func (b *Build[S]) Logf(format string, args ...any) {
	b.Log("info", fmt.Sprintf(format, args...))
}

// Annotate keeps a text with the revision, for the next build.
func (b *Build[S]) Annotate(key, value string) {
	if b.Result.Annotations == nil {
		b.Result.Annotations = map[string]string{}
	}
	b.Result.Annotations[key] = value
}

// Unchanged says that the previous revision is still right. The function must not have changed Dir.
func (b *Build[S]) Unchanged() { b.Result.Unchanged = true }

// Writer returns a writer for a child process's output.
func (b *Build[S]) Writer(stream Stream) io.Writer { return outputWriter{b.Events, stream} }

// LineWriter returns a writer that writes each line to the build's log. Close it to write a last line
// that has no end.
func (b *Build[S]) LineWriter(level string) io.WriteCloser {
	return &lineWriter{events: b.Events, level: level}
}

type outputWriter struct {
	events Events
	stream Stream
}

// Write implements io.Writer.
func (w outputWriter) Write(data []byte) (int, error) {
	w.events.Output(w.stream, data)
	return len(data), nil
}

// lineWriter cuts what it gets into log lines. A line longer than MaxOutput becomes several.
type lineWriter struct {
	mu     sync.Mutex
	events Events
	level  string
	rest   []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, data...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < MaxOutput {
			return len(data), nil
		}
		if end < 0 || end > MaxOutput {
			w.line(MaxOutput, MaxOutput)
			continue
		}
		w.line(end, end+1)
	}
}

// Close implements io.Closer.
func (w *lineWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.line(len(w.rest), len(w.rest))
	}
	return nil
}

func (w *lineWriter) line(end, next int) {
	w.events.Log(w.level, string(bytes.TrimSuffix(w.rest[:end], []byte("\r"))))
	w.rest = w.rest[next:]
}

// PlanInput is what a plan function made for [WithPlan] sees.
type PlanInput[S any] struct {
	OverlayID           string
	Settings            S
	Secrets             map[string]string
	PreviousAnnotations map[string]string
	Plugin              sdk.Settings
}

// The kinds of function that options and New take.
type (
	buildFunc[S any]    func(ctx context.Context, b *Build[S]) error
	planFunc[S any]     func(ctx context.Context, input PlanInput[S]) (Plan, error)
	validateFunc[S any] func(ctx context.Context, settings S) []sdk.Diagnostic
)
