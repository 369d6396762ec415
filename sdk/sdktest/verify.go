package sdktest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
)

// Status of an Outcome.
type Status string

// Statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // it does not apply; the reason says why
)

// Outcome is what a check found.
type Outcome struct {
	Check
	Status  Status   `json:"status"`
	Reasons []string `json:"reasons,omitempty"` // what is wrong, or why it was skipped
	Notes   []string `json:"notes,omitempty"`   // the plugin's log among them
	// Took is how long the check ran, in nanoseconds.
	Took time.Duration `json:"took"`
}

// VerifyBuilder runs the checks of a builder that only wants (nil wants all) against its binary, outside of a test, and
// calls report after each. The spec needs a Command. It ends early when ctx does.
func VerifyBuilder(ctx context.Context, spec BuilderSpec, only func(Check) bool, report func(Outcome)) error {
	run := &builderRun{way: way{subject: spec.Subject, kind: sdk.KindBuilder, process: true}, spec: spec}
	return verify(ctx, spec.Subject, builderChecks(), run, only, report)
}

// VerifyMounter is VerifyBuilder for a mounter.
func VerifyMounter(ctx context.Context, spec MounterSpec, only func(Check) bool, report func(Outcome)) error {
	run := &mounterRun{way: way{subject: spec.Subject, kind: sdk.KindMounter, process: true}, spec: spec}
	return verify(ctx, spec.Subject, mounterChecks(), run, only, report)
}

func verify[S any](
	ctx context.Context, subject Subject, checks []check[S], with S, only func(Check) bool, report func(Outcome),
) error {
	if subject.Command == nil {
		return sdk.Errorf(sdk.CodeInvalid, "There is no command to verify.")
	}
	texts := documented(checks)
	for i, c := range checks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if only != nil && !only(texts[i]) {
			continue
		}
		report(tryOne(ctx, texts[i], func(t T) { c.run(t, with) }))
	}
	return ctx.Err()
}

// tryOne runs one check in a goroutine of its own, which Fatalf and Skipf end, and cleans up after it.
func tryOne(ctx context.Context, text Check, run func(T)) Outcome {
	t := &trial{name: text.ID, ctx: ctx}
	begun := time.Now()
	t.guard(func() { run(t) })
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		t.guard(last)
	}
	out := Outcome{Check: text, Status: Passed, Notes: t.notes, Took: time.Since(begun)}
	switch {
	case len(t.problems) > 0:
		out.Status, out.Reasons = Failed, slices.Compact(t.problems)
	case t.skipped != "":
		out.Status, out.Reasons = Skipped, []string{t.skipped}
	}
	return out
}

// trial is a T outside of a test.
type trial struct {
	name string
	ctx  context.Context //nolint:containedctx // T hands it out, like *testing.T

	mu       sync.Mutex
	problems []string
	notes    []string
	skipped  string
	cleanups []func()
}

func (t *trial) guard(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("the check itself panicked: %v", p)
			}
		}()
		f()
	}()
	<-done
}

// Helper implements T.
func (t *trial) Helper() {}

// Name implements T.
func (t *trial) Name() string { return t.name }

// Context implements T.
func (t *trial) Context() context.Context { return t.ctx }

// Logf implements T.
func (t *trial) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Errorf implements T.
func (t *trial) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// Fatalf implements T.
func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf implements T.
func (t *trial) Skipf(format string, args ...any) {
	t.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// Failed implements T.
func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.problems) > 0
}

// TempDir implements T.
func (t *trial) TempDir() string {
	dir, err := os.MkdirTemp("", "left4me-verify")
	if err != nil {
		t.Fatalf("make a directory: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	inner := dir + "/work"
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatalf("make a directory: %v", err)
	}
	return inner
}

// Cleanup implements T.
func (t *trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}
