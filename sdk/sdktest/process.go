package sdktest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
)

// Command says how to start a plugin's binary.
type Command struct {
	Path string
	Args []string
	Env  []string // the whole environment; the agent's is never passed on
}

// Process is a plugin running as a process of its own, connected with AutoMTLS like in production.
type Process struct {
	Conn *grpc.ClientConn

	socketDir string
	client    *plugin.Client
	run       *processRunner
}

// Start starts a plugin with a launch line on its input, as the agent does, and connects to it. The
// process and everything it started are gone when the test ends.
func Start(t T, command Command, kind sdk.KindName) *Process {
	t.Helper()
	dir, err := SocketDir()
	if err != nil {
		t.Fatalf("make a directory for the socket: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, err := Launch(dir, command, kind)
	if err != nil {
		t.Fatalf("start the plugin: %v", err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the plugin's log:\n%s", p.Log())
		}
	})
	return p
}

// maxTemp is the longest temporary directory below which sockets fit: the path of one may have 107 bytes.
const maxTemp = 48

// SocketDir makes a directory for the sockets of a plugin, with a short path. The caller removes it.
func SocketDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > maxTemp {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "plugin")
}

// Launch is Start without a test: its sockets go below dir, and the caller must call Stop.
func Launch(dir string, command Command, kind sdk.KindName) (*Process, error) {
	p := &Process{socketDir: dir, run: &processRunner{command: command, exited: make(chan struct{})}}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.PluginSets(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     patience,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			p.run.launch = sdk.FormatLaunch(cmd.Env)
			return p.run, nil
		},
	})
	protocol, err := p.client.Client()
	if err != nil {
		_ = p.run.Kill(context.Background()) // always succeeds
		<-p.run.exited
		return nil, errors.Join(err, errors.New(p.Log()))
	}
	raw, err := protocol.Dispense(string(kind))
	if err != nil {
		p.Stop()
		return nil, err
	}
	p.Conn = raw.(*grpc.ClientConn)
	return p, nil
}

// PID returns the process id.
func (p *Process) PID() int { return p.run.cmd.Process.Pid }

// Log returns what the plugin wrote to standard error so far; of more than 4 MiB the end.
func (p *Process) Log() string { return p.run.logged() }

// SocketDir returns the directory below which the plugin's socket is.
func (p *Process) SocketDir() string { return p.socketDir }

// Signal sends a signal to the process.
func (p *Process) Signal(signal os.Signal) error { return p.run.cmd.Process.Signal(signal) }

// CloseInput ends the plugin's standard input, as the death of the agent does.
func (p *Process) CloseInput() error { return p.run.input.Close() }

// Wait waits until the process is gone and returns its exit status: -1 when a signal ended it.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.run.exited:
		return p.run.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, errors.New("the process did not end")
	}
}

// leftGrace is how long what a plugin started may outlive it.
const leftGrace = 2 * time.Second

// alone reports whether the process, which has ended, left nothing in its process group.
func (p *Process) alone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, leftGrace)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for syscall.Kill(-p.PID(), 0) == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Kill kills the process, and whatever it started that is still in its process group, without a
// warning.
func (p *Process) Kill() {
	_ = p.run.Kill(context.Background()) // it always succeeds
	<-p.run.exited
	p.client.Kill()
}

// Stop ends the process as the agent does and kills what is left after a while. It may be called
// more than once.
func (p *Process) Stop() {
	watchdog := time.AfterFunc(patience/3, func() { _ = p.run.Kill(context.Background()) })
	defer watchdog.Stop()
	p.client.Kill()
	_ = p.run.Kill(context.Background())
	<-p.run.exited
	sockets, _ := filepath.Glob(filepath.Join(p.socketDir, "plugin-dir*"))
	for _, dir := range sockets {
		_ = os.RemoveAll(dir) // the test's own directory
	}
}

// processRunner implements runner.Runner for a child that gets its launch line on standard input.
type processRunner struct {
	command Command
	launch  []byte
	cmd     *exec.Cmd
	input   io.WriteCloser
	stdout  io.ReadCloser
	exited  chan struct{}

	mu  sync.Mutex
	log []byte // at most twice maxLog
}

// maxLog is how much of a plugin's log is kept, in bytes.
const maxLog = 4 << 20

// Start implements runner.Runner.
func (r *processRunner) Start(context.Context) error {
	r.cmd = exec.Command(r.command.Path, r.command.Args...)
	r.cmd.Env = r.command.Env
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.WaitDelay = time.Second // a leaked child may hold the pipes
	r.cmd.Stderr = r
	var err error
	if r.input, err = r.cmd.StdinPipe(); err != nil {
		close(r.exited)
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		close(r.exited)
		return err
	}
	defer writer.Close()
	r.stdout, r.cmd.Stdout = reader, writer
	if err := r.cmd.Start(); err != nil {
		close(r.exited)
		return err
	}
	go func() {
		_ = r.cmd.Wait() // the exit status is in ProcessState
		close(r.exited)
	}()
	_, err = r.input.Write(r.launch)
	return err
}

// Write collects standard error.
func (r *processRunner) Write(data []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.log = append(r.log, data...); len(r.log) > 2*maxLog {
		r.log = append([]byte(nil), r.log[len(r.log)-maxLog:]...)
	}
	return len(data), nil
}

func (r *processRunner) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.log[max(0, len(r.log)-maxLog):])
}

// Stderr implements runner.Runner: go-plugin shall not parse the log, so it sees only its end.
func (r *processRunner) Stderr() io.ReadCloser { return &untilExit{exited: r.exited} }

// Stdout implements runner.Runner.
func (r *processRunner) Stdout() io.ReadCloser { return r.stdout }

// Name implements runner.Runner.
func (r *processRunner) Name() string { return filepath.Base(r.command.Path) }

// ID implements runner.Runner.
func (r *processRunner) ID() string { return r.Name() }

// Diagnose implements runner.Runner.
func (r *processRunner) Diagnose(context.Context) string { return "" }

// Wait implements runner.Runner.
func (r *processRunner) Wait(context.Context) error {
	<-r.exited
	return nil
}

// Kill implements runner.Runner. It kills the whole process group.
func (r *processRunner) Kill(context.Context) error {
	if r.cmd != nil && r.cmd.Process != nil {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // ESRCH: gone already
	}
	return nil
}

// PluginToHost implements runner.Runner.
func (*processRunner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (*processRunner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// untilExit is a reader that ends with the process.
type untilExit struct{ exited <-chan struct{} }

// Read implements io.Reader.
func (u *untilExit) Read([]byte) (int, error) {
	<-u.exited
	return 0, io.EOF
}

// Close implements io.Closer.
func (*untilExit) Close() error { return nil }
