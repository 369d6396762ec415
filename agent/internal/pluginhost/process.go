package pluginhost

import (
	"bufio"
	"context"
	"io"
	"sync"

	"github.com/hashicorp/go-plugin/runner"
)

// process is a running plugin as this package needs it, next to what go-plugin needs of it.
type process interface {
	runner.Runner
	// prepare hands over what go-plugin decided, before Start.
	prepare(environ []string, socketDir string) error
	// problem returns why the plugin was refused or did not start; nil when nothing was found.
	problem() *problem
	// kill ends it by force, children included. It does not wait.
	kill()
	// gone is closed when nothing is left of it and all its output was taken.
	gone() <-chan struct{}
	// exit tells how it ended, once it is gone: "was killed by SIGKILL". own is false when this package
	// ended it.
	exit() (how string, own bool)
	// pid of its first process; 0 when not known.
	pid() int
}

// link is the part of a process that both modes share: its output, and the news that it is gone. It
// stands between the plugin and go-plugin, which sees one checked line of output and no errors.
type link struct {
	log *sink

	environ   []string
	socketDir string

	stdout, stderr   *io.PipeReader // go-plugin's ends
	stdoutW, stderrW *io.PipeWriter
	ended            chan struct{}
	once             sync.Once // of finish

	mu    sync.Mutex
	found *problem
	how   string
	asked bool // to end
}

func newLink(log *sink) *link {
	l := &link{log: log, ended: make(chan struct{})}
	l.stdout, l.stdoutW = io.Pipe()
	l.stderr, l.stderrW = io.Pipe()
	return l
}

// read takes the plugin's standard output: the first line goes to go-plugin if it is a good handshake,
// everything after it is log.
func (l *link) read(output io.Reader) {
	reader := bufio.NewReaderSize(output, maxLine)
	line, err := reader.ReadSlice('\n')
	if err == nil || len(line) > 0 {
		if p := checkHandshake(string(line), l.socketDir); p != nil {
			l.fail(p)
			l.log.take(trimEnd(line), 0)
		} else {
			_, _ = l.stdoutW.Write(line) // fails only when go-plugin is not there any more
		}
	}
	// go-plugin wants nothing else, and takes the end of its input for the end of the plugin, which is
	// what a bad handshake shall be.
	if l.problem() != nil {
		_ = l.stdoutW.Close() // never fails
	}
	l.log.read(reader)
}

// finish tells everybody that the plugin is gone. Only the first call counts.
func (l *link) finish(how string) {
	l.once.Do(func() {
		l.mu.Lock()
		l.how = how
		l.mu.Unlock()
		_, _ = l.stdoutW.Close(), l.stderrW.Close() // never fail
		close(l.ended)
	})
}

func (l *link) fail(p *problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found == nil {
		l.found = p
	}
}

func (l *link) problem() *problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

func (l *link) exit() (how string, own bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.how, !l.asked
}

// ask notes that the plugin is being ended, unless it has ended already.
func (l *link) ask() {
	select {
	case <-l.ended:
	default:
		l.mu.Lock()
		l.asked = true
		l.mu.Unlock()
	}
}

func (l *link) gone() <-chan struct{} { return l.ended }

// Stdout, Stderr, Wait, Diagnose and the address methods implement runner.Runner.
func (l *link) Stdout() io.ReadCloser { return l.stdout }
func (l *link) Stderr() io.ReadCloser { return l.stderr }

func (l *link) Wait(ctx context.Context) error {
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *link) Diagnose(context.Context) string { return "" }

func (l *link) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (l *link) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
