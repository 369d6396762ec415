package sdk

import (
	"context"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// baseServer serves the Base part of a plugin.
type baseServer struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin Plugin
	gate   *gate
	logger hclog.Logger
}

// Describe returns p's own Info with the fields that the SDK knows filled in.
func Describe(ctx context.Context, p Plugin) (Info, error) {
	info, err := p.Info(ctx)
	if err != nil {
		return Info{}, err
	}
	info.SDKVersion = Version
	info.Minor = ProtocolMinor
	info.Kind = p.Kind()
	return info, nil
}

// GetInfo implements pluginv1.PluginServiceServer.
func (s *baseServer) GetInfo(ctx context.Context, _ *pluginv1.GetInfoRequest) (*pluginv1.GetInfoResponse, error) {
	info, err := Describe(ctx, s.plugin)
	if err != nil {
		return nil, err
	}
	return infoToProto(info), nil
}

// Configure implements pluginv1.PluginServiceServer.
func (s *baseServer) Configure(
	ctx context.Context, request *pluginv1.ConfigureRequest,
) (*pluginv1.ConfigureResponse, error) {
	diagnostics, err := s.plugin.Configure(ctx, settingsFromProto(request))
	if err != nil {
		return nil, err
	}
	if !HasErrors(diagnostics) {
		if level := hclog.LevelFromString(request.GetLogLevel()); level != hclog.NoLevel {
			s.logger.SetLevel(level)
		}
		s.gate.setConfigured()
	}
	return &pluginv1.ConfigureResponse{Diagnostics: DiagnosticsToProto(diagnostics)}, nil
}

// WatchHealth implements pluginv1.PluginServiceServer.
func (s *baseServer) WatchHealth(
	_ *pluginv1.WatchHealthRequest, stream grpc.ServerStreamingServer[pluginv1.WatchHealthResponse],
) error {
	return s.plugin.WatchHealth(stream.Context(), func(h Health) error {
		return stream.Send(healthToProto(h))
	})
}

// Drain implements pluginv1.PluginServiceServer. The SDK's own count of running calls comes first;
// the plugin is asked afterwards, for work that no call stands for.
func (s *baseServer) Drain(ctx context.Context, request *pluginv1.DrainRequest) (*pluginv1.DrainResponse, error) {
	grace := max(0, request.GetGrace().AsDuration())
	canceled := s.gate.drain(ctx, grace)
	more, err := s.plugin.Drain(ctx, endGrace)
	if err != nil {
		return nil, err
	}
	return &pluginv1.DrainResponse{Canceled: uint32(canceled + max(0, more))}, nil
}
