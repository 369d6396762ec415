package mounter

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// NewClient returns the Mounter at the other end of conn. Errors are *sdk.Error. A plugin that does
// not keep to the protocol makes the call fail with an internal error.
func NewClient(conn grpc.ClientConnInterface) Mounter {
	return &client{rpc: mounterv1.NewMounterServiceClient(conn)}
}

type client struct {
	rpc mounterv1.MounterServiceClient
}

// Probe implements Mounter.
func (c *client) Probe(ctx context.Context) (Probe, error) {
	answer, err := c.rpc.Probe(ctx, &mounterv1.ProbeRequest{}, sdk.CallOptions()...)
	if err != nil {
		return Probe{}, sdk.FromStatus(err)
	}
	return Probe{
		Filesystem: answer.GetFilesystem(),
		MaxLayers:  int(answer.GetMaxLayers()),
		Features:   answer.GetFeatures(),
		MaxBytes:   answer.GetLimits().GetMaxBytes(),
		MaxFiles:   answer.GetLimits().GetMaxFiles(),
	}, nil
}

// Stage implements Stager.
func (c *client) Stage(ctx context.Context, build string, base Layer) (Staging, error) {
	answer, err := c.rpc.Stage(ctx, &mounterv1.StageRequest{Build: build, Base: layerToProto(base)},
		sdk.CallOptions()...)
	if err != nil {
		return Staging{}, sdk.FromStatus(err)
	}
	if err := checkPath(answer.GetPath()); err != nil {
		return Staging{}, err
	}
	return Staging{Path: answer.GetPath(), Resumed: answer.GetResumed()}, nil
}

// Commit implements Stager.
func (c *client) Commit(ctx context.Context, request CommitRequest) (Commit, error) {
	answer, err := c.rpc.Commit(ctx, &mounterv1.CommitRequest{
		Build:  request.Build,
		Target: layerToProto(request.Target),
		Limits: &mounterv1.Limits{MaxBytes: request.MaxBytes, MaxFiles: request.MaxFiles},
	}, sdk.CallOptions()...)
	if err != nil {
		return Commit{}, sdk.FromStatus(err)
	}
	if len(answer.GetNotes()) > MaxNotes {
		return Commit{}, sdk.Broken("a commit has more than %d notes", MaxNotes)
	}
	return commitFromProto(answer), nil
}

// Discard implements Stager.
func (c *client) Discard(ctx context.Context, build string) (bool, error) {
	answer, err := c.rpc.Discard(ctx, &mounterv1.DiscardRequest{Build: build}, sdk.CallOptions()...)
	return answer.GetExisted(), sdk.FromStatus(err)
}

// Mount implements Stacker.
func (c *client) Mount(ctx context.Context, server string, lowers []Layer) (Mount, bool, error) {
	answer, err := c.rpc.Mount(ctx, &mounterv1.MountRequest{Server: server, Lowers: layersToProto(lowers)},
		sdk.CallOptions()...)
	if err != nil {
		return Mount{}, false, sdk.FromStatus(err)
	}
	mount := mountFromProto(answer.GetMount())
	if err := checkMount(mount); err != nil {
		return Mount{}, false, err
	}
	if mount.Server != server {
		return Mount{}, false, sdk.Broken("it mounted %.80q when asked for %q", mount.Server, server)
	}
	if len(answer.GetNotes()) > MaxNotes {
		return Mount{}, false, sdk.Broken("a mount has more than %d notes", MaxNotes)
	}
	if len(mount.Lowers) == 0 && !mount.Foreign {
		mount.Lowers = slices.Clone(lowers)
	}
	mount.Notes = wire.Texts(answer.GetNotes(), wire.ErrorText)
	return mount, answer.GetExisted(), nil
}

// Unmount implements Stacker.
func (c *client) Unmount(ctx context.Context, server string, lazy bool) (bool, error) {
	answer, err := c.rpc.Unmount(ctx, &mounterv1.UnmountRequest{Server: server, Lazy: lazy}, sdk.CallOptions()...)
	return answer.GetWasMounted(), sdk.FromStatus(err)
}

// WriteFiles implements Stacker.
func (c *client) WriteFiles(ctx context.Context, server string, files []File) error {
	_, err := c.rpc.WriteFiles(ctx, &mounterv1.WriteFilesRequest{Server: server, Files: filesToProto(files)},
		sdk.CallOptions()...)
	return sdk.FromStatus(err)
}

// Mounts implements Stacker.
func (c *client) Mounts(ctx context.Context) ([]Mount, error) {
	answer, err := c.rpc.ListMounts(ctx, &mounterv1.ListMountsRequest{}, sdk.CallOptions()...)
	if err != nil {
		return nil, sdk.FromStatus(err)
	}
	var mounts []Mount
	for i, p := range answer.GetMounts() {
		mount := mountFromProto(p)
		if err := checkMount(mount); err != nil {
			return nil, err
		}
		if i > 0 && mounts[i-1].Server >= mount.Server {
			return nil, sdk.Broken("mounts are not sorted by server")
		}
		mounts = append(mounts, mount)
	}
	return mounts, nil
}

// Usage implements Content.
func (c *client) Usage(ctx context.Context, ref Ref) (Usage, error) {
	answer, err := c.rpc.Usage(ctx, &mounterv1.UsageRequest{Content: refToProto(ref)}, sdk.CallOptions()...)
	if err != nil {
		return Usage{}, sdk.FromStatus(err)
	}
	return usageFromProto(answer.GetUsage()), nil
}

// Remove implements Content.
func (c *client) Remove(ctx context.Context, ref Ref, reset bool) (bool, error) {
	answer, err := c.rpc.Remove(ctx, &mounterv1.RemoveRequest{Content: refToProto(ref), Reset_: reset},
		sdk.CallOptions()...)
	return answer.GetExisted(), sdk.FromStatus(err)
}
