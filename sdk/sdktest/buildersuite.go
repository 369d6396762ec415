package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// BuilderSpec is what [RunBuilder] needs to know.
type BuilderSpec struct {
	Subject
	// Overlay is an overlay's settings with which a build succeeds and leaves at least one file.
	Overlay json.RawMessage
	// Changed is another such, which leaves something else. Without it some checks are skipped.
	Changed json.RawMessage
	// Endless is settings of a build that lasts until it is canceled and reports at least one event
	// before. Without it some checks are skipped.
	Endless json.RawMessage
	// Unstable says that two builds with the same settings may differ, for example in what a site served.
	Unstable bool
}

// RunBuilder runs every check of a builder.
func RunBuilder(t *testing.T, spec BuilderSpec) {
	t.Helper()
	runChecks(t, spec.Subject, sdk.KindBuilder, builderChecks(),
		func(w way) *builderRun { return &builderRun{way: w, spec: spec} })
}

// builderRun is what a check of a builder works with.
type builderRun struct {
	way
	spec BuilderSpec
}

func builderChecks() []check[*builderRun] {
	checks := append(processChecks[*builderRun](), baseChecks[*builderRun]()...)
	return append(checks, []check[*builderRun]{
		{"C23", "a call before Configure is refused", builderBeforeConfigure},
		{"C24", "secrets appear nowhere", builderSecrets},
		{"C26", "drain cancels a running build", builderDrain},
		{"C27", "overlay settings that do not fit are explained", builderBadSettings},
		{"C30", "validate changes nothing", builderValidatePure},
		{"C31", "empty settings", builderEmptySettings},
		{"C32", "a build ends in one result and content", builderBuild},
		{"C33", "events are numbered without a gap", builderNumbers},
		{"C34", "progress never goes back", builderProgress},
		{"C35", "a build writes in its tree only", builderWritesInside},
		{"C36", "content holds no device, setuid file or link that leads out", builderFit},
		{"C37", "the same settings give the same content and key", builderSame},
		{"C38", "a rebuild that finds nothing new", builderUnchanged},
		{"C39", "cancel at any moment, then build", builderCancel},
		{"C40", "a deadline ends a build", builderDeadline},
		{"C41", "killed in a build, then build", builderKilled},
		{"C42", "four builds at once", builderParallel},
		{"C43", "limits are honoured", builderLimits},
		{"C44", "a tree that cannot be written", builderNoTree},
		{"C45", "a slow reader gets everything", builderSlowReader},
		{"C46", "forget is idempotent", builderForget},
		{"C47", "a build without its secrets says so", builderNoSecrets},
		{"C48", "plan and its capability", builderPlan},
		{"C49", "descriptions of items and their capability", builderDescribe},
	}...)
}

// ready starts and configures the builder.
func (r *builderRun) ready(t T) (*running, builder.Builder) {
	t.Helper()
	run := r.way.ready(t, t.TempDir())
	return run, withSecrets{builder.NewClient(run.conn), r.spec.Secrets}
}

// request returns a request with a fresh, empty staging tree that has a sibling on each side, where
// nothing may be written.
func request(t T, settings json.RawMessage) builder.Request {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a-neighbour", "tree", "z-neighbour"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatalf("make a staging tree: %v", err)
		}
		if name != "tree" {
			if err := os.WriteFile(filepath.Join(dir, name, "keep"), []byte(name), 0o644); err != nil {
				t.Fatalf("make a neighbour: %v", err)
			}
		}
	}
	return builder.Request{
		BuildID: "build-1", OverlayID: "overlay-1", Settings: settings, OutputDir: filepath.Join(dir, "tree"),
	}
}

// build runs one build that must succeed and returns its result and content.
func build(t T, b builder.Builder, request builder.Request) (builder.Result, Tree) {
	t.Helper()
	result, err := b.Build(patient(t), request, &Recorder{})
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return result, readTree(t, request.OutputDir)
}

func readTree(t T, dir string) Tree {
	t.Helper()
	tree, err := ReadTree(dir)
	if err != nil {
		t.Fatalf("read %s: %v", dir, err)
	}
	return tree
}

// sameTree fails the check unless two trees are equal.
func sameTree(t T, what string, got, want Tree) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s is %+v, want %+v", what, name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s should not be there", what, name)
		}
	}
}

// startEndless starts the endless build and returns when it has reported an event.
func startEndless(t T, ctx context.Context, b builder.Builder, settings json.RawMessage) <-chan error {
	t.Helper()
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	events := &Recorder{OnEvent: func() {
		select {
		case begun <- struct{}{}:
		default:
		}
	}}
	work := request(t, settings)
	work.OverlayID = "endless"
	go func() {
		result, err := b.Build(ctx, work, events)
		if err == nil {
			err = fmt.Errorf("the endless build ended with %+v", result)
		}
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("the endless build ended before its first event: %v", err)
	case <-patient(t).Done():
		t.Fatalf("the endless build reported nothing")
	}
	return ended
}
