package sdktest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// crooked is a connection that does wrong what the sdk's server would never let a plugin do.
type crooked struct {
	grpc.ClientConnInterface
	eager bool                           // configures itself
	deaf  bool                           // hears no Drain
	event func(*builderv1.BuildResponse) // changes events
	calls int
}

func (c *crooked) Invoke(ctx context.Context, method string, request, answer any, options ...grpc.CallOption) error {
	if c.deaf && strings.HasSuffix(method, "/Drain") {
		return nil
	}
	if c.eager && !strings.Contains(method, "PluginService") {
		c.calls++
		if _, err := pluginv1.NewPluginServiceClient(c.ClientConnInterface).Configure(ctx, &pluginv1.ConfigureRequest{
			SettingsJson: []byte("{}"),
		}); err != nil {
			return err
		}
	}
	return c.ClientConnInterface.Invoke(ctx, method, request, answer, options...)
}

func (c *crooked) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := c.ClientConnInterface.NewStream(ctx, desc, method, options...)
	if err == nil && c.event != nil && strings.HasSuffix(method, "/Build") {
		stream = &crookedStream{ClientStream: stream, event: c.event}
	}
	return stream, err
}

type crookedStream struct {
	grpc.ClientStream
	event func(*builderv1.BuildResponse)
}

func (s *crookedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if event, ok := message.(*builderv1.BuildResponse); ok && err == nil {
		s.event(event)
	}
	return err
}

// brokenWire is a good plugin behind a crooked connection, the check that must catch it, and what that says.
type brokenWire struct {
	id, says string
	crooked  crooked
}

func brokenWires() map[string]brokenWire {
	return map[string]brokenWire{
		"needs no Configure": {"C23", "before Configure gave", crooked{eager: true}},
		"hears no drain":     {"C25", "new work after Drain", crooked{deaf: true}},
		"skips a number": {"C33", "has the number", crooked{event: func(e *builderv1.BuildResponse) {
			if e.GetSequence() > 1 {
				e.Sequence++
			}
		}}},
		"ends without a result": {"C33", "sent 0 results", crooked{event: func(e *builderv1.BuildResponse) {
			if e.GetResult() != nil {
				e.Event = &builderv1.BuildResponse_Log{Log: &builderv1.Log{Message: "bye"}}
			}
		}}},
		"goes back": {"C34", "goes back", crooked{event: func(e *builderv1.BuildResponse) {
			if p := e.GetProgress(); p != nil {
				p.Done = 10 - p.GetDone()
				p.Total = 0
			}
		}}},
		"goes too far": {"C34", "is at 9 of 3", crooked{event: func(e *builderv1.BuildResponse) {
			if p := e.GetProgress(); p != nil {
				p.Done = 9
			}
		}}},
	}
}

func TestBrokenWiresAreCaught(t *testing.T) {
	for name, c := range brokenWires() {
		t.Run(name, func(t *testing.T) {
			s := spec(func() sdk.Plugin { return sdktest.NewMemBuilder("mem") })
			bend := func(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
				c.crooked.ClientConnInterface = conn
				return &c.crooked
			}
			judge(t, func(v sdktest.T) { sdktest.CheckBuilder(v, c.id, s, bend) }).caught(t, c.says)
		})
	}
}

func TestMounterThatNeedsNoConfigureIsCaught(t *testing.T) {
	bend := func(conn grpc.ClientConnInterface) grpc.ClientConnInterface {
		return &crooked{ClientConnInterface: conn, eager: true}
	}
	s := sdktest.MounterSpec{Subject: sdktest.Subject{New: func(dir string) sdk.Plugin { return sdktest.NewDirMounter("dir", dir+"/c") }}}
	judge(t, func(v sdktest.T) { sdktest.CheckMounter(v, "C23", s, bend) }).caught(t, "Probe before Configure gave")
}

// locking is a builder that leaves a lock when it is killed.
func locking(good *sdktest.MemBuilder) builder.Builder {
	f := &faulty{Builder: good.Builder}
	lockDir := filepath.Dir(os.Getenv("LEFT4ME_SDKTEST_LOCK"))
	f.build = func(ctx context.Context, r builder.Request, e builder.Events) (builder.Result, error) {
		lock := filepath.Join(lockDir, "lock")
		if err := os.Mkdir(lock, 0o700); errors.Is(err, fs.ErrExist) {
			return builder.Result{}, sdk.Errorf(sdk.CodeConflict, "File exists: %s.", lock)
		}
		defer os.Remove(lock)
		return f.Builder.Build(ctx, r, e)
	}
	return f
}

// TestEveryCheckCanFail is the mutation table: a check that no broken plugin fails proves nothing.
func TestEveryCheckCanFail(t *testing.T) {
	caught := map[string][]string{"C30": {"validates by writing"}}
	add := func(id, name string) { caught[id] = append(caught[id], name) }
	for name, c := range brokenBuilders() {
		add(c.id, name)
	}
	for name, c := range brokenMounters() {
		add(c.id, name)
	}
	for name, c := range brokenBases() {
		add(c.id, name)
	}
	for name, c := range brokenProcesses() {
		add(c.id, name)
	}
	for name, c := range brokenWires() {
		add(c.id, name)
	}
	for name, c := range describers(t) {
		if c.says != "" {
			add("C49", "describes: "+name)
		}
	}
	known, broken := map[string]sdktest.Check{}, 0
	for _, kind := range []sdk.KindName{sdk.KindBuilder, sdk.KindMounter} {
		for _, c := range sdktest.Checks(kind) {
			known[c.ID] = c
		}
	}
	table := ""
	for _, id := range slices.Sorted(maps.Keys(known)) {
		slices.Sort(caught[id])
		broken += len(caught[id])
		table += fmt.Sprintf("%s %-58s %s\n", id, known[id].Name, strings.Join(caught[id], ", "))
		if len(caught[id]) == 0 {
			t.Errorf("%s %s: no broken plugin fails it", id, known[id].Name)
		}
		if known[id].Why == "" || known[id].Next == "" {
			t.Errorf("%s %s: it is not explained", id, known[id].Name)
		}
	}
	for id := range caught {
		if _, ok := known[id]; !ok {
			t.Errorf("%s is no check", id)
		}
	}
	t.Logf("%d checks, %d broken plugins\n%s", len(known), broken, table)
}
