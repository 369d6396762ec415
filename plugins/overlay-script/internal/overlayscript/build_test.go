package overlayscript_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// site is a configured plugin with a staging tree.
type site struct {
	t    *testing.T
	base sdk.Base
	builder.Builder
	tree string
}

func newSite(t *testing.T, settings string) *site {
	t.Helper()
	needBubblewrap(t)
	conn := sdktest.Serve(t, overlayscript.New())
	sdktest.Configure(t, conn, sdk.Settings{JSON: json.RawMessage(settings)})
	return &site{t, sdk.NewBaseClient(conn), builder.NewClient(conn), newTree(t)}
}

func newTree(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	if err := os.Chmod(filepath.Dir(tree), 0o711); err != nil {
		t.Fatal(err)
	}
	return tree
}

type outcome struct {
	result   builder.Result
	err      error
	fault    *sdk.Error
	recorder *sdktest.Recorder
}

func (o outcome) stdout() string { return o.recorder.OutputOf(builder.Stdout) }
func (o outcome) stderr() string { return o.recorder.OutputOf(builder.Stderr) }

func (s *site) build(settings overlayscript.OverlaySettings, changes ...func(*builder.Request)) outcome {
	s.t.Helper()
	if !strings.HasPrefix(settings.Script, "#!") {
		settings.Script = "#!/bin/bash\n" + settings.Script
	}
	return s.buildRaw(context.Background(), overlay(s.t, settings), changes...)
}

func (s *site) buildRaw(ctx context.Context, settings json.RawMessage, changes ...func(*builder.Request)) outcome {
	s.t.Helper()
	request := builder.Request{BuildID: "build-1", OverlayID: "overlay-1", Settings: settings, OutputDir: s.tree}
	for _, change := range changes {
		change(&request)
	}
	o := outcome{recorder: &sdktest.Recorder{}}
	o.result, o.err = s.Build(ctx, request, o.recorder)
	o.fault, _ = errors.AsType[*sdk.Error](o.err)
	return o
}

func TestBuildRunsTheScript(t *testing.T) {
	s := newSite(t, `{"environment": {"MIRROR": "operator", "BOTH": "operator"}}`)
	got := s.build(overlayscript.OverlaySettings{
		Script:      `echo "$MIRROR $BOTH $TOKEN"; echo problem >&2; mkdir -p left4dead2/cfg; echo x > left4dead2/cfg/a.cfg`,
		Environment: map[string]string{"BOTH": "overlay"}, Secrets: []string{"TOKEN"},
	}, func(r *builder.Request) { r.Secrets = map[string]string{"TOKEN": "hunter2-hunter2", "OTHER": "unseen"} })
	if got.err != nil {
		t.Fatal(got.err, got.stderr())
	}
	if want := "operator overlay [secret]\n"; got.stdout() != want {
		t.Errorf("stdout %q, want %q", got.stdout(), want)
	}
	if got.stderr() != "problem\n" || got.result.Files != 1 || got.result.Bytes != 2 || got.result.Annotations["script-sha256"] == "" {
		t.Errorf("stderr %q, result %+v", got.stderr(), got.result)
	}
	if text, err := os.ReadFile(filepath.Join(s.tree, "left4dead2/cfg/a.cfg")); err != nil || string(text) != "x\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestBuildExplainsFailures(t *testing.T) {
	s := newSite(t, `{"limits": {"seconds": 2, "memory_mib": 256, "tasks": 100}, "tree_mib": 4, "log_kib": 64}`)
	for name, c := range map[string]struct {
		settings overlayscript.OverlaySettings
		code     sdk.Code
		message  string
	}{
		"no shebang":     {overlayscript.OverlaySettings{Script: "#left4me"}, sdk.CodeInvalid, `The script does not begin with "#!" and an interpreter.`},
		"exit code":      {overlayscript.OverlaySettings{Script: "exit 3"}, sdk.CodePrecondition, "The script ended with exit code 3."},
		"source gone":    {overlayscript.OverlaySettings{Script: "exit 75"}, sdk.CodeUnavailable, "The script says that its source is not available now (exit code 75)."},
		"signal":         {overlayscript.OverlaySettings{Script: "kill -ABRT $$"}, sdk.CodePrecondition, "The script was ended by signal 6 (aborted)."},
		"time":           {overlayscript.OverlaySettings{Script: "sleep 60"}, sdk.CodePrecondition, "The script was killed because it ran longer than 2s."},
		"shorter time":   {overlayscript.OverlaySettings{Script: "sleep 60", Limits: overlayscript.RunLimits{Seconds: 1}}, sdk.CodePrecondition, "The script was killed because it ran longer than 1s."},
		"longer time":    {overlayscript.OverlaySettings{Script: "sleep 60", Limits: overlayscript.RunLimits{Seconds: 99}}, sdk.CodePrecondition, "The script was killed because it ran longer than 2s."},
		"too much":       {overlayscript.OverlaySettings{Script: "for i in {1..9}; do head -c 1M /dev/zero >$i; done; sleep 60"}, sdk.CodeInvalid, "The script was killed because it wrote too much. The overlay holds 9 MiB, and 4 MiB are allowed."},
		"missing tool":   {overlayscript.OverlaySettings{Script: "true", Tools: []string{"absent-tool"}}, sdk.CodePrecondition, `The script needs "absent-tool", which is not installed on this host.`},
		"tool in header": {overlayscript.OverlaySettings{Script: "#!/bin/sh\n# left4me: tools=absent-tool\ntrue"}, sdk.CodePrecondition, `The script needs "absent-tool", which is not installed on this host.`},
		"missing secret": {overlayscript.OverlaySettings{Script: "true", Secrets: []string{"TOKEN"}}, sdk.CodePrecondition, `The script needs the secret "TOKEN", which is not set.`},
		"bad variable":   {overlayscript.OverlaySettings{Script: "true", Environment: map[string]string{"A-B": "x"}}, sdk.CodeInvalid, `"A-B" cannot be the name of a variable.`},
		"taken variable": {overlayscript.OverlaySettings{Script: "true", Environment: map[string]string{"OVERLAY": "x"}}, sdk.CodeInvalid, "The variable OVERLAY is set by the sandbox."},
		"odd tool":       {overlayscript.OverlaySettings{Script: "true", Tools: []string{"a/b"}}, sdk.CodeInvalid, `"a/b" is no name of a command.`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{t, s.base, s.Builder, newTree(t)}
			var got outcome
			if name == "no shebang" {
				got = s.buildRaw(t.Context(), json.RawMessage(`{"script": "echo no shebang"}`))
			} else {
				got = s.build(c.settings)
			}
			if got.fault == nil || got.fault.Code != c.code || got.fault.Message != c.message || got.fault.Hint == "" {
				t.Errorf("%#v", got.err)
			}
		})
	}
}

func TestBuildCutsTheLogVisibly(t *testing.T) {
	s := newSite(t, `{"log_kib": 64}`)
	got := s.build(overlayscript.OverlaySettings{Script: "head -c 5M /dev/zero | tr '\\0' x; echo; yes | head -c 100M; echo the end"})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if n := len(got.stdout()) + len(got.stderr()); n > 70<<10 {
		t.Errorf("%d bytes of log with a limit of 64 KiB", n)
	}
	if !strings.Contains(got.stdout(), "x[line cut]\n") || !strings.Contains(got.stderr(), "[log cut: it reached its limit") || !strings.Contains(got.stderr(), "more bytes were written") {
		t.Errorf("no visible cut: %q", got.stderr())
	}
}

func TestBuildIsCanceledWithin2Seconds(t *testing.T) {
	s := newSite(t, `{}`)
	ctx, cancel := context.WithCancel(context.Background())
	begun := make(chan struct{}, 1)
	recorder := &sdktest.Recorder{OnEvent: func() {
		select {
		case begun <- struct{}{}:
		default:
		}
	}}
	var ended time.Time
	done := make(chan error, 1)
	go func() {
		_, err := s.Build(ctx, builder.Request{
			BuildID: "build-1", OverlayID: "overlay-1", OutputDir: s.tree,
			Settings: overlay(t, overlayscript.OverlaySettings{Script: "#!/bin/bash\ntrap '' TERM INT\necho begun\nwhile true; do sleep 31416.1; done"}),
		}, recorder)
		ended = time.Now()
		done <- err
	}()
	<-begun
	canceled := time.Now()
	cancel()
	if err := <-done; sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Errorf("%v", err)
	}
	if took := ended.Sub(canceled); took > 2*time.Second {
		t.Errorf("the cancel took %s", took)
	}
}

func TestEgressSettings(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Write([]byte("hello\n"))
			_ = connection.Close()
		}
	}()
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	for name, c := range map[string]struct{ settings, host, port, want string }{
		"closed":     {`{"ports": [` + port + `]}`, "127.0.0.1", port, "refused\n"},
		"redirected": {`{"redirects": {"198.51.100.7:80": "` + address + `"}, "hosts": {"maps.test": "198.51.100.7"}}`, "maps.test", "80", "hello\n"},
		"open":       {`{"egress": "open"}`, "127.0.0.1", port, "hello\n"},
		"none":       {`{"egress": "none"}`, "127.0.0.1", port, "refused\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, c.settings)
			script := "exec 3<>/dev/tcp/" + c.host + "/" + c.port + " && cat <&3 || echo refused"
			if got := s.build(overlayscript.OverlaySettings{Script: script, Network: true}); got.err != nil || got.stdout() != c.want {
				t.Errorf("%q, %q, %v", got.stdout(), got.stderr(), got.err)
			}
			if got := s.build(overlayscript.OverlaySettings{Script: script, Network: false}); got.err != nil || got.stdout() != "refused\n" {
				t.Errorf("without a network: %q, %v", got.stdout(), got.err)
			}
		})
	}
}
