package mounter

import (
	"context"
	"io/fs"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// CheckPath returns an invalid error unless path is relative, slash separated, without "." and ".."
// elements, and valid UTF-8.
func CheckPath(path string) error {
	if path != "." && len(path) <= wire.ErrorText && fs.ValidPath(path) && utf8.ValidString(path) && !strings.ContainsRune(path, 0) {
		return nil
	}
	return sdk.Errorf(sdk.CodeInvalid, "%.200q is no path within a layer.", path).
		WithHint(`A path is relative, with slashes, and has no elements "." and "..".`)
}

// ReadFile implements mounterv1.MounterServiceServer.
func (s *service) ReadFile(ctx context.Context, r *mounterv1.ReadFileRequest) (*mounterv1.ReadFileResponse, error) {
	if err := checkRead(r); err != nil {
		return nil, err
	}
	read := func() ([]byte, int64, error) {
		offset, length := int64(r.GetOffset()), int64(r.GetLength())
		if r.GetServer() != "" {
			return s.mounter.ReadUpperFile(ctx, r.GetServer(), r.GetPath(), offset, length)
		}
		return s.mounter.ReadFile(ctx, layerFromProto(r.GetLayer()), r.GetPath(), offset, length)
	}
	data, size, err := read()
	if err != nil {
		return nil, err
	}
	return &mounterv1.ReadFileResponse{Data: data, Size: uint64(size)}, nil
}

// checkPlace refuses a request about both a layer and a server. One about neither reaches the mounter as an empty layer.
func checkPlace(layer *mounterv1.Layer, server string) error {
	if layer != nil && server != "" {
		return sdk.Errorf(sdk.CodeInvalid, "The request names both a layer and a server.")
	}
	return nil
}

func checkRead(r *mounterv1.ReadFileRequest) error {
	if r.GetLength() > MaxRead || r.GetOffset() > math.MaxInt64-MaxRead {
		return sdk.Errorf(sdk.CodeInvalid, "%d bytes from byte %d on are too many.", r.GetLength(), r.GetOffset())
	}
	if err := checkPlace(r.GetLayer(), r.GetServer()); err != nil {
		return err
	}
	return CheckPath(r.GetPath())
}

// ListDirectory implements mounterv1.MounterServiceServer.
func (s *service) ListDirectory(
	r *mounterv1.ListDirectoryRequest, stream grpc.ServerStreamingServer[mounterv1.ListDirectoryResponse],
) error {
	if r.GetPath() != "" {
		if err := CheckPath(r.GetPath()); err != nil {
			return err
		}
	}
	if err := checkPlace(r.GetLayer(), r.GetServer()); err != nil {
		return err
	}
	send := func(entry Entry) error { return stream.Send(entryToProto(entry)) }
	if r.GetServer() == "" {
		return s.mounter.ReadDir(stream.Context(), layerFromProto(r.GetLayer()), r.GetPath(), send)
	}
	opaque, err := s.mounter.ReadUpperDir(stream.Context(), r.GetServer(), r.GetPath(), send)
	if err != nil || !opaque {
		return err
	}
	return stream.Send(&mounterv1.ListDirectoryResponse{Kind: mounterv1.ListDirectoryResponse_KIND_DIRECTORY, Opaque: true})
}

// RemovePath implements mounterv1.MounterServiceServer.
func (s *service) RemovePath(ctx context.Context, r *mounterv1.RemovePathRequest) (*mounterv1.RemovePathResponse, error) {
	if err := CheckPath(r.GetPath()); err != nil {
		return nil, err
	}
	existed, err := s.mounter.RemovePath(ctx, r.GetServer(), r.GetPath())
	if err != nil {
		return nil, err
	}
	return &mounterv1.RemovePathResponse{Existed: existed}, nil
}

// ReadFile implements Browser.
func (c *client) ReadFile(ctx context.Context, layer Layer, path string, offset, length int64) ([]byte, int64, error) {
	return c.readFile(ctx, &mounterv1.ReadFileRequest{Layer: layerToProto(layer), Path: path}, offset, length)
}

// ReadUpperFile implements Upper.
func (c *client) ReadUpperFile(ctx context.Context, server, path string, offset, length int64) ([]byte, int64, error) {
	return c.readFile(ctx, &mounterv1.ReadFileRequest{Server: server, Path: path}, offset, length)
}

func (c *client) readFile(ctx context.Context, request *mounterv1.ReadFileRequest, offset, length int64) ([]byte, int64, error) {
	if offset < 0 || length < 0 || length > MaxRead {
		return nil, 0, sdk.Errorf(sdk.CodeInvalid, "%d bytes from byte %d on cannot be read at once.", length, offset)
	}
	request.Offset, request.Length = uint64(offset), uint32(length)
	answer, err := c.rpc.ReadFile(ctx, request, sdk.CallOptions()...)
	if err != nil {
		return nil, 0, sdk.FromStatus(err)
	}
	size := answer.GetSize()
	if size > math.MaxInt64 {
		return nil, 0, sdk.Broken("a file has %d bytes", size)
	}
	if want := max(min(length, int64(size)-offset), 0); int64(len(answer.GetData())) != want {
		return nil, 0, sdk.Broken("%d bytes came in place of %d", len(answer.GetData()), want)
	}
	return answer.GetData(), int64(size), nil
}

// ReadDir implements Browser.
func (c *client) ReadDir(ctx context.Context, layer Layer, path string, report func(Entry) error) error {
	_, err := c.readDir(ctx, &mounterv1.ListDirectoryRequest{Layer: layerToProto(layer), Path: path}, report)
	return err
}

// ReadUpperDir implements Upper.
func (c *client) ReadUpperDir(ctx context.Context, server, path string, report func(Entry) error) (bool, error) {
	return c.readDir(ctx, &mounterv1.ListDirectoryRequest{Server: server, Path: path}, report)
}

func (c *client) readDir(ctx context.Context, request *mounterv1.ListDirectoryRequest, report func(Entry) error) (opaque bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListDirectory(ctx, request, sdk.CallOptions()...)
	if err != nil {
		return false, sdk.FromStatus(err)
	}
	last, upper := "", request.GetServer() != ""
	err = receive(stream, func(message *mounterv1.ListDirectoryResponse) error {
		if message.GetName() == "" && message.GetOpaque() && upper && !opaque {
			opaque = true
			return nil
		}
		entry, err := entryFromProto(message, upper)
		if err != nil {
			return err
		}
		if opaque || entry.Name < last || entry.Name == "" {
			return sdk.Broken("entries are not sorted by name")
		}
		last = entry.Name
		return report(entry)
	})
	return opaque, err
}

// RemovePath implements Upper.
func (c *client) RemovePath(ctx context.Context, server, path string) (bool, error) {
	answer, err := c.rpc.RemovePath(ctx, &mounterv1.RemovePathRequest{Server: server, Path: path}, sdk.CallOptions()...)
	return answer.GetExisted(), sdk.FromStatus(err)
}

func entryToProto(e Entry) *mounterv1.ListDirectoryResponse {
	kind := mounterv1.ListDirectoryResponse_KIND_UNSPECIFIED
	switch e.Kind {
	case RegularFile:
		kind = mounterv1.ListDirectoryResponse_KIND_FILE
	case Directory:
		kind = mounterv1.ListDirectoryResponse_KIND_DIRECTORY
	case Link:
		kind = mounterv1.ListDirectoryResponse_KIND_LINK
	case Whiteout:
		kind = mounterv1.ListDirectoryResponse_KIND_WHITEOUT
	case Other:
		kind = mounterv1.ListDirectoryResponse_KIND_OTHER
	}
	return &mounterv1.ListDirectoryResponse{Name: wire.Text(e.Name, wire.ErrorText), Kind: kind, Size: uint64(max(e.Size, 0)), Opaque: e.Opaque}
}

// entryFromProto takes deletions and the like from uppers only.
func entryFromProto(p *mounterv1.ListDirectoryResponse, upper bool) (Entry, error) {
	e := Entry{Name: p.GetName(), Size: int64(min(p.GetSize(), math.MaxInt64)), Opaque: p.GetOpaque()}
	if e.Opaque && !upper {
		return Entry{}, sdk.Broken("a directory of a layer hides others")
	}
	switch p.GetKind() {
	case mounterv1.ListDirectoryResponse_KIND_FILE:
		e.Kind = RegularFile
	case mounterv1.ListDirectoryResponse_KIND_DIRECTORY:
		e.Kind = Directory
	case mounterv1.ListDirectoryResponse_KIND_LINK:
		e.Kind = Link
	case mounterv1.ListDirectoryResponse_KIND_WHITEOUT:
		e.Kind = Whiteout
	case mounterv1.ListDirectoryResponse_KIND_OTHER:
		e.Kind = Other
	}
	if e.Kind == "" || !upper && (e.Kind == Whiteout || e.Kind == Other) {
		return Entry{}, sdk.Broken("entry %d is of an unknown kind", p.GetKind())
	}
	return e, nil
}
