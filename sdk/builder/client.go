package builder

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// Bounds of a Result.
const (
	MaxAnnotations = 64   // entries
	MaxAnnotation  = 1024 // bytes of one key with its value
)

// cancelPatience is how long Build waits for a canceled build to end: the two seconds that a builder
// has, and some for the way.
const cancelPatience = 3 * time.Second

// beginPatience is how long a cancel waits for the sign that the plugin knows of the build.
const beginPatience = 500 * time.Millisecond

// NewClient returns the Builder at the other end of conn. Errors are *sdk.Error. A plugin that does
// not keep to the protocol makes the call fail with an internal error.
func NewClient(conn grpc.ClientConnInterface) Builder {
	return &client{rpc: builderv1.NewBuilderServiceClient(conn)}
}

type client struct {
	rpc builderv1.BuilderServiceClient
}

// Validate implements Builder.
func (c *client) Validate(ctx context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error) {
	answer, err := c.rpc.Validate(ctx, &builderv1.ValidateRequest{SettingsJson: settings}, sdk.CallOptions()...)
	if err != nil {
		return nil, sdk.FromStatus(err)
	}
	return sdk.DiagnosticsFromProto(answer.GetDiagnostics()), nil
}

// Plan implements Builder.
func (c *client) Plan(ctx context.Context, request PlanRequest) (Plan, error) {
	answer, err := c.rpc.Plan(ctx, planRequestToProto(request), sdk.CallOptions()...)
	if status.Code(err) == codes.Unimplemented {
		return Plan{}, ErrNoPlan
	}
	if err != nil {
		return Plan{}, sdk.FromStatus(err)
	}
	return planFromProto(answer), nil
}

// Build implements Builder. When ctx ends it asks the plugin to cancel and waits for the end of the
// build, but not for ever: cancelPatience later the plugin is left to itself.
func (c *client) Build(ctx context.Context, request Request, events Events) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, sdk.FromStatus(ctx.Err())
	}
	streaming, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	begun := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.cancel(streaming, request.BuildID, begun, hangUp) })
	defer stop()
	result, err := c.build(streaming, request, func() { close(begun) }, events)
	if err != nil && ctx.Err() != nil {
		return Result{}, sdk.FromStatus(ctx.Err())
	}
	return result, err
}

// cancel ends a build in the plugin and then the stream, if that has not ended by itself. Calls can
// overtake each other, so it waits until the plugin knows of the build.
func (c *client) cancel(ctx context.Context, buildID string, begun <-chan struct{}, hangUp func()) {
	defer hangUp()
	ctx, stop := context.WithTimeout(ctx, cancelPatience)
	defer stop()
	select {
	case <-begun:
	case <-ctx.Done():
	case <-time.After(beginPatience): // the plugin sends nothing before its first event
	}
	answer, err := c.rpc.Cancel(ctx, &builderv1.CancelRequest{BuildId: buildID}, sdk.CallOptions()...)
	if err == nil && answer.GetExisted() {
		<-ctx.Done() // the last message of the stream is on its way
	}
}

// build calls begun when the plugin has begun the build, and returns when the stream has ended.
func (c *client) build(ctx context.Context, request Request, begun func(), events Events) (Result, error) {
	stream, err := c.rpc.Build(ctx, requestToProto(request), sdk.CallOptions()...)
	if err != nil {
		return Result{}, sdk.FromStatus(err)
	}
	_, _ = stream.Header() // its error is also that of Recv
	begun()
	r := receiver{events: events}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return r.end()
		}
		if err != nil {
			return Result{}, broken(ctx, err)
		}
		if err := r.take(message); err != nil {
			return Result{}, err
		}
	}
}

// broken is FromStatus for a stream. gRPC calls a stream canceled also when the host closes the connection of a
// plugin that died; a cancel of the plugin itself comes with details, one of the caller ends ctx.
func broken(ctx context.Context, err error) error {
	st := status.Convert(err)
	if st.Code() == codes.Canceled && len(st.Details()) == 0 && ctx.Err() == nil {
		return sdk.Errorf(sdk.CodeUnavailable, "The connection to the plugin broke.")
	}
	return sdk.FromStatus(err)
}

// Forget implements Builder.
func (c *client) Forget(ctx context.Context, overlayID string) error {
	_, err := c.rpc.Forget(ctx, &builderv1.ForgetRequest{OverlayId: overlayID}, sdk.CallOptions()...)
	return sdk.FromStatus(err)
}

// receiver checks the events of a build and hands them on.
type receiver struct {
	events   Events
	sequence uint64
	progress monotonic
	result   *Result
}

func (r *receiver) take(message *builderv1.BuildResponse) error {
	if r.result != nil {
		return sdk.Broken("an event followed the result")
	}
	if r.sequence++; message.GetSequence() != r.sequence {
		return sdk.Broken("event %d came in place of event %d", message.GetSequence(), r.sequence)
	}
	switch event := message.GetEvent().(type) {
	case *builderv1.BuildResponse_Progress:
		progress := progressFromProto(event.Progress)
		if err := r.progress.check(progress); err != nil {
			return err
		}
		r.events.Progress(progress)
	case *builderv1.BuildResponse_Log:
		r.events.Log(level(event.Log.GetLevel()), wire.Text(event.Log.GetMessage(), wire.LongText))
	case *builderv1.BuildResponse_Output:
		if size := len(event.Output.GetData()); size > MaxOutput {
			return sdk.Broken("an output of %d bytes is larger than %d", size, MaxOutput)
		}
		r.events.Output(streamFromProto(event.Output.GetStream()), event.Output.GetData())
	case *builderv1.BuildResponse_Diagnostic:
		r.events.Diagnostic(sdk.DiagnosticFromProto(event.Diagnostic))
	case *builderv1.BuildResponse_Result:
		result := resultFromProto(event.Result)
		r.result = &result
		return checkResult(result)
	}
	return nil // an event of a newer minor
}

func (r *receiver) end() (Result, error) {
	if r.result == nil {
		return Result{}, sdk.Broken("the build ended without a result")
	}
	return *r.result, nil
}

// checkResult holds the bounds of a result, on both sides of the wire.
func checkResult(result Result) error {
	if len(result.CacheKey) > MaxAnnotation {
		return sdk.Broken("the cache key is longer than %d bytes", MaxAnnotation)
	}
	if len(result.Annotations) > MaxAnnotations {
		return sdk.Broken("the result has more than %d annotations", MaxAnnotations)
	}
	for key, value := range result.Annotations {
		if len(key)+len(value) > MaxAnnotation {
			return sdk.Broken("annotation %.40q is larger than %d bytes", key, MaxAnnotation)
		}
	}
	return nil
}
