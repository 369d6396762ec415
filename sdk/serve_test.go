package sdk_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// A print to standard output has broken many a go-plugin plugin: before the handshake it takes its
// place, after it the pipe fills up.
func TestStrayPrintsReachTheLog(t *testing.T) {
	p := sdktest.Start(t, command("noisy"), sdk.KindBuilder)
	sdktest.Configure(t, p.Conn, sdk.Settings{})
	b, events := builder.NewClient(p.Conn), &sdktest.Recorder{}
	for range 3 {
		if _, err := b.Build(t.Context(), builder.Request{OutputDir: t.TempDir()}, events); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"stray print", "stray error", "stray child", `"@message":"a log line"`} {
		// The log comes by a pipe of its own, a little later than the answers.
		for deadline := time.Now().Add(10 * time.Second); strings.Count(p.Log(), want) < 3 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if strings.Count(p.Log(), want) != 3 {
			t.Errorf("the log does not have %q three times:\n%s", want, p.Log())
		}
	}
	if logs := events.Logs(); len(logs) > 0 || strings.Contains(p.Log(), "PLUGIN_CLIENT_CERT") {
		t.Errorf("variables of the launch are left for children: %v", logs)
	}
}

func TestPlainGoPluginHost(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = command("script").Env
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.PluginSets(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Cmd:              cmd,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protocol.Dispense(string(sdk.KindBuilder))
	if err != nil {
		t.Fatal(err)
	}
	info, err := sdk.NewBaseClient(raw.(*grpc.ClientConn)).Info(t.Context())
	if err != nil || info.Name != "script" {
		t.Errorf("Info = %+v, %v", info, err)
	}
}

// hanging starts a build that hangs in a process of its own.
func hanging(t *testing.T) (*sdktest.Process, <-chan error) {
	t.Helper()
	p := sdktest.Start(t, command("script"), sdk.KindBuilder)
	sdktest.Configure(t, p.Conn, sdk.Settings{})
	begun, ended := make(chan struct{}), make(chan error, 1)
	events := &sdktest.Recorder{OnEvent: func() { close(begun) }}
	go func() {
		_, err := builder.NewClient(p.Conn).Build(context.Background(), builder.Request{
			Settings: json.RawMessage(`{"logs": ["begun"], "hang": true}`), OutputDir: t.TempDir(),
		}, events)
		ended <- err
	}()
	<-begun
	return p, ended
}

func TestEndOfInputCancelsBuilds(t *testing.T) {
	p, ended := hanging(t)
	if err := p.CloseInput(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; sdk.CodeOf(err) != sdk.CodeCanceled && sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("the build ended with %v", err)
	}
	if status, err := p.Wait(t.Context()); err != nil || status != 0 {
		t.Errorf("exit status %d, %v", status, err)
	}
}

func TestSIGTERMRefusesNewWorkAndCancelsTheRest(t *testing.T) {
	p, ended := hanging(t)
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b := builder.NewClient(p.Conn)
	for {
		_, err := b.Validate(t.Context(), nil)
		if sdk.CodeOf(err) == sdk.CodeUnavailable {
			break
		}
		if err != nil {
			t.Fatalf("Validate: %v", err)
		}
	}
	if err := <-ended; sdk.CodeOf(err) != sdk.CodeCanceled && sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("the build ended with %v", err)
	}
	if status, err := p.Wait(t.Context()); err != nil || status != 0 {
		t.Errorf("exit status %d, %v", status, err)
	}
}

// go-plugin exits with status 0 and no word when it cannot listen; a host would wait in vain.
func TestSocketThatCannotBeMade(t *testing.T) {
	shake := sdk.Handshake()
	cmd := exec.Command(os.Args[0])
	cmd.Env = command("script").Env
	cmd.Stdin = strings.NewReader(string(sdk.FormatLaunch([]string{
		shake.MagicCookieKey + "=" + shake.MagicCookieValue, "PLUGIN_UNIX_SOCKET_DIR=/no/such/directory",
	})))
	out, _ := cmd.CombinedOutput() // the status is checked below
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "could not start") {
		t.Errorf("exit status %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}

func TestWrongCookie(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = command("script").Env
	cmd.Stdin = strings.NewReader(`{"left4me_launch":1,"env":{"LEFT4ME_PLUGIN":"wrong"}}` + "\n")
	out, _ := cmd.CombinedOutput() // the status is checked below
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "plugin") {
		t.Errorf("exit status %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}

func TestPanicFailsTheCallOnly(t *testing.T) {
	p := sdktest.Start(t, command("script"), sdk.KindBuilder)
	sdktest.Configure(t, p.Conn, sdk.Settings{})
	b := builder.NewClient(p.Conn)
	for _, settings := range []string{`{"panic": "at the disco"}`, `{"files": {"f": "x"}}`} {
		_, err := b.Build(t.Context(), builder.Request{
			Settings: json.RawMessage(settings), OutputDir: t.TempDir(),
		}, &sdktest.Recorder{})
		if panics := strings.Contains(settings, "panic"); panics != (err != nil) ||
			panics && (sdk.CodeOf(err) != sdk.CodeInternal || !strings.Contains(err.Error(), "at the disco")) {
			t.Errorf("%s: %v", settings, err)
		}
	}
	if !strings.Contains(p.Log(), "membuilder.go") {
		t.Errorf("the log lacks the stack:\n%s", p.Log())
	}
}

func TestDrainLetsWorkEnd(t *testing.T) {
	release := make(chan struct{})
	conn := sdktest.Serve(t, builder.New("slow", "1.0.0",
		func(_ context.Context, b *builder.Build[struct{}]) error {
			b.Logf("begun")
			<-release
			return nil
		}))
	sdktest.Configure(t, conn, sdk.Settings{})
	base, b := sdk.NewBaseClient(conn), builder.NewClient(conn)
	begun, built := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := b.Build(t.Context(), builder.Request{OutputDir: t.TempDir()},
			&sdktest.Recorder{OnEvent: func() { close(begun) }})
		built <- err
	}()
	<-begun
	drained := make(chan int, 1)
	go func() {
		canceled, err := base.Drain(t.Context(), time.Hour)
		if err != nil {
			t.Errorf("Drain: %v", err)
		}
		drained <- canceled
	}()
	for sdk.CodeOf(validate(t, b)) != sdk.CodeUnavailable {
		runtime.Gosched() // Drain has not begun
	}
	close(release)
	if err := <-built; err != nil {
		t.Errorf("the build that ran when Drain began: %v", err)
	}
	if canceled := <-drained; canceled != 0 {
		t.Errorf("Drain canceled %d calls", canceled)
	}
}

func validate(t *testing.T, b builder.Builder) error {
	t.Helper()
	_, err := b.Validate(t.Context(), nil)
	return err
}

func TestSubcommands(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"describe", 0, `"protocol_major": 1`},
		{"version", 0, "script 1.2.3 (sdk "},
		{"schema", 0, `"files"`},
		{"schema overlay", 0, `"files"`},
		{"schema plugin", 0, `"additionalProperties": false`},
		{"schema other", 2, "not a schema"},
		{"help", 0, "describe"},
		{"serve", 2, "not a command"},
	} {
		cmd := exec.Command(os.Args[0], strings.Fields(c.args)...)
		cmd.Env = command("script").Env
		out, _ := cmd.CombinedOutput() // the status is checked below
		if cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit status %d, %s", c.args, cmd.ProcessState.ExitCode(), out)
		}
	}
}
