package pluginhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

func testContext() context.Context { return context.Background() }

// recorder keeps the events of a build.
type recorder struct {
	mu       sync.Mutex
	logs     []string
	output   []byte
	progress chan builder.Progress // may be nil
}

func (r *recorder) Progress(p builder.Progress) {
	if r.progress != nil {
		r.progress <- p
	}
}

func (r *recorder) Log(level, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = append(r.logs, level+": "+message)
}

func (r *recorder) Output(_ builder.Stream, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.output = append(r.output, data...)
}

func (r *recorder) Diagnostic(sdk.Diagnostic) {}

func doing(what string) builder.Request {
	return builder.Request{BuildID: "b1", OverlayID: "o1", OutputDir: "/nowhere", Settings: json.RawMessage(`{"do":"` + what + `"}`)}
}

// wantFault checks code, source and a part of the message.
func wantFault(t *testing.T, err error, code fault.Code, source, part string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok {
		t.Fatalf("error %v is no fault", err)
	}
	if f.Code != code || f.Source != source || !strings.Contains(f.Message, part) {
		t.Errorf("got %s from %q: %q, want %s from %q with %q", f.Code, f.Source, f.Message, code, source, part)
	}
}

func TestBuild(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	events := &recorder{}
	result, err := b.Build(t.Context(), doing("work"), events)
	if err != nil {
		t.Fatal(err)
	}
	want := builder.Result{CacheKey: "k", Files: 1, Annotations: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"info: hello there"}, events.logs); diff != "" {
		t.Error(diff)
	}
	if string(events.output) != "raw \x1b[1m" {
		t.Errorf("output %q", events.output)
	}
	if _, err := b.Plan(t.Context(), builder.PlanRequest{}); !errors.Is(err, builder.ErrNoPlan) || !fault.Is(err, fault.Precondition) {
		t.Errorf("plan: %v", err)
	}
	describer := b.(builder.Describer)
	if _, err := describer.Describe(t.Context(), "o1", []string{"1"}); !errors.Is(err, builder.ErrNoDescription) || !fault.Is(err, fault.Precondition) {
		t.Errorf("describe: %v", err)
	}
	if _, err := describer.Picture(t.Context(), "o1", "1"); !errors.Is(err, builder.ErrNoDescription) {
		t.Errorf("picture: %v", err)
	}
	if err := b.Forget(t.Context(), "o1"); err != nil {
		t.Error(err)
	}
	status := r.awaitState("overlay-x", pluginhost.Ready)
	if status.Info.Version != "1.2.3" || status.PID == 0 || status.MemoryBytes == 0 || status.StartedAt.IsZero() {
		t.Errorf("status %+v", status)
	}
}

func TestErrorsOfThePlugin(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Build(t.Context(), doing("fail"), &recorder{})
	wantFault(t, err, fault.Precondition, "plugin:overlay-x", "The disk is [1mfull.")
	if f, _ := fault.Of(err); f.Hint != "Buy one." || f.Field != "/disk" {
		t.Errorf("hint %q, field %q", f.Hint, f.Field)
	}
	_, err = b.Validate(t.Context(), json.RawMessage(`{`))
	wantFault(t, err, fault.Invalid, "plugin:overlay-x", "Not JSON.")
	_, err = b.Build(t.Context(), doing("panic"), &recorder{})
	wantFault(t, err, fault.Internal, "plugin:overlay-x", "panicked")
	if s := r.awaitState("overlay-x", pluginhost.Ready); s.Restarts != 0 {
		t.Errorf("a panic in a call ended the plugin: %+v", s)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"wait", "stuck"} { // stuck does not obey, the caller gets away all the same
		ctx, cancel := context.WithCancel(t.Context())
		events := &recorder{progress: make(chan builder.Progress, 1)}
		go func() {
			<-events.progress
			cancel()
		}()
		_, err = b.Build(ctx, doing(what), events)
		wantFault(t, err, fault.Canceled, "plugin:overlay-x", "canceled")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	}
}

func TestCrashDuringBuild(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Build(t.Context(), doing("crash"), &recorder{})
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", `Plugin "overlay-x" ended with status 9 during the call.`)
	// The same value works again: it waits for the new run.
	if _, err := b.Build(t.Context(), doing("work"), &recorder{}); err != nil {
		t.Fatal(err)
	}
	status, err := r.Get("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	if status.Restarts != 1 || status.LastExit != `Plugin "overlay-x" ended with status 9.` || status.LastExitAt.IsZero() {
		t.Errorf("status %+v", status)
	}
	if !strings.Contains(strings.Join(status.Log, "\n"), "last words") {
		t.Errorf("log %q", status.Log)
	}
}

// TestKill kills the plugin from outside while it works and while it idles.
func TestKill(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		status := r.await("overlay-x", "ready again", func(s pluginhost.Status) bool {
			return s.State == pluginhost.Ready && s.Restarts == n
		})
		if n == 0 {
			kill(t, status.PID, unix.SIGKILL)
			continue
		}
		events := &recorder{progress: make(chan builder.Progress, 1)}
		go func() {
			<-events.progress
			kill(t, status.PID, unix.SIGSEGV)
		}()
		_, err = b.Build(t.Context(), doing("wait"), events)
		wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "during the call")
	}
}

func kill(t *testing.T, pid int, signal syscall.Signal) {
	t.Helper()
	if pid <= 0 {
		t.Errorf("no pid to signal")
		return
	}
	if err := unix.Kill(pid, signal); err != nil {
		t.Errorf("signal %d: %v", pid, err)
	}
}

// TestHang freezes the plugin: the health check notices, kills it and starts another.
func TestHang(t *testing.T) {
	r := newRig(t, func(o *pluginhost.Options) { o.Timing.HealthDeadline = 100e6 }, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	status := r.awaitState("overlay-x", pluginhost.Ready)
	events := &recorder{progress: make(chan builder.Progress, 1)}
	go func() {
		<-events.progress
		kill(t, status.PID, unix.SIGSTOP)
	}()
	_, err = b.Build(t.Context(), doing("wait"), events)
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "during the call")
	status = r.await("overlay-x", "ready again", func(s pluginhost.Status) bool {
		return s.State == pluginhost.Ready && s.Restarts > 0
	})
	if !strings.Contains(status.LastExit, "stopped answering and was killed") {
		t.Errorf("last exit %q", status.LastExit)
	}
}

// TestCloseFrozen closes the host while its plugin is frozen: go-plugin alone waits for ever.
func TestCloseFrozen(t *testing.T) {
	r := newRig(t, func(o *pluginhost.Options) { o.Timing.HealthEvery = patience }, behaving("overlay-x", "good"))
	r.Start()
	kill(t, r.awaitState("overlay-x", pluginhost.Ready).PID, unix.SIGSTOP)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no patience at all
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
	if s := r.List()[0]; s.State != pluginhost.Stopped || s.PID != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestCloseLetsCallsEnd(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "good"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	events := &recorder{progress: make(chan builder.Progress, 1)}
	ended := make(chan error, 1)
	go func() {
		_, err := b.Build(context.Background(), doing("wait"), events)
		ended <- err
	}()
	<-events.progress
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if f, ok := fault.Of(<-ended); !ok || f.Code != fault.Unavailable {
		t.Errorf("the call ended with %v", f)
	}
	_, err = b.Build(t.Context(), doing("work"), &recorder{})
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "is stopped")
}
