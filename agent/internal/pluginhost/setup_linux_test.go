package pluginhost_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
)

// rig is a host under test, with what it writes and leaves.
type rig struct {
	*pluginhost.Host
	t       testing.TB
	dir     string // runtime directory and mark of its processes
	state   string
	logs    *logs
	options pluginhost.Options
}

// patience bounds every wait for something that must happen. It is no measure of speed.
const patience = 60 * time.Second

// quick makes the host notice and forgive faster, so that tests do not take minutes.
func quick() pluginhost.Timing {
	return pluginhost.Timing{
		Start: 30 * time.Second, Wait: 30 * time.Second, Grace: time.Second, Kill: time.Second,
		HealthEvery: 100 * time.Millisecond, HealthDeadline: 5 * time.Second, HealthMisses: 3,
		BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
	}
}

// newRig makes a host for the plugins. At the end of the test it closes it and checks that nothing is left:
// no process, no socket, no goroutine.
func newRig(t testing.TB, change func(*pluginhost.Options), plugins ...pluginhost.Plugin) *rig {
	t.Helper()
	before := goleak.IgnoreCurrent()
	dir, err := os.MkdirTemp("/run", "l4m") // t.TempDir is too long for a socket
	if err != nil {
		dir, err = os.MkdirTemp("", "l4m")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: dir, state: filepath.Join(dir, "state"), logs: &logs{}}
	for i := range plugins {
		r.mark(&plugins[i])
	}
	r.options = pluginhost.Options{
		Plugins: plugins, RuntimeDir: dir, StateDir: r.state, HostVersion: "0.0.0-test", Timing: quick(),
		Logger: slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug - 4})),
	}
	if change != nil {
		change(&r.options)
	}
	r.Host = pluginhost.New(r.options)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		r.checkLeftovers(before)
	})
	return r
}

// mark makes the plugin's processes findable.
func (r *rig) mark(p *pluginhost.Plugin) {
	if p.Launch.Mode != pluginhost.ModeExec || !slices.Contains(p.Launch.Command, asPlugin) {
		return
	}
	p.Launch.Command = append(slices.Clone(p.Launch.Command), r.dir)
	p.Launch.Environment = map[string]string{"MARK": r.dir}
}

func (r *rig) checkLeftovers(before goleak.Option) {
	r.t.Helper()
	defer os.RemoveAll(r.dir)
	for _, pid := range processes(r.dir) {
		if isDaemon(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // left the group on purpose; ends with its sandbox in real life
			continue
		}
		r.t.Errorf("process %d is left over: %s", pid, commandLine(pid))
	}
	sockets, err := filepath.Glob(filepath.Join(r.dir, "plugins", "*"))
	if err != nil || len(sockets) > 0 {
		r.t.Errorf("left in the runtime directory: %v %v", sockets, err)
	}
	if err := goleak.Find(before); err != nil {
		r.t.Errorf("goroutines: %v", err)
	}
	if r.t.Failed() {
		r.t.Logf("log:\n%s", r.logs)
	}
}

// isDaemon reports whether a process has a session of its own.
func isDaemon(pid int) bool {
	sid, err := unix.Getsid(pid)
	return err == nil && sid == pid
}

// processes returns the living processes that have mark on their command line.
func processes(mark string) []int {
	var out []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && pid != os.Getpid() && strings.Contains(commandLine(pid), mark) {
			out = append(out, pid)
		}
	}
	return out
}

// commandLine of a process; empty for a zombie.
func commandLine(pid int) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(bytes.ReplaceAll(data, []byte{0}, []byte{' '}))
}

// behaving is an enabled builder in exec mode.
func behaving(name, behavior string) pluginhost.Plugin {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return pluginhost.Plugin{
		Name: name, Kind: sdk.KindBuilder, Enabled: true,
		Launch: pluginhost.Launch{Mode: pluginhost.ModeExec, Command: []string{self, asPlugin, behavior}},
	}
}

// await waits until the status of a plugin fits.
func (r *rig) await(name string, what string, fits func(pluginhost.Status) bool) pluginhost.Status {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last pluginhost.Status
	found := fmt.Errorf("found")
	err := r.Watch(ctx, func(s pluginhost.Status) error {
		if s.Name != name {
			return nil
		}
		if last = s; fits(s) {
			return found
		}
		return nil
	})
	if err != found {
		r.t.Fatalf("plugin %s did not become %s; last: %s %q\nlog:\n%s", name, what, last.State, last.Description, r.logs)
	}
	return last
}

func (r *rig) awaitState(name string, state pluginhost.State) pluginhost.Status {
	r.t.Helper()
	return r.await(name, string(state), func(s pluginhost.Status) bool { return s.State == state })
}

// logs is a concurrent buffer.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
