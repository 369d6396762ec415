package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// launcher starts runs of one plugin.
type launcher struct {
	plugin  Plugin
	options Options
	dirs    dirs
	log     *sink
}

// start launches the plugin and brings it to where it can be called. On a problem nothing is left.
func (l *launcher) start(ctx context.Context) (*instance, *problem) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timing.Start)
	defer cancel()
	secrets, p := l.secrets()
	if p != nil {
		return nil, p
	}
	proc, p := l.process()
	if p != nil {
		return nil, p
	}
	l.log.begin()
	i := &instance{process: proc, timing: l.options.Timing, startedAt: time.Now()}
	if p = l.connect(ctx, i); p == nil {
		p = l.introduce(ctx, i, secrets)
	}
	if p == nil {
		return i, nil
	}
	if !p.permanent && ctx.Err() == nil {
		i.settle()
	}
	i.destroy(ctx)
	l.dirs.cleanSockets()
	return nil, l.explain(ctx, i, p)
}

func (l *launcher) secrets() (map[string]string, *problem) {
	if l.plugin.Secrets == nil {
		return nil, nil
	}
	secrets, err := l.plugin.Secrets()
	if err != nil {
		p := lasting(fault.Precondition, "is not started: %s", clean(err.Error(), maxSentence)).
			mend("Mend the secret file.")
		p.cause = err
		return nil, p
	}
	l.log.hide(secrets)
	return secrets, nil
}

// process makes the runner of the plugin's mode, and its directories.
func (l *launcher) process() (process, *problem) {
	launch := l.plugin.Launch
	switch launch.Mode {
	case ModeExec:
		id, p := resolveIdentity(launch, os.Geteuid())
		if p != nil {
			return nil, p
		}
		if l.dirs.state != "" && id.home == "/" {
			id.home = l.dirs.state
		}
		if p := l.dirs.prepare(id); p != nil {
			return nil, p
		}
		return newChild(launch, id, l.log), nil
	case ModeSocket, ModeAttach:
		allow, p := resolvePeers(launch, os.Geteuid())
		if p != nil {
			return nil, p
		}
		if p := l.dirs.prepare(identity{}); p != nil {
			return nil, p
		}
		return newUnit(launch, allow, l.log), nil
	}
	return nil, lasting(fault.Invalid, "has the unknown launch mode %q.", launch.Mode).
		withHint("Use \"exec\" or \"socket\".")
}

// connect starts the process and makes the connection. go-plugin may block in there for as long as the
// plugin likes, so it runs aside, and the process is killed when the time is over.
func (l *launcher) connect(ctx context.Context, i *instance) *problem {
	i.client = goplugin.NewClient(l.clientConfig(i.process))
	type result struct {
		conn *grpc.ClientConn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := dispense(i.client, l.plugin.Kind)
		done <- result{conn, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		i.kill()
		r = <-done
		if r.err == nil {
			r.err = ctx.Err()
		}
	}
	if r.err != nil {
		if p := i.problem(); p != nil {
			return p
		}
		return passing(r.err, "could not be started: %s.", strings.TrimSuffix(clean(r.err.Error(), maxSentence), "."))
	}
	i.attach(r.conn, l.plugin.Kind, l.options.HostVersion)
	return nil
}

func dispense(client *goplugin.Client, kind sdk.KindName) (*grpc.ClientConn, error) {
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(string(kind))
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return nil, fmt.Errorf("dispensing %s gave a %T", kind, raw)
	}
	return conn, nil
}

func (l *launcher) clientConfig(proc process) *goplugin.ClientConfig {
	sockets := &goplugin.UnixSocketConfig{TempDir: l.dirs.sockets}
	if l.plugin.Launch.Mode != ModeExec {
		sockets.Group = l.plugin.Launch.Group
	}
	return &goplugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.PluginSets(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     l.options.Timing.Start,
		UnixSocketConfig: sockets,
		// Off, because its parser of plugin logs panics on lines that a plugin can send.
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard}),
		SyncStdout:      l.log,
		SyncStderr:      l.log,
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(sdk.CallOptions()...)},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
			return proc, proc.prepare(cmd.Env, socketDir)
		},
	}
}

// lastWords is how many lines of a plugin's log explain why it ended.
const lastWords = 3

// explain adds what is known after the process is gone: how it ended, and what it printed last.
func (l *launcher) explain(ctx context.Context, i *instance, p *problem) *problem {
	if p.permanent || i.problem() != nil {
		return p
	}
	how, own := i.exit()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		p = passing(p.cause, "did not start within %v.", l.options.Timing.Start)
	case own:
		p = passing(p.cause, "%s while it started.", how)
	}
	if lines := l.log.last(lastWords); lines != nil && p.hint == "" {
		p.withHint("Its log ends with: %s", shorten(strings.Join(lines, " / "), maxSentence))
	}
	return p
}

func (l *launcher) text(text string) string { return clean(l.log.mask(text), maxSentence) }
