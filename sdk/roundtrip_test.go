package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/internal/filltest"
	"github.com/left4me/left4me/sdk/mounter"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The tests of this file send values without a zero field over the wire and compare: a conversion
// that forgets a field fails them, on whichever side and in whichever direction.

func newFiller() *filltest.Filler {
	return &filltest.Filler{
		Pick: map[string][]any{
			"sdk.KindName":       {sdk.KindBuilder, sdk.KindMounter},
			"sdk.Severity":       {sdk.SeverityError, sdk.SeverityWarning},
			"sdk.HealthState":    {sdk.HealthHealthy, sdk.HealthUnhealthy, sdk.HealthUndetected},
			"builder.Unit":       {builder.Bytes, builder.Files, builder.Steps},
			"builder.Stream":     {builder.Stdout, builder.Stderr},
			"builder.ChangeKind": {builder.Added, builder.Updated, builder.Removed, builder.Failed},
			"mounter.EntryKind":  {mounter.RegularFile, mounter.Directory, mounter.Link},
			"mounter.Event":      {mounter.EventCurrent, mounter.EventAppeared, mounter.EventGone},
			"mounter.ChangeKind": {mounter.Added, mounter.Removed, mounter.Changed},
			"Version":            {"1.2.3"},
			"Path":               {"/some/path", "/other/path"},
			"Total":              {uint64(1 << 40)},
		},
		After: oneOf,
	}
}

// oneOf leaves one member of what is a oneof on the wire.
func oneOf(round int, value any) {
	switch value := value.(type) {
	case *mounter.Layer:
		if round%2 == 0 {
			value.Release = ""
		} else {
			*value = mounter.Layer{Release: value.Release}
		}
	case *mounter.Ref:
		switch round % 4 {
		case 0, 1:
			value.Server, value.Build = "", ""
		case 2:
			*value = mounter.Ref{Server: value.Server}
		case 3:
			*value = mounter.Ref{Build: value.Build}
		}
	}
}

// made returns a filled T.
func made[T any](f *filltest.Filler) T {
	var value T
	f.Fill(&value)
	return value
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("%s crossed the wire changed (-want +got):\n%s", what, diff)
	}
}

// complete fails the test when a field of file was never used.
func complete(t *testing.T, conn *filltest.Conn, file protoreflect.FileDescriptor, except ...string) {
	t.Helper()
	equal(t, "fields that nothing fills", conn.Missing(file), except)
}

// echo is a Base that keeps what it got and answers what it was given.
type echo struct {
	info   sdk.Info
	got    sdk.Settings
	found  []sdk.Diagnostic
	health []sdk.Health
	grace  time.Duration
}

func (e *echo) Info(context.Context) (sdk.Info, error) { return e.info, nil }

func (e *echo) Configure(_ context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
	e.got = settings
	return e.found, nil
}

func (e *echo) WatchHealth(ctx context.Context, report func(sdk.Health) error) error {
	for _, health := range e.health {
		if err := report(health); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (e *echo) Drain(_ context.Context, grace time.Duration) (int, error) {
	e.grace = grace
	return 7, nil
}

func TestBaseRoundTrip(t *testing.T) {
	f := newFiller()
	conn := &filltest.Conn{}
	for range 3 {
		e := &echo{info: made[sdk.Info](f), found: made[[]sdk.Diagnostic](f)}
		e.health = []sdk.Health{made[sdk.Health](f), made[sdk.Health](f), made[sdk.Health](f)}
		var plugin sdk.Plugin = builder.Of(e, nil)
		if e.info.Kind == sdk.KindMounter {
			plugin = mounter.Of(e, nil)
		}
		conn.ClientConnInterface = sdktest.Serve(t, plugin)
		base := sdk.NewBaseClient(conn, sdk.WithHostVersion("9.9.9"))
		info, err := base.Info(t.Context())
		e.info.SDKVersion, e.info.Minor = sdk.Version, sdk.ProtocolMinor
		equal(t, "Info", info, e.info)
		settings := made[sdk.Settings](f)
		found, err2 := base.Configure(t.Context(), settings)
		equal(t, "Settings", e.got, settings)
		equal(t, "Diagnostics", found, e.found)
		var health []sdk.Health
		enough := errors.New("enough")
		err3 := base.WatchHealth(t.Context(), func(h sdk.Health) error {
			if health = append(health, h); len(health) == len(e.health) {
				return enough
			}
			return nil
		})
		equal(t, "Health", health, e.health)
		canceled, err4 := base.Drain(t.Context(), time.Second)
		if err := errors.Join(err, err2, err4); err != nil || !errors.Is(err3, enough) || canceled != 7 {
			t.Fatalf("%v, %v, %d", err, err3, canceled)
		}
	}
	complete(t, conn, pluginv1.File_left4me_plugin_v1_plugin_proto,
		"left4me.plugin.v1.ErrorDetail.code", "left4me.plugin.v1.ErrorDetail.field",
		"left4me.plugin.v1.ErrorDetail.hint", "left4me.plugin.v1.ErrorDetail.message",
		// Both are 0 as long as the protocol has no minor.
		"left4me.plugin.v1.GetInfoRequest.protocol_minor", "left4me.plugin.v1.GetInfoResponse.protocol_minor",
	)
}

// echoBuilder is a Builder that keeps what it got and answers what it was given.
type echoBuilder struct {
	got    any
	found  []sdk.Diagnostic
	plan   builder.Plan
	result builder.Result
	events []any

	described []builder.Description
	picture   []byte
}

func (e *echoBuilder) Describe(_ context.Context, overlayID string, items []string) ([]builder.Description, error) {
	e.got = append([]string{overlayID}, items...)
	return e.described, nil
}

func (e *echoBuilder) Picture(_ context.Context, overlayID, item string) ([]byte, error) {
	e.got = []string{overlayID, item}
	return e.picture, nil
}

func (e *echoBuilder) Validate(_ context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error) {
	e.got = settings
	return e.found, nil
}

func (e *echoBuilder) Plan(_ context.Context, request builder.PlanRequest) (builder.Plan, error) {
	e.got = request
	return e.plan, nil
}

func (e *echoBuilder) Build(
	_ context.Context, request builder.Request, events builder.Events,
) (builder.Result, error) {
	e.got = request
	for _, event := range e.events {
		switch event := event.(type) {
		case builder.Progress:
			events.Progress(event)
		case sdk.Diagnostic:
			events.Diagnostic(event)
		case builder.Stream:
			events.Output(event, []byte("text"))
		}
	}
	events.Log("warn", "message")
	return e.result, nil
}

func (e *echoBuilder) Forget(_ context.Context, overlayID string) error {
	e.got = overlayID
	return nil
}

func TestBuilderRoundTrip(t *testing.T) {
	f := newFiller()
	conn := &filltest.Conn{}
	for range 3 {
		progress, diagnostic := made[builder.Progress](f), made[sdk.Diagnostic](f)
		e := &echoBuilder{
			found: made[[]sdk.Diagnostic](f), plan: made[builder.Plan](f), result: made[builder.Result](f),
			events: []any{progress, diagnostic, made[builder.Stream](f)}, described: made[[]builder.Description](f), picture: []byte("picture"),
		}
		conn.ClientConnInterface = sdktest.Serve(t, builder.Of(&echo{}, e))
		sdktest.Configure(t, conn, sdk.Settings{})
		b := builder.NewClient(conn)

		settings := made[json.RawMessage](f)
		found, err := b.Validate(t.Context(), settings)
		equal(t, "Validate's settings", e.got, settings)
		equal(t, "Validate's diagnostics", found, e.found)

		planRequest := made[builder.PlanRequest](f)
		plan, err2 := b.Plan(t.Context(), planRequest)
		equal(t, "PlanRequest", e.got, planRequest)
		equal(t, "Plan", plan, e.plan)

		request, events := made[builder.Request](f), &sdktest.Recorder{}
		result, err3 := b.Build(t.Context(), request, events)
		equal(t, "Request", e.got, request)
		equal(t, "Result", result, e.result)
		equal(t, "Progress", events.AllProgress(), []builder.Progress{progress})
		equal(t, "Diagnostic", events.Diagnostics(), []sdk.Diagnostic{diagnostic})
		equal(t, "Output", events.OutputOf(e.events[2].(builder.Stream)), "text")
		equal(t, "Log", events.Logs(), []string{"warn: message"})

		err4 := b.Forget(t.Context(), "overlay")
		equal(t, "overlay id", e.got, "overlay")
		described, err5 := b.(builder.Describer).Describe(t.Context(), "overlay", []string{"1", "2"})
		equal(t, "Describe", e.got, []string{"overlay", "1", "2"})
		equal(t, "descriptions", described, e.described)
		picture, err6 := b.(builder.Describer).Picture(t.Context(), "overlay", "3")
		equal(t, "Picture", e.got, []string{"overlay", "3"})
		equal(t, "picture", string(picture), "picture")
		if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
			t.Fatal(err)
		}
	}
	complete(t, conn, builderv1.File_left4me_builder_v1_builder_proto,
		// Only a canceled build uses them; package builder tests that.
		"left4me.builder.v1.CancelRequest.build_id", "left4me.builder.v1.CancelResponse.existed",
	)
}
