package mounter

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk/internal/wire"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// service is the gRPC side of a Mounter. Errors get their wire form from the server of package sdk.
type service struct {
	mounterv1.UnimplementedMounterServiceServer
	mounter Mounter
}

// Probe implements mounterv1.MounterServiceServer.
func (s *service) Probe(ctx context.Context, _ *mounterv1.ProbeRequest) (*mounterv1.ProbeResponse, error) {
	probe, err := s.mounter.Probe(ctx)
	if err != nil {
		return nil, err
	}
	return &mounterv1.ProbeResponse{
		Filesystem: probe.Filesystem,
		MaxLayers:  uint32(max(0, probe.MaxLayers)),
		Features:   probe.Features,
		Limits:     &mounterv1.Limits{MaxBytes: probe.MaxBytes, MaxFiles: probe.MaxFiles},
	}, nil
}

// Stage implements mounterv1.MounterServiceServer.
func (s *service) Stage(ctx context.Context, r *mounterv1.StageRequest) (*mounterv1.StageResponse, error) {
	staging, err := s.mounter.Stage(ctx, r.GetBuild(), layerFromProto(r.GetBase()))
	if err != nil {
		return nil, err
	}
	return &mounterv1.StageResponse{Path: staging.Path, Resumed: staging.Resumed}, nil
}

// Commit implements mounterv1.MounterServiceServer.
func (s *service) Commit(ctx context.Context, r *mounterv1.CommitRequest) (*mounterv1.CommitResponse, error) {
	commit, err := s.mounter.Commit(ctx, CommitRequest{
		Build:    r.GetBuild(),
		Target:   layerFromProto(r.GetTarget()),
		MaxBytes: r.GetLimits().GetMaxBytes(),
		MaxFiles: r.GetLimits().GetMaxFiles(),
	})
	if err != nil {
		return nil, err
	}
	return commitToProto(commit), nil
}

// Discard implements mounterv1.MounterServiceServer.
func (s *service) Discard(ctx context.Context, r *mounterv1.DiscardRequest) (*mounterv1.DiscardResponse, error) {
	existed, err := s.mounter.Discard(ctx, r.GetBuild())
	if err != nil {
		return nil, err
	}
	return &mounterv1.DiscardResponse{Existed: existed}, nil
}

// Mount implements mounterv1.MounterServiceServer.
func (s *service) Mount(ctx context.Context, r *mounterv1.MountRequest) (*mounterv1.MountResponse, error) {
	lowers := layersFromProto(r.GetLowers())
	mount, existed, err := s.mounter.Mount(ctx, r.GetServer(), lowers)
	if err != nil {
		return nil, err
	}
	if slices.Equal(mount.Lowers, lowers) {
		mount.Lowers = nil // the caller has just said them, and 500 are most of the answer
	}
	return &mounterv1.MountResponse{Mount: mountToProto(mount), Existed: existed,
		Notes: wire.Texts(mount.Notes[:min(len(mount.Notes), MaxNotes)], wire.ErrorText)}, nil
}

// Unmount implements mounterv1.MounterServiceServer.
func (s *service) Unmount(ctx context.Context, r *mounterv1.UnmountRequest) (*mounterv1.UnmountResponse, error) {
	wasMounted, err := s.mounter.Unmount(ctx, r.GetServer(), r.GetLazy())
	if err != nil {
		return nil, err
	}
	return &mounterv1.UnmountResponse{WasMounted: wasMounted}, nil
}

// WriteFiles implements mounterv1.MounterServiceServer.
func (s *service) WriteFiles(
	ctx context.Context, r *mounterv1.WriteFilesRequest,
) (*mounterv1.WriteFilesResponse, error) {
	if err := s.mounter.WriteFiles(ctx, r.GetServer(), filesFromProto(r.GetFiles())); err != nil {
		return nil, err
	}
	return &mounterv1.WriteFilesResponse{}, nil
}

// ListMounts implements mounterv1.MounterServiceServer.
func (s *service) ListMounts(
	ctx context.Context, _ *mounterv1.ListMountsRequest,
) (*mounterv1.ListMountsResponse, error) {
	mounts, err := s.mounter.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	answer := &mounterv1.ListMountsResponse{}
	for _, mount := range mounts {
		answer.Mounts = append(answer.Mounts, mountToProto(mount))
	}
	return answer, nil
}

// WatchMounts implements mounterv1.MounterServiceServer.
func (s *service) WatchMounts(
	_ *mounterv1.WatchMountsRequest, stream grpc.ServerStreamingServer[mounterv1.WatchMountsResponse],
) error {
	return s.mounter.Watch(stream.Context(), func(event Event, mount Mount) error {
		return stream.Send(&mounterv1.WatchMountsResponse{Event: eventToProto(event), Mount: mountToProto(mount)})
	})
}

// Diff implements mounterv1.MounterServiceServer.
func (s *service) Diff(r *mounterv1.DiffRequest, stream grpc.ServerStreamingServer[mounterv1.DiffResponse]) error {
	return s.mounter.Diff(stream.Context(), r.GetOverlay(), r.GetFrom(), r.GetTo(), func(change Change) error {
		return stream.Send(changeToProto(change))
	})
}

// ListContent implements mounterv1.MounterServiceServer.
func (s *service) ListContent(
	_ *mounterv1.ListContentRequest, stream grpc.ServerStreamingServer[mounterv1.ListContentResponse],
) error {
	return s.mounter.List(stream.Context(), func(ref Ref) error {
		return stream.Send(&mounterv1.ListContentResponse{Content: refToProto(ref)})
	})
}

// Usage implements mounterv1.MounterServiceServer.
func (s *service) Usage(ctx context.Context, r *mounterv1.UsageRequest) (*mounterv1.UsageResponse, error) {
	usage, err := s.mounter.Usage(ctx, refFromProto(r.GetContent()))
	if err != nil {
		return nil, err
	}
	return &mounterv1.UsageResponse{Usage: usageToProto(usage)}, nil
}

// Remove implements mounterv1.MounterServiceServer.
func (s *service) Remove(ctx context.Context, r *mounterv1.RemoveRequest) (*mounterv1.RemoveResponse, error) {
	existed, err := s.mounter.Remove(ctx, refFromProto(r.GetContent()), r.GetReset_())
	if err != nil {
		return nil, err
	}
	return &mounterv1.RemoveResponse{Existed: existed}, nil
}
