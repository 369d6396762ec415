package mounter_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// liar is a mounter that answers what it was given, whatever that is, as one written in another
// language might.
type liar struct {
	mounterv1.UnimplementedMounterServiceServer
	sdk.Base
	mount   *mounterv1.Mount
	mounts  []*mounterv1.Mount
	path    string
	notes   int
	changes []*mounterv1.DiffResponse
	entries []*mounterv1.ListDirectoryResponse
	content *mounterv1.Content
	event   mounterv1.WatchMountsResponse_Event
}

func (*liar) Kind() sdk.KindName { return sdk.KindMounter }
func (l *liar) Register(server grpc.ServiceRegistrar) {
	mounterv1.RegisterMounterServiceServer(server, l)
}

func (l *liar) Stage(context.Context, *mounterv1.StageRequest) (*mounterv1.StageResponse, error) {
	return &mounterv1.StageResponse{Path: l.path}, nil
}

func (l *liar) Commit(context.Context, *mounterv1.CommitRequest) (*mounterv1.CommitResponse, error) {
	return &mounterv1.CommitResponse{Notes: make([]string, l.notes)}, nil
}

func (l *liar) Mount(context.Context, *mounterv1.MountRequest) (*mounterv1.MountResponse, error) {
	return &mounterv1.MountResponse{Mount: l.mount}, nil
}

func (l *liar) ListMounts(context.Context, *mounterv1.ListMountsRequest) (*mounterv1.ListMountsResponse, error) {
	return &mounterv1.ListMountsResponse{Mounts: l.mounts}, nil
}

func (l *liar) WatchMounts(
	_ *mounterv1.WatchMountsRequest, stream grpc.ServerStreamingServer[mounterv1.WatchMountsResponse],
) error {
	return stream.Send(&mounterv1.WatchMountsResponse{Event: l.event, Mount: l.mount})
}

func (l *liar) Diff(_ *mounterv1.DiffRequest, stream grpc.ServerStreamingServer[mounterv1.DiffResponse]) error {
	for _, change := range l.changes {
		if err := stream.Send(change); err != nil {
			return err
		}
	}
	return nil
}

func (l *liar) ListContent(
	_ *mounterv1.ListContentRequest, stream grpc.ServerStreamingServer[mounterv1.ListContentResponse],
) error {
	return stream.Send(&mounterv1.ListContentResponse{Content: l.content})
}

func (l *liar) ListDirectory(
	_ *mounterv1.ListDirectoryRequest, stream grpc.ServerStreamingServer[mounterv1.ListDirectoryResponse],
) error {
	for _, entry := range l.entries {
		if err := stream.Send(entry); err != nil {
			return err
		}
	}
	return nil
}

// The calls that the table below makes.
func readDir(ctx context.Context, m mounter.Mounter) error {
	return m.ReadDir(ctx, mounter.Layer{}, "", func(mounter.Entry) error { return nil })
}

func readUpper(ctx context.Context, m mounter.Mounter) error {
	_, err := m.ReadUpperDir(ctx, "server", "", func(mounter.Entry) error { return nil })
	return err
}

func stage(ctx context.Context, m mounter.Mounter) error {
	_, err := m.Stage(ctx, "b", mounter.Layer{})
	return err
}

func commit(ctx context.Context, m mounter.Mounter) error {
	_, err := m.Commit(ctx, mounter.CommitRequest{})
	return err
}

func mount(ctx context.Context, m mounter.Mounter) error {
	_, _, err := m.Mount(ctx, "server", nil)
	return err
}

func mounts(ctx context.Context, m mounter.Mounter) error {
	_, err := m.Mounts(ctx)
	return err
}

func watch(ctx context.Context, m mounter.Mounter) error {
	return m.Watch(ctx, func(mounter.Event, mounter.Mount) error { return nil })
}

func diff(ctx context.Context, m mounter.Mounter) error {
	return m.Diff(ctx, "o", "", "r", func(mounter.Change) error { return nil })
}

func list(ctx context.Context, m mounter.Mounter) error {
	return m.List(ctx, func(mounter.Ref) error { return nil })
}

func TestClientHoldsThePluginToTheProtocol(t *testing.T) {
	good := &mounterv1.Mount{Server: "server", Path: "/tree"}
	added := mounterv1.DiffResponse_CHANGE_ADDED
	whiteout := mounterv1.ListDirectoryResponse_KIND_WHITEOUT
	badLayer := []*mounterv1.Layer{{Layer: &mounterv1.Layer_Release{Release: "../x"}}}
	for name, c := range map[string]struct {
		liar liar
		call func(context.Context, mounter.Mounter) error
		says string // "" means that the answer is good
	}{
		"good mount":                 {liar{mount: good}, mount, ""},
		"good stage":                 {liar{path: "/a/b"}, stage, ""},
		"good commit":                {liar{notes: 100}, commit, ""},
		"good mounts":                {liar{mounts: []*mounterv1.Mount{good, {Server: "tree", Path: "/x"}}}, mounts, ""},
		"relative path":              {liar{path: "a/b"}, stage, "not absolute"},
		"empty path":                 {liar{}, stage, "not absolute"},
		"unclean path":               {liar{path: "/a/../etc"}, stage, "not absolute and clean"},
		"many notes":                 {liar{notes: 101}, commit, "more than 100 notes"},
		"no mount":                   {liar{}, mount, "no valid server id"},
		"another server":             {liar{mount: &mounterv1.Mount{Server: "other", Path: "/x"}}, mount, `mounted "other"`},
		"mount of no path":           {liar{mount: &mounterv1.Mount{Server: "server"}}, mount, "not absolute"},
		"mount of no layer":          {liar{mount: &mounterv1.Mount{Server: "server", Path: "/x", Lowers: badLayer}}, mount, "without a valid id"},
		"unsorted mounts":            {liar{mounts: []*mounterv1.Mount{good, good}}, mounts, "not sorted"},
		"unknown event":              {liar{mount: good, event: 99}, watch, "event 99"},
		"no event":                   {liar{mount: good}, watch, "event 0"},
		"unknown change":             {liar{changes: []*mounterv1.DiffResponse{{Change: 99, Path: "a"}}}, diff, "change 99"},
		"a deletion in a layer":      {liar{entries: []*mounterv1.ListDirectoryResponse{{Name: "a", Kind: whiteout}}}, readDir, "unknown kind"},
		"an opaque layer":            {liar{entries: []*mounterv1.ListDirectoryResponse{{Opaque: true, Kind: 2}}}, readDir, "hides others"},
		"a layer's opaque directory": {liar{entries: []*mounterv1.ListDirectoryResponse{{Name: "a", Opaque: true, Kind: 2}}}, readDir, "hides others"},
		"an upper after its end":     {liar{entries: []*mounterv1.ListDirectoryResponse{{Opaque: true}, {Name: "a", Kind: whiteout}}}, readUpper, "not sorted"},
		"unsorted entries":           {liar{entries: []*mounterv1.ListDirectoryResponse{{Name: "b", Kind: whiteout}, {Name: "a", Kind: whiteout}}}, readUpper, "not sorted"},
		"unsorted changes":           {liar{changes: []*mounterv1.DiffResponse{{Change: added, Path: "b"}, {Change: added, Path: "a"}}}, diff, "not sorted"},
		"nameless content":           {liar{}, list, "no valid name"},
		"wild content":               {liar{content: &mounterv1.Content{Content: &mounterv1.Content_Server{Server: "../../etc"}}}, list, "no valid name"},
	} {
		t.Run(name, func(t *testing.T) {
			c.liar.Base = sdktest.NewDirMounter("liar", t.TempDir())
			conn := sdktest.Serve(t, &c.liar)
			sdktest.Configure(t, conn, sdk.Settings{})
			err := c.call(t.Context(), mounter.NewClient(conn))
			if c.says == "" {
				if err != nil {
					t.Errorf("a good answer failed: %v", err)
				}
				return
			}
			if sdk.CodeOf(err) != sdk.CodeInternal || !strings.Contains(err.Error(), "broke the protocol: ") ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want that the plugin broke the protocol: %s", err, c.says)
			}
		})
	}
}

func TestCheckRef(t *testing.T) {
	layer := mounter.Layer{Overlay: "o", Revision: "r"}
	for _, c := range []struct {
		ref  mounter.Ref
		good bool
	}{
		{mounter.Ref{Layer: layer}, true},
		{mounter.Ref{Layer: mounter.Layer{Release: "r"}}, true},
		{mounter.Ref{Server: "s"}, true},
		{mounter.Ref{Build: "b"}, true},
		{mounter.Ref{}, false},
		{mounter.Ref{Server: "s", Build: "b"}, false},
		{mounter.Ref{Server: "s", Layer: layer}, false},
		{mounter.Ref{Layer: mounter.Layer{Overlay: "o"}}, false},
		{mounter.Ref{Layer: mounter.Layer{Overlay: "o", Revision: "r", Release: "r"}}, false},
		{mounter.Ref{Server: "../s"}, false},
	} {
		if err := mounter.CheckRef(c.ref); (err == nil) != c.good {
			t.Errorf("CheckRef(%+v) = %v", c.ref, err)
		}
	}
}

func FuzzValidID(f *testing.F) {
	f.Add("a-1")
	f.Add("../x")
	f.Fuzz(func(t *testing.T, id string) {
		clean := strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.HasPrefix(id, "-")
		if got, want := mounter.ValidID(id), clean && id != "" && len(id) <= mounter.MaxID; got != want {
			t.Errorf("ValidID(%q) = %t, want %t", id, got, want)
		}
	})
}
