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
	data, size, err := s.mounter.ReadFile(ctx, layerFromProto(r.GetLayer()), r.GetPath(), int64(r.GetOffset()), int64(r.GetLength()))
	if err != nil {
		return nil, err
	}
	return &mounterv1.ReadFileResponse{Data: data, Size: uint64(size)}, nil
}

func checkRead(r *mounterv1.ReadFileRequest) error {
	if r.GetLength() > MaxRead || r.GetOffset() > math.MaxInt64-MaxRead {
		return sdk.Errorf(sdk.CodeInvalid, "%d bytes from byte %d on are too many.", r.GetLength(), r.GetOffset())
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
	return s.mounter.ReadDir(stream.Context(), layerFromProto(r.GetLayer()), r.GetPath(), func(entry Entry) error {
		return stream.Send(entryToProto(entry))
	})
}

// ReadFile implements Browser.
func (c *client) ReadFile(ctx context.Context, layer Layer, path string, offset, length int64) ([]byte, int64, error) {
	if offset < 0 || length < 0 || length > MaxRead {
		return nil, 0, sdk.Errorf(sdk.CodeInvalid, "%d bytes from byte %d on cannot be read at once.", length, offset)
	}
	answer, err := c.rpc.ReadFile(ctx, &mounterv1.ReadFileRequest{
		Layer: layerToProto(layer), Path: path, Offset: uint64(offset), Length: uint32(length),
	}, sdk.CallOptions()...)
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ListDirectory(ctx, &mounterv1.ListDirectoryRequest{Layer: layerToProto(layer), Path: path}, sdk.CallOptions()...)
	if err != nil {
		return sdk.FromStatus(err)
	}
	last := ""
	return receive(stream, func(message *mounterv1.ListDirectoryResponse) error {
		entry, err := entryFromProto(message)
		if err != nil {
			return err
		}
		if entry.Name < last || entry.Name == "" {
			return sdk.Broken("entries are not sorted by name")
		}
		last = entry.Name
		return report(entry)
	})
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
	}
	return &mounterv1.ListDirectoryResponse{Name: wire.Text(e.Name, wire.ErrorText), Kind: kind, Size: uint64(max(e.Size, 0))}
}

func entryFromProto(p *mounterv1.ListDirectoryResponse) (Entry, error) {
	e := Entry{Name: p.GetName(), Size: int64(min(p.GetSize(), math.MaxInt64))}
	switch p.GetKind() {
	case mounterv1.ListDirectoryResponse_KIND_FILE:
		e.Kind = RegularFile
	case mounterv1.ListDirectoryResponse_KIND_DIRECTORY:
		e.Kind = Directory
	case mounterv1.ListDirectoryResponse_KIND_LINK:
		e.Kind = Link
	default:
		return Entry{}, sdk.Broken("entry %d is of an unknown kind", p.GetKind())
	}
	return e, nil
}
