package builder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

type text struct {
	Text string `json:"text"`
}

type pluginConfig struct {
	Site string `json:"site"`
}

// start serves a plugin and returns its client.
func start(t *testing.T, p *builder.Plugin, settings string) builder.Builder {
	t.Helper()
	conn := sdktest.Serve(t, p)
	sdktest.Configure(t, conn, sdk.Settings{JSON: json.RawMessage(settings)})
	return builder.NewClient(conn)
}

func run(t *testing.T, b builder.Builder, r builder.Request) (builder.Result, *sdktest.Recorder, error) {
	t.Helper()
	if r.OutputDir == "" {
		r.OutputDir = t.TempDir()
	}
	if r.Settings == nil {
		r.Settings = json.RawMessage(`{"text": "hello"}`)
	}
	events := &sdktest.Recorder{}
	result, err := b.Build(t.Context(), r, events)
	return result, events, err
}

func TestBuildSeesItsRequest(t *testing.T) {
	var got builder.Build[text]
	b := start(t, builder.New("x", "1.0.0", func(_ context.Context, b *builder.Build[text]) error {
		got = *b
		b.Annotate("etag", "1")
		b.Result.CacheKey = "key"
		return b.Dir.WriteFile("f", []byte("12345"), 0o644)
	}), "")
	request := builder.Request{
		BuildID: "b", OverlayID: "o", OutputDir: t.TempDir(),
		Secrets: map[string]string{"a": "s"}, PreviousAnnotations: map[string]string{"etag": "0"},
		Limits: builder.Limits{MaxBytes: 5, MaxFiles: 1, MaxTime: time.Hour},
	}
	result, _, err := run(t, b, request)
	if err != nil {
		t.Fatal(err)
	}
	if result.Bytes != 5 || result.Files != 1 || result.CacheKey != "key" || result.Annotations["etag"] != "1" {
		t.Errorf("result: %+v", result)
	}
	if got.BuildID != "b" || got.OverlayID != "o" || got.Path != request.OutputDir || got.Settings.Text != "hello" ||
		got.Secrets["a"] != "s" || got.PreviousAnnotations["etag"] != "0" || got.Limits != request.Limits ||
		got.Plugin.StateDir == "" || got.Plugin.CacheDir == "" {
		t.Errorf("build: %+v", got)
	}
}

func TestBuildCannotLeaveItsTree(t *testing.T) {
	dir := t.TempDir()
	b := start(t, builder.New("x", "1.0.0", func(_ context.Context, b *builder.Build[text]) error {
		return b.Dir.WriteFile("../outside", nil, 0o644)
	}), "")
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, b, builder.Request{OutputDir: tree}); err == nil {
		t.Error("the build wrote outside of its tree")
	}
	if _, err := os.Stat(filepath.Join(dir, "outside")); err == nil {
		t.Error("there is a file beside the tree")
	}
}

func TestPluginSettings(t *testing.T) {
	var site string
	p := builder.New("x", "1.0.0", func(context.Context, *builder.Build[text]) error { return nil },
		builder.WithPluginSettings(func(_ context.Context, _ sdk.Settings, c pluginConfig) ([]sdk.Diagnostic, error) {
			if c.Site == "bad" {
				return []sdk.Diagnostic{{Severity: sdk.SeverityError, Code: "x.site", Summary: "No.", Pointer: "/site"}}, nil
			}
			site = c.Site
			return nil, nil
		}))
	conn := sdktest.Serve(t, p)
	base := sdk.NewBaseClient(conn)
	for _, c := range []struct{ settings, pointer string }{
		{`{}`, "/site"}, {`{"site": 1}`, "/site"}, {`{"site": "bad"}`, "/site"}, {`{"site": "a", "x": 1}`, "/x"},
	} {
		found, err := base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(c.settings)})
		if err != nil || len(found) != 1 || found[0].Pointer != c.pointer || site != "" {
			t.Errorf("Configure(%s) = %+v, %v", c.settings, found, err)
		}
		_, err = builder.NewClient(conn).Validate(t.Context(), nil)
		if sdk.CodeOf(err) != sdk.CodePrecondition {
			t.Errorf("refused settings count as a configuration: %v", err)
		}
	}
	sdktest.Configure(t, conn, sdk.Settings{JSON: json.RawMessage(`{"site": "https://example.com"}`)})
	if site != "https://example.com" {
		t.Errorf("site is %q", site)
	}
}

func TestOptions(t *testing.T) {
	var forgot string
	p := builder.New("x", "1.0.0", func(context.Context, *builder.Build[text]) error { return nil },
		builder.WithCapabilities(builder.CapabilityNetwork),
		builder.WithWantedCapabilities("CAP_CHOWN"),
		builder.WithDoc("# X"),
		builder.WithHealth(&sdk.HealthReporter{}),
		builder.WithSchema(func(s *jsonschema.Schema) { s.Properties["text"].Enum = []any{"hello", "bye"} }),
		builder.WithForget(func(_ context.Context, id string) error { forgot = id; return nil }),
		builder.WithValidate(func(_ context.Context, s text) []sdk.Diagnostic {
			return []sdk.Diagnostic{{Severity: sdk.SeverityWarning, Code: "x", Summary: "Says " + s.Text + "."}}
		}),
		builder.WithPlan(func(_ context.Context, in builder.PlanInput[text]) (builder.Plan, error) {
			return builder.Plan{CacheKey: in.Settings.Text + in.OverlayID + in.PreviousAnnotations["a"]}, nil
		}))
	b := start(t, p, "")
	info, err := p.Info(t.Context())
	if err != nil || !slices.Equal(info.Capabilities, []string{builder.CapabilityNetwork, builder.CapabilityPlan}) ||
		info.Doc != "# X" || !slices.Equal(info.WantedCapabilities, []string{"CAP_CHOWN"}) {
		t.Errorf("Info = %+v, %v", info, err)
	}
	found, err := b.Validate(t.Context(), json.RawMessage(`{"text": "bye"}`))
	if err != nil || len(found) != 1 || found[0].Summary != "Says bye." {
		t.Errorf("Validate = %+v, %v", found, err)
	}
	found, err = b.Validate(t.Context(), json.RawMessage(`{"text": "other"}`))
	if err != nil || len(found) != 1 || found[0].Code != "schema.enum" {
		t.Errorf("Validate of what the schema refuses = %+v, %v", found, err)
	}
	plan, err := b.Plan(t.Context(), builder.PlanRequest{
		OverlayID: "o", Settings: json.RawMessage(`{"text": "bye"}`), PreviousAnnotations: map[string]string{"a": "1"},
	})
	if err != nil || plan.CacheKey != "byeo1" {
		t.Errorf("Plan = %+v, %v", plan, err)
	}
	if err := b.Forget(t.Context(), "o"); err != nil || forgot != "o" {
		t.Errorf("Forget: %v, %q", err, forgot)
	}
	_, events, err := run(t, b, builder.Request{})
	if err != nil || len(events.Diagnostics()) != 1 {
		t.Errorf("the build did not report the warning: %v", err)
	}
}

func TestWithoutPlan(t *testing.T) {
	b := start(t, builder.New("x", "1.0.0", func(context.Context, *builder.Build[text]) error { return nil }), "")
	if _, err := b.Plan(t.Context(), builder.PlanRequest{}); !errors.Is(err, builder.ErrNoPlan) {
		t.Errorf("Plan: %v", err)
	}
}

func TestMistakesOfAuthorsPanicAtOnce(t *testing.T) {
	build := func(context.Context, *builder.Build[text]) error { return nil }
	for name, f := range map[string]func(){
		"no schema": func() {
			builder.New("x", "1.0.0", func(context.Context, *builder.Build[struct{ F func() }]) error { return nil })
		},
		"plan of another type": func() {
			builder.New("x", "1.0.0", build, builder.WithPlan(
				func(context.Context, builder.PlanInput[pluginConfig]) (builder.Plan, error) {
					return builder.Plan{}, nil
				}))
		},
		"a default that does not fit": func() {
			builder.New("x", "1.0.0", build, builder.WithSchema(func(s *jsonschema.Schema) {
				s.Properties["text"].Default = json.RawMessage("5")
			}))
		},
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "left4me builder: ") {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			f()
		}()
	}
}

func TestWriters(t *testing.T) {
	long := strings.Repeat("x", builder.MaxOutput+1)
	b := start(t, builder.New("x", "1.0.0", func(_ context.Context, b *builder.Build[text]) error {
		lines := b.LineWriter("warn")
		for _, part := range []string{"one\ntw", "o\r\n", "", long + "\n", "end"} {
			if _, err := lines.Write([]byte(part)); err != nil {
				return err
			}
		}
		_, err := b.Writer(builder.Stderr).Write([]byte(long))
		return errors.Join(err, lines.Close())
	}), "")
	_, events, err := run(t, b, builder.Request{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"warn: one", "warn: two", "warn: " + long[1:], "warn: x", "warn: end"}
	if !slices.Equal(events.Logs(), want) || events.OutputOf(builder.Stderr) != long {
		t.Errorf("%d lines of output, logs %.60q", len(events.OutputOf(builder.Stderr)), events.Logs())
	}
}

// Authors need not keep the rules of the stream themselves.
func TestEventsOfCarelessAuthors(t *testing.T) {
	stray := make(chan func(), 1)
	b := start(t, builder.New("x", "1.0.0", func(_ context.Context, b *builder.Build[text]) error {
		for _, p := range [][2]uint64{{5, 10}, {3, 10}, {20, 10}, {1, 2}} {
			b.Step("phase", p[0], p[1])
		}
		b.Log("fatal", "bad level and \xff text")
		stray <- func() { b.Logf("after the end") }
		return nil
	}), "")
	_, events, err := run(t, b, builder.Request{})
	if err != nil {
		t.Fatal(err)
	}
	(<-stray)()
	var done []uint64
	for _, p := range events.AllProgress() {
		done = append(done, p.Done)
	}
	if !slices.Equal(done, []uint64{5, 5, 10, 10}) || !slices.Equal(events.Logs(), []string{"info: bad level and \uFFFD text"}) {
		t.Errorf("progress %v, logs %q", done, events.Logs())
	}
}

// When Build returns, nothing may write to the staging tree any more: the host throws it away.
func TestCanceledBuildHasEndedWhenBuildReturns(t *testing.T) {
	ended := false
	b := start(t, builder.New("x", "1.0.0", func(ctx context.Context, b *builder.Build[text]) error {
		b.Logf("begun")
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond) // a child process takes its time to die
		err := b.Dir.WriteFile("late", nil, 0o644)
		ended = true
		return errors.Join(ctx.Err(), err)
	}), "")
	for _, limit := range []time.Duration{0, 30 * time.Millisecond} {
		ended = false
		ctx, cancel := context.WithCancel(t.Context())
		if limit > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), limit)
		}
		defer cancel()
		events := &sdktest.Recorder{OnEvent: func() {
			if limit == 0 {
				cancel()
			}
		}}
		_, err := b.Build(ctx, builder.Request{
			BuildID: "b", Settings: json.RawMessage(`{"text": "x"}`), OutputDir: t.TempDir(),
		}, events)
		if !ended {
			t.Error("Build returned before the build had ended")
		}
		if !errors.Is(err, ctx.Err()) {
			t.Errorf("Build returned %v, want %v", err, ctx.Err())
		}
	}
}

// A build of the same id that has ended, or never was, must not delay anybody.
func TestCancelBeforeTheBuild(t *testing.T) {
	b := start(t, builder.New("x", "1.0.0", func(context.Context, *builder.Build[text]) error { return nil }), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Build(ctx, builder.Request{BuildID: "b", OutputDir: t.TempDir()}, &sdktest.Recorder{})
	if sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Errorf("Build = %v", err)
	}
}
