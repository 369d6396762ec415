package builder

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/left4me/left4me/sdk"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// service is the gRPC side of a Builder. Errors get their wire form from the server of package sdk.
type service struct {
	builderv1.UnimplementedBuilderServiceServer
	builder Builder
	running running
}

// Validate implements builderv1.BuilderServiceServer.
func (s *service) Validate(
	ctx context.Context, request *builderv1.ValidateRequest,
) (*builderv1.ValidateResponse, error) {
	diagnostics, err := s.builder.Validate(ctx, request.GetSettingsJson())
	if err != nil {
		return nil, err
	}
	return &builderv1.ValidateResponse{Diagnostics: sdk.DiagnosticsToProto(diagnostics)}, nil
}

// Plan implements builderv1.BuilderServiceServer.
func (s *service) Plan(ctx context.Context, request *builderv1.PlanRequest) (*builderv1.PlanResponse, error) {
	plan, err := s.builder.Plan(ctx, planRequestFromProto(request))
	if errors.Is(err, ErrNoPlan) {
		return nil, status.Error(codes.Unimplemented, ErrNoPlan.Message)
	}
	if err != nil {
		return nil, err
	}
	return planToProto(plan), nil
}

// Build implements builderv1.BuilderServiceServer.
func (s *service) Build(
	request *builderv1.BuildRequest, stream grpc.ServerStreamingServer[builderv1.BuildResponse],
) error {
	ctx, end := s.running.begin(stream.Context(), request.GetBuildId())
	defer end()
	if err := stream.SendHeader(nil); err != nil { // tells the host that Cancel finds the build
		return err
	}
	events := &sender{stream: stream}
	defer events.close()
	result, err := s.builder.Build(ctx, requestFromProto(request), events)
	if err != nil {
		return err
	}
	if err := checkResult(result); err != nil {
		return err
	}
	return events.result(result)
}

// Cancel implements builderv1.BuilderServiceServer.
func (s *service) Cancel(ctx context.Context, request *builderv1.CancelRequest) (*builderv1.CancelResponse, error) {
	existed, err := s.running.cancel(ctx, request.GetBuildId())
	if err != nil {
		return nil, err
	}
	return &builderv1.CancelResponse{Existed: existed}, nil
}

// Forget implements builderv1.BuilderServiceServer.
func (s *service) Forget(ctx context.Context, request *builderv1.ForgetRequest) (*builderv1.ForgetResponse, error) {
	if err := s.builder.Forget(ctx, request.GetOverlayId()); err != nil {
		return nil, err
	}
	return &builderv1.ForgetResponse{}, nil
}
