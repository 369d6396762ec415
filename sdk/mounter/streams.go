package mounter

import (
	"context"
	"errors"
	"io"
	"path"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// MaxNotes is the largest number of notes of a [Commit] or [Mount].
const MaxNotes = 100

// Watch implements Stacker.
func (c *client) Watch(ctx context.Context, report func(Event, Mount) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.WatchMounts(ctx, &mounterv1.WatchMountsRequest{}, sdk.CallOptions()...)
	if err != nil {
		return sdk.FromStatus(err)
	}
	err = receive(stream, func(message *mounterv1.WatchMountsResponse) error {
		event, err := eventFromProto(message.GetEvent())
		if err != nil {
			return err
		}
		mount := mountFromProto(message.GetMount())
		if err := checkMount(mount); err != nil {
			return err
		}
		return report(event, mount)
	})
	if err == nil {
		return sdk.Errorf(sdk.CodeUnavailable, "The mounter ended its watch.")
	}
	return err
}

// Diff implements Content.
func (c *client) Diff(ctx context.Context, overlay, from, to string, report func(Change) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Diff(ctx, &mounterv1.DiffRequest{Overlay: overlay, From: from, To: to}, sdk.CallOptions()...)
	if err != nil {
		return sdk.FromStatus(err)
	}
	last := ""
	return receive(stream, func(message *mounterv1.DiffResponse) error {
		change, err := changeFromProto(message)
		if err != nil {
			return err
		}
		if change.Path <= last {
			return sdk.Broken("changes are not sorted by path")
		}
		last = change.Path
		return report(change)
	})
}

// List implements Content.
func (c *client) List(ctx context.Context, report func(Ref) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListContent(ctx, &mounterv1.ListContentRequest{}, sdk.CallOptions()...)
	if err != nil {
		return sdk.FromStatus(err)
	}
	return receive(stream, func(message *mounterv1.ListContentResponse) error {
		ref := refFromProto(message.GetContent())
		if err := CheckRef(ref); err != nil {
			return sdk.Broken("listed content has no valid name")
		}
		return report(ref)
	})
}

// receive hands every message of a stream to take until the stream or take ends.
func receive[M any](stream grpc.ServerStreamingClient[M], take func(*M) error) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return sdk.FromStatus(err)
		}
		if err := take(message); err != nil {
			return err
		}
	}
}

// CheckLayer returns an invalid error unless l names exactly one layer by valid ids.
func CheckLayer(l Layer) error {
	switch {
	case l.Release != "" && l.Overlay == "" && l.Revision == "" && ValidID(l.Release):
		return nil
	case l.Release == "" && ValidID(l.Overlay) && ValidID(l.Revision):
		return nil
	}
	return invalidID("layer")
}

// CheckRef returns an invalid error unless r names exactly one piece of content by valid ids.
func CheckRef(r Ref) error {
	switch {
	case r.Server != "" && r.Build == "" && r.Layer.IsZero() && ValidID(r.Server):
		return nil
	case r.Build != "" && r.Server == "" && r.Layer.IsZero() && ValidID(r.Build):
		return nil
	case r.Server == "" && r.Build == "" && !r.Layer.IsZero():
		return CheckLayer(r.Layer)
	}
	return invalidID("content")
}

// CheckUsageRef is CheckRef for what Usage takes: also an overlay with all its revisions.
func CheckUsageRef(r Ref) error {
	if l := r.Layer; l.Overlay != "" && l.Revision == "" && l.Release == "" && r.Server == "" && r.Build == "" {
		return CheckID("overlay", l.Overlay)
	}
	return CheckRef(r)
}

// CheckID returns an invalid error that names what is meant, unless id is valid.
func CheckID(what, id string) error {
	if ValidID(id) {
		return nil
	}
	return invalidID(what)
}

// invalidID does not repeat the id: it is whatever somebody sent.
func invalidID(what string) error {
	return sdk.Errorf(sdk.CodeInvalid, "The %s has no valid id.", what).
		WithHint("An id is 1 to 64 characters of a-z, 0-9 and \"-\" and does not start with \"-\".")
}

// checkMount checks a mount that a plugin reported.
func checkMount(m Mount) error {
	if !ValidID(m.Server) {
		return sdk.Broken("a mount has no valid server id")
	}
	for _, l := range m.Lowers {
		if CheckLayer(l) != nil {
			return sdk.Broken("a mount of server %q has a layer without a valid id", m.Server)
		}
	}
	return checkPath(m.Path)
}

// checkPath checks a directory that a plugin reported.
func checkPath(dir string) error {
	if !path.IsAbs(dir) || path.Clean(dir) != dir {
		return sdk.Broken("the path %.200q is not absolute and clean", dir)
	}
	return nil
}
