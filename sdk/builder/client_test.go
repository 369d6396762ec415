package builder_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// liar is a plugin that sends the events it was given, whatever they are, as one written in another
// language might.
type liar struct {
	builderv1.UnimplementedBuilderServiceServer
	events []*builderv1.BuildResponse
}

func (l *liar) Build(
	_ *builderv1.BuildRequest, stream grpc.ServerStreamingServer[builderv1.BuildResponse],
) error {
	for _, event := range l.events {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return nil
}

// liarPlugin serves a liar in place of a builder.
type liarPlugin struct {
	sdk.Base
	liar *liar
}

func (liarPlugin) Kind() sdk.KindName { return sdk.KindBuilder }
func (p liarPlugin) Register(server grpc.ServiceRegistrar) {
	builderv1.RegisterBuilderServiceServer(server, p.liar)
}

func progress(n, done, total uint64) *builderv1.BuildResponse {
	return &builderv1.BuildResponse{Sequence: n, Event: &builderv1.BuildResponse_Progress{
		Progress: &builderv1.Progress{Phase: "p", Done: done, Total: total},
	}}
}

func output(n uint64, size int) *builderv1.BuildResponse {
	return &builderv1.BuildResponse{Sequence: n, Event: &builderv1.BuildResponse_Output{
		Output: &builderv1.Output{Data: make([]byte, size)},
	}}
}

func result(n uint64, annotations map[string]string) *builderv1.BuildResponse {
	return &builderv1.BuildResponse{Sequence: n, Event: &builderv1.BuildResponse_Result{
		Result: &builderv1.Result{CacheKey: "key", Annotations: annotations},
	}}
}

func many(n int, size int) map[string]string {
	out := map[string]string{}
	for i := range n {
		out[strings.Repeat("k", i+1)] = strings.Repeat("v", size)
	}
	return out
}

func TestClientHoldsThePluginToTheProtocol(t *testing.T) {
	type list = []*builderv1.BuildResponse
	for name, c := range map[string]struct {
		events list
		says   string // "" means the build is good
	}{
		"good":                    {list{progress(1, 1, 2), output(2, builder.MaxOutput), result(3, many(64, 1))}, ""},
		"an event of a later day": {list{{Sequence: 1}, result(2, nil)}, ""},
		"progress without total":  {list{progress(1, 5, 0), progress(2, 6, 0), result(3, nil)}, ""},
		"nothing":                 {nil, "without a result"},
		"no result":               {list{progress(1, 1, 2)}, "without a result"},
		"two results":             {list{result(1, nil), result(2, nil)}, "followed the result"},
		"event after the result":  {list{result(1, nil), progress(2, 1, 2)}, "followed the result"},
		"starts at 0":             {list{progress(0, 1, 2), result(1, nil)}, "event 0 came in place of event 1"},
		"gap":                     {list{progress(1, 1, 2), result(3, nil)}, "event 3 came in place of event 2"},
		"twice the same":          {list{progress(1, 1, 2), progress(1, 2, 2)}, "event 1 came in place of event 2"},
		"large output":            {list{output(1, builder.MaxOutput+1), result(2, nil)}, "larger than 32768"},
		"progress goes back":      {list{progress(1, 2, 2), progress(2, 1, 2), result(3, nil)}, "went back from 2 to 1"},
		"progress beyond total":   {list{progress(1, 3, 2), result(2, nil)}, "more than its total"},
		"many annotations":        {list{result(1, many(65, 1))}, "more than 64 annotations"},
		"a large annotation":      {list{result(1, many(1, 1024))}, "larger than 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := sdktest.Serve(t, liarPlugin{sdktest.NewMemBuilder("liar"), &liar{events: c.events}})
			sdktest.Configure(t, conn, sdk.Settings{})
			_, err := builder.NewClient(conn).Build(t.Context(), builder.Request{}, &sdktest.Recorder{})
			if c.says == "" {
				if err != nil {
					t.Errorf("a good build failed: %v", err)
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
