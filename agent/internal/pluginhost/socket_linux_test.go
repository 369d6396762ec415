package pluginhost_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
)

// activator plays a systemd socket unit with Accept=yes: for each connection it starts the plugin
// with the connection as standard input and output.
type activator struct {
	t        *testing.T
	listener *net.UnixListener
	behavior string
	mark     string
	running  sync.WaitGroup

	mu   sync.Mutex
	pids []int
}

func activate(t *testing.T, path, behavior, mark string) *activator {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	a := &activator{t: t, listener: listener, behavior: behavior, mark: mark}
	a.running.Go(a.serve)
	return a
}

// stop ends the listener and waits for the plugins, which the host has ended by then.
func (a *activator) stop() {
	_ = a.listener.Close()
	a.running.Wait()
}

func (a *activator) serve() {
	for {
		conn, err := a.listener.AcceptUnix()
		if err != nil {
			return
		}
		a.running.Go(func() { a.start(conn) })
	}
}

func (a *activator) start(conn *net.UnixConn) {
	file, err := conn.File()
	_ = conn.Close() // the duplicate lives on
	if err != nil {
		a.t.Error(err)
		return
	}
	self, err := os.Executable()
	if err != nil {
		a.t.Error(err)
		return
	}
	command := exec.Command(self, asPlugin, a.behavior, a.mark)
	command.Env, command.Stdin, command.Stdout = []string{"MARK=" + a.mark}, file, file
	err = command.Start()
	_ = file.Close() // the child has its own
	if err != nil {
		a.t.Error(err)
		return
	}
	a.mu.Lock()
	a.pids = append(a.pids, command.Process.Pid)
	a.mu.Unlock()
	_ = command.Wait() // killed by the test, or ended by the host
}

func (a *activator) last() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pids[len(a.pids)-1]
}

// atSocket is a builder in socket mode.
func atSocket(name, path string) pluginhost.Plugin {
	return pluginhost.Plugin{
		Name: name, Kind: sdk.KindBuilder, Enabled: true,
		Launch: pluginhost.Launch{Mode: pluginhost.ModeSocket, Socket: path, User: whoami()},
	}
}

func TestSocketMode(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	a := activate(t, path, "good", dir)
	r := newRig(t, nil, atSocket("overlay-x", path))
	t.Cleanup(func() { _ = r.Close(testContext()); a.stop() })
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Build(t.Context(), doing("work"), &recorder{}); err != nil {
		t.Fatal(err)
	}
	// Its death is the end of the connection.
	events := &recorder{}
	_, err = b.Build(t.Context(), doing("crash"), events)
	wantFault(t, err, fault.Unavailable, "plugin:overlay-x", "ended, or closed the connection during the call.")
	if _, err := b.Build(t.Context(), doing("work"), &recorder{}); err != nil {
		t.Fatal(err)
	}
	// The end of the connection is its death.
	if err := r.Restart(t.Context(), "overlay-x"); err != nil {
		t.Fatal(err)
	}
	last := openProcess(t, a.last())
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	awaitEnd(t, last)
}

// TestSocketFrozen: a frozen unit cannot be killed from here, but it delays nothing.
func TestSocketFrozen(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	a := activate(t, path, "good", dir)
	r := newRig(t, func(o *pluginhost.Options) { o.Timing.HealthDeadline = 100 * time.Millisecond }, atSocket("overlay-x", path))
	t.Cleanup(func() { _ = r.Close(testContext()); a.stop() })
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
	frozen := a.last()
	kill(t, frozen, syscall.SIGSTOP)
	r.await("overlay-x", "ready again", func(s pluginhost.Status) bool {
		return s.State == pluginhost.Ready && s.Restarts > 0 && a.last() != frozen
	})
	kill(t, frozen, syscall.SIGKILL) // systemd's part
}

func TestSocketProblems(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	closed := filepath.Join(dir, "closed.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: closed, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	talk := activate(t, path, "talkative", dir)
	r := newRig(t, func(o *pluginhost.Options) {
		o.Timing.BackoffMin, o.Timing.BackoffMax = time.Hour, time.Hour
	}, atSocket("overlay-absent", filepath.Join(dir, "absent.sock")), atSocket("overlay-closed", closed), atSocket("overlay-talk", path))
	t.Cleanup(func() { _ = r.Close(testContext()); talk.stop() })
	r.Start()
	s := r.awaitState("overlay-absent", pluginhost.Backoff)
	if !strings.Contains(s.Description, "absent.sock: no such file or directory.") || !strings.Contains(s.Hint, "systemctl list-sockets") {
		t.Errorf("absent: %q %q", s.Description, s.Hint)
	}
	if s := r.awaitState("overlay-closed", pluginhost.Backoff); !strings.Contains(s.Description, "connection refused.") {
		t.Errorf("closed: %q", s.Description)
	}
	if s := r.awaitState("overlay-talk", pluginhost.Failed); !strings.Contains(s.Description, "in place of a handshake.") {
		t.Errorf("talkative: %q", s.Description)
	}
}

// TestSocketNeverGivesUp: a unit that is not there yet is no plugin that dies too often.
func TestSocketNeverGivesUp(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	r := newRig(t, nil, atSocket("overlay-x", path))
	var a *activator
	t.Cleanup(func() {
		_ = r.Close(testContext())
		if a != nil {
			a.stop()
		}
	})
	r.Start()
	r.await("overlay-x", "tried often", func(s pluginhost.Status) bool {
		return s.State == pluginhost.Backoff && s.Restarts >= 8
	})
	a = activate(t, path, "good", dir)
	r.awaitState("overlay-x", pluginhost.Ready)
}

// TestAttach waits for a plugin that stands at a breakpoint.
func TestAttach(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	a := activate(t, path, "good", dir)
	p := atSocket("overlay-x", path)
	p.Launch.Mode, p.Launch.User = pluginhost.ModeAttach, ""
	r := newRig(t, func(o *pluginhost.Options) {
		o.Timing.HealthEvery, o.Timing.HealthDeadline, o.Timing.HealthMisses = 10*time.Millisecond, 50*time.Millisecond, 1
	}, p)
	t.Cleanup(func() { _ = r.Close(testContext()); a.stop() })
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
	kill(t, a.last(), syscall.SIGSTOP)
	s := r.awaitState("overlay-x", pluginhost.Degraded)
	if s.Description != "It does not answer health checks." {
		t.Errorf("says %q", s.Description)
	}
	kill(t, a.last(), syscall.SIGCONT)
	if s := r.awaitState("overlay-x", pluginhost.Ready); s.Restarts != 0 {
		t.Errorf("it was restarted: %+v", s)
	}
}

// TestForeignPeer: somebody else's socket in the place of the plugin's is not spoken to.
func TestForeignPeer(t *testing.T) {
	needRoot(t)
	dir := socketDir(t)
	path := filepath.Join(dir, "x.sock")
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	foreign := exec.Command("setpriv", "--reuid=64031", "--regid=64031", "--clear-groups",
		asUser(t, "unused").Launch.Command[0], asPlugin, "listen", path)
	stdin, err := foreign.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := foreign.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var heard bytes.Buffer
	foreign.Stderr = &heard
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if _ = foreign.Wait(); strings.Contains(heard.String(), "was said") { // its status is not the point
			t.Errorf("%s", heard.String())
		}
	})
	if _, err := stdout.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	p := atSocket("overlay-x", path)
	p.Launch.User = ""
	r := newRig(t, nil, p)
	r.Start()
	s := r.awaitState("overlay-x", pluginhost.Failed)
	if !strings.Contains(s.Description, "user 64031 answers at its socket") {
		t.Errorf("says %q", s.Description)
	}
}

func whoami() string { return strconv.Itoa(os.Geteuid()) }

// socketDir returns a directory with a path that is short enough.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "l4s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
