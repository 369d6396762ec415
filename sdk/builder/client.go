package builder

import (
	"context"
	"encoding/json"
	"errors"
	"io"

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

// Build implements Builder.
func (c *client) Build(ctx context.Context, request Request, events Events) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Build(ctx, requestToProto(request), sdk.CallOptions()...)
	if err != nil {
		return Result{}, sdk.FromStatus(err)
	}
	r := receiver{events: events}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return r.end()
		}
		if err != nil {
			return Result{}, sdk.FromStatus(err)
		}
		if err := r.take(message); err != nil {
			return Result{}, err
		}
	}
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
