package sdk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

const (
	launchTimeout = 10 * time.Second // to receive the launch line
	termGrace     = 5 * time.Second  // for running work after SIGTERM
	drainTimeout  = time.Second      // for the plugin's own Drain when the process ends
	closeGrace    = 1500 * time.Millisecond
)

// Serve runs a plugin; it is the whole of a plugin's main function. With the argument "describe",
// "schema" or "version" it prints and ends. Otherwise it waits for the agent's launch line on
// standard input and serves p until the agent stops it, the input ends, or SIGTERM arrives.
//
// Serve returns when serving ended as it should and exits the process with status 1 or 2 otherwise.
func Serve(p Plugin) {
	if len(os.Args) > 1 {
		if code := command(context.Background(), p, os.Args[1:], os.Stdout, os.Stderr); code != 0 {
			os.Exit(code)
		}
		return
	}
	if err := serve(p); err != nil {
		explain(os.Stderr, err)
		os.Exit(1)
	}
}

// explain tells a person why the plugin does not serve.
func explain(out io.Writer, err error) {
	if errors.Is(err, errNoLaunch) {
		fmt.Fprintln(out, "This program is a left4me plugin: the left4me agent starts it. "+
			"Name it in a plugin block of the agent's configuration, or run it with \"describe\" to see what it does.")
		return
	}
	fmt.Fprintf(out, "The plugin could not start: %v.\n", err)
}

func serve(p Plugin) error {
	logger := Logger()
	hosted := os.Getenv(cookieKey) == cookieValue
	if !hosted && isTerminal(os.Stdin) {
		return errNoLaunch
	}
	stderr := os.Stderr
	in, out, err := takeStdio()
	if err != nil {
		return err
	}
	s := &session{plugin: p, logger: logger, stderr: stderr, ready: make(chan struct{})}
	if !hosted {
		input := bufio.NewReader(in)
		if err := applyLaunch(input); err != nil {
			return err
		}
		go s.watchInput(input)
	}
	go s.watchSignals()
	os.Stdout = out
	return s.run()
}

// isTerminal reports whether f is a device, such as a terminal or /dev/null, where no host writes.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err != nil || info.Mode()&os.ModeCharDevice != 0
}

// applyLaunch waits for the launch line and puts its variables into the environment, where go-plugin
// looks for them.
func applyLaunch(input *bufio.Reader) error {
	type result struct {
		env map[string]string
		err error
	}
	done := make(chan result, 1)
	go func() {
		env, err := ParseLaunch(input)
		done <- result{env, err}
	}()
	select {
	case r := <-done:
		for name, value := range r.env {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
		return r.err
	case <-time.After(launchTimeout):
		return errNoLaunch
	}
}

// session is one run of Serve.
type session struct {
	plugin Plugin
	logger hclog.Logger
	stderr *os.File

	ready    chan struct{} // closed when server and gate are set
	server   *grpc.Server
	gate     *gate
	once     sync.Once
	reached  atomic.Bool // a call arrived
	stopping atomic.Bool
}

func (s *session) run() error {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{
			ProtocolMajor: {string(s.plugin.Kind()): &connection{}},
		},
		GRPCServer: s.newServer,
		Logger:     s.logger,
	})
	if s.made() && (s.reached.Load() || s.stopping.Load()) {
		s.gate.wait(closeGrace) // go-plugin's stop cancels running calls but does not wait for them
		return nil
	}
	return errors.New("go-plugin ended before the agent connected; the lines above say why")
}

// made reports whether go-plugin came as far as making the server.
func (s *session) made() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

func (s *session) newServer(options []grpc.ServerOption) *grpc.Server {
	s.server, s.gate = newServer(s.plugin, s.logger, s.arrived, options)
	close(s.ready)
	return s.server
}

// arrived runs before the first call. By then go-plugin has read its variables and has replaced
// os.Stdout and os.Stderr with pipes that block when no host reads them: both are undone, so that
// prints reach the plugin's log and children inherit nothing of the launch.
func (s *session) arrived() {
	s.once.Do(func() {
		s.reached.Store(true)
		os.Stdout, os.Stderr = s.stderr, s.stderr
		for _, name := range launchNames() {
			_ = os.Unsetenv(name) // cannot fail for a valid name
		}
	})
}

// watchInput ends the plugin when the host closes the input, which the kernel also does when the
// host dies.
func (s *session) watchInput(input io.Reader) {
	_, _ = io.Copy(io.Discard, input) // an error means the same as the end
	s.stop(0)
}

func (s *session) watchSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	s.stop(termGrace)
}

// stop drains the plugin and ends the server, after which run returns. If something hangs, the
// process ends nevertheless.
func (s *session) stop(grace time.Duration) {
	s.stopping.Store(true)
	time.AfterFunc(grace+endGrace+drainTimeout+time.Second, func() {
		s.logger.Error("calls did not end in time, exiting")
		os.Exit(1)
	})
	<-s.ready
	s.gate.drain(context.Background(), grace)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if _, err := s.plugin.Drain(ctx, drainTimeout); err != nil {
		s.logger.Warn("drain failed", "error", err)
	}
	s.server.Stop()
}
