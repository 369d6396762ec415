package pluginhost_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
	"github.com/left4me/left4me/sdk/sdktest"
)

// behaviors is what the test binary can do as a plugin.
func behaviors() map[string]func() {
	return map[string]func(){
		"good":         func() { serve(newFriendly()) },
		"dirmounter":   func() { sdk.Serve(sdktest.NewDirMounter("dirmounter", "")) },
		"mounter":      func() { sdk.Serve(mounter.Of(newFriendly(), emptyMounter{})) },
		"crash":        func() { fmt.Fprintln(os.Stderr, "cannot find my config"); os.Exit(3) },
		"panic":        func() { panic("boom") },
		"exit0":        func() {},
		"talkative":    func() { fmt.Println("Hello, I am a plugin!"); waitInput() },
		"newer":        func() { handshake("1|2|unix|" + socket() + "|grpc|") },
		"older":        func() { handshake("1|0|unix|" + socket() + "|grpc|") },
		"core":         func() { handshake("2|1|unix|" + socket() + "|grpc|") },
		"plain":        func() { listenAndSay("|grpc") },
		"notsocket":    func() { handshake("1|1|unix|" + socket() + "|grpc|" + certificate()) },
		"symlink":      symlink,
		"elsewhere":    func() { handshake("1|1|unix|/run/dbus/system_bus_socket|grpc|" + strings.Repeat("A", 600)) },
		"tcp":          func() { handshake("1|1|tcp|127.0.0.1:22|grpc|" + strings.Repeat("A", 600)) },
		"nocert":       func() { listenAndSay("|grpc|" + strings.Repeat("A", 600)) },
		"longline":     func() { handshake(strings.Repeat("1|1|unix|x", 100<<10)) },
		"deaf":         deaf,
		"mute":         mute,
		"newer-real":   func() { servePlain(2, sdk.Handshake().MagicCookieValue, &liar{}) },
		"cookie":       func() { servePlain(1, "another", &liar{}) },
		"liar":         func() { servePlain(1, sdk.Handshake().MagicCookieValue, &liar{}) },
		"garbage":      func() { servePlain(1, sdk.Handshake().MagicCookieValue, &liar{garbage: true}) },
		"badinfo":      func() { servePlain(1, sdk.Handshake().MagicCookieValue, &liar{badInfo: true}) },
		"badschema":    func() { servePlain(1, sdk.Handshake().MagicCookieValue, &liar{badSchema: true}) },
		"stubborn":     stubborn,
		"orphans":      orphans,
		"grandchild":   func() { time.Sleep(time.Hour) },
		"flood":        func() { go flood(); serve(newFriendly()) },
		"nasty-log":    func() { nastyLog(); serve(newFriendly()) },
		"gigabyte":     func() { serve(&gigabyte{newFriendly()}) },
		"health-flood": func() { serve(&healthFlood{newFriendly()}) },
		"host":         runHost,
		"listen":       listen,
	}
}

type builderBase interface {
	sdk.Base
	builder.Builder
}

func serve(b builderBase) { sdk.Serve(builder.Of(b, b)) }

// launchEnv reads the launch line, as the SDK does.
func launchEnv() map[string]string {
	env, err := sdk.ParseLaunch(bufio.NewReader(os.Stdin))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(65)
	}
	return env
}

func waitInput() { _, _ = io.Copy(io.Discard, os.Stdin) }

// socket returns a path in the directory that the host gave.
func socket() string {
	return filepath.Join(launchEnv()[goplugin.EnvUnixSocketDir], "s")
}

func handshake(line string) {
	fmt.Println(line)
	waitInput()
}

// deaf ignores everything short of SIGKILL and never says anything.
func deaf() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	select {}
}

// mute says hello and then never answers its socket.
func mute() { listenAndSay("|grpc|" + certificate()) }

// listenAndSay says a handshake with a socket that exists.
func listenAndSay(rest string) {
	path := socket()
	listener, err := net.Listen("unix", path)
	if err != nil {
		os.Exit(66)
	}
	defer listener.Close()
	handshake("1|1|unix|" + path + rest)
}

// symlink leads to a socket elsewhere.
func symlink() {
	path := socket()
	listener, err := net.Listen("unix", path+"x")
	if err != nil || os.Symlink(path+"x", path) != nil {
		os.Exit(66)
	}
	defer listener.Close()
	handshake("1|1|unix|" + path + "|grpc|" + certificate())
}

// certificate returns a fresh one, as in a handshake.
func certificate() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		os.Exit(69)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		os.Exit(69)
	}
	return base64.RawStdEncoding.EncodeToString(der)
}

// stubborn serves well, but does not end when it is asked to.
func stubborn() {
	signal.Ignore(syscall.SIGTERM)
	go servePlain(1, sdk.Handshake().MagicCookieValue, &liar{})
	select {}
}

// orphans serves; a child and a daemon keep its output open when it is gone.
func orphans() {
	for _, own := range []bool{false, true} {
		child := exec.Command("/proc/self/exe", asPlugin, "grandchild", os.Getenv("MARK"))
		child.Stdout, child.Stderr = os.Stderr, os.Stderr
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: own}
		if err := child.Start(); err != nil {
			os.Exit(67)
		}
	}
	serve(newFriendly())
}

// listen is a stranger at a plugin's socket: it reports whatever is said to it.
func listen() {
	listener, err := net.Listen("unix", mark)
	if err != nil {
		os.Exit(71)
	}
	fmt.Println("listening")
	go waitInputAndExit()
	for {
		conn, err := listener.Accept()
		if err != nil {
			os.Exit(72)
		}
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			fmt.Fprintln(os.Stderr, "something was said to a stranger")
		}
		_ = conn.Close()
	}
}

func waitInputAndExit() {
	waitInput()
	os.Exit(0)
}

func flood() {
	for n := 0; ; n++ {
		fmt.Fprintf(os.Stderr, `{"@level":"error","@message":"flood","n":%d}`+"\n", n)
	}
}

func nastyLog() {
	for _, line := range []string{
		`{"@message":5}`,
		`{"@message":{"a":[1]},"@level":7,"@timestamp":[]}`,
		`{"@level":"error","@message":"nested","value":{"deep":[1,2,{"x":null}]},"plugin":"somebody-else"}`,
		`{"@level":"warn"`,
		strings.Repeat("[", 200<<10),
		"\x1b[31mred\x00 and \xff broken \u202e",
		"[DEBUG] quiet",
		"[ERROR] loud",
	} {
		fmt.Fprintln(os.Stderr, line)
	}
}

// gigabyte prints one line of 1 GiB when its settings are validated.
type gigabyte struct{ *friendly }

func (g *gigabyte) Validate(context.Context, json.RawMessage) ([]sdk.Diagnostic, error) {
	chunk := []byte(strings.Repeat("x", 1<<20))
	for range 1 << 10 {
		if _, err := os.Stderr.Write(chunk); err != nil {
			return nil, err
		}
	}
	_, err := os.Stderr.WriteString("\nafter\n")
	return nil, err
}

// healthFlood changes its mind all the time.
type healthFlood struct{ *friendly }

func (h *healthFlood) WatchHealth(_ context.Context, report func(sdk.Health) error) error {
	for n := 0; ; n++ {
		health := sdk.Health{State: sdk.HealthHealthy, Description: fmt.Sprint(n)}
		if n%2 == 0 {
			health.State = sdk.HealthUnhealthy
		}
		if err := report(health); err != nil {
			return err
		}
	}
}

// servePlain serves by go-plugin alone, without what the SDK adds to protect the host.
func servePlain(major uint, cookie string, l *liar) {
	for name, value := range launchEnv() {
		if err := os.Setenv(name, value); err != nil {
			os.Exit(68)
		}
	}
	l.out = os.Stdout
	go func() {
		waitInput()
		if os.Args = os.Args[:1]; l.exitOnEOF() {
			os.Exit(0)
		}
	}()
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: major, MagicCookieKey: sdk.Handshake().MagicCookieKey, MagicCookieValue: cookie,
		},
		Plugins: goplugin.PluginSet{"builder": l},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, grpc.MaxSendMsgSize(math.MaxInt32))...)
		},
	})
}

// liar is a builder that breaks the protocol as its settings say.
type liar struct {
	goplugin.NetRPCUnsupportedPlugin
	pluginv1.UnimplementedPluginServiceServer
	builderv1.UnimplementedBuilderServiceServer
	badInfo, badSchema, garbage bool
	out                         *os.File
}

func (l *liar) exitOnEOF() bool { return !signal.Ignored(syscall.SIGTERM) }

func (l *liar) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(server, l)
	builderv1.RegisterBuilderServiceServer(server, l)
	return nil
}

func (l *liar) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (l *liar) GetInfo(context.Context, *pluginv1.GetInfoRequest) (*pluginv1.GetInfoResponse, error) {
	if l.garbage {
		fmt.Fprint(l.out, strings.Repeat("garbage ", 1<<20)+"\n1|1|unix|/x|grpc|\n")
	}
	info := &pluginv1.GetInfoResponse{Name: "liar", Version: "1.0.0", Kind: pluginv1.Kind_KIND_BUILDER}
	if l.badInfo {
		info.Name = "../../etc/passwd"
	}
	if l.badSchema {
		info.OverlaySchema = []byte(`{"type":12}`)
	}
	return info, nil
}

func (l *liar) Configure(context.Context, *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	return &pluginv1.ConfigureResponse{}, nil
}

func (l *liar) Validate(context.Context, *builderv1.ValidateRequest) (*builderv1.ValidateResponse, error) {
	return &builderv1.ValidateResponse{Diagnostics: []*pluginv1.Diagnostic{{Summary: strings.Repeat("x", 100<<20)}}}, nil
}

func (l *liar) Build(r *builderv1.BuildRequest, stream grpc.ServerStreamingServer[builderv1.BuildResponse]) error {
	result := &builderv1.BuildResponse_Result{Result: &builderv1.Result{}}
	log := &builderv1.BuildResponse_Log{Log: &builderv1.Log{Message: "m"}}
	lies := map[string][]*builderv1.BuildResponse{
		"two results": {{Sequence: 1, Event: result}, {Sequence: 2, Event: result}},
		"no result":   {{Sequence: 1, Event: log}},
		"gap":         {{Sequence: 1, Event: log}, {Sequence: 3, Event: result}},
		"from zero":   {{Sequence: 0, Event: result}},
		"huge output": {{Sequence: 1, Event: &builderv1.BuildResponse_Output{Output: &builderv1.Output{Data: make([]byte, 1<<20)}}}},
		"100 MB":      {{Sequence: 1, Event: &builderv1.BuildResponse_Log{Log: &builderv1.Log{Message: strings.Repeat("x", 100<<20)}}}},
	}
	for _, response := range lies[string(r.GetSettingsJson())] {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}
