package bubblewrap_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// scriptUser is whom scripts run as when the tests run as root.
const scriptUser = 64001

func TestMain(m *testing.M) {
	bubblewrap.MaybeChild()
	if role := roles()[os.Getenv("LEFT4ME_TEST_ROLE")]; role != nil {
		role()
		return
	}
	os.Exit(m.Run())
}

// roles are what the test binary does when a test starts it again.
func roles() map[string]func() {
	return map[string]func(){"holder": holdScript, "internet": serveInternet}
}

// recorder keeps what a run reports.
type recorder struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	notes    []string
	sizes    map[sandbox.Stream]int
}

const recorded = 1 << 20

// Output implements sandbox.Sink. It counts everything and keeps the beginning.
func (r *recorder) Output(stream sandbox.Stream, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sizes == nil {
		r.sizes = map[sandbox.Stream]int{}
	}
	r.sizes[stream] += len(data)
	buffer := &r.out
	if stream == sandbox.Stderr {
		buffer = &r.err
	}
	if buffer.Len() < recorded {
		buffer.Write(data)
	}
}

// Note implements sandbox.Sink.
func (r *recorder) Note(_, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, text)
}

// box is a sandbox with a tree to run scripts on.
type box struct {
	*bubblewrap.Sandbox
	t    *testing.T
	tree string
}

func newBox(t *testing.T, change func(*bubblewrap.Config)) *box {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed: apt-get install bubblewrap")
	}
	config := bubblewrap.Config{
		User: scriptUser, Group: scriptUser, Network: sandbox.NetworkFiltered, Cgroup: "auto",
		Ports: []uint16{80, 443}, Resolvers: []netip.Addr{netip.MustParseAddr("1.1.1.1")},
	}
	if change != nil {
		change(&config)
	}
	s, err := bubblewrap.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &box{Sandbox: s, t: t, tree: newTree(t)}
}

// newTree makes a directory that the script's user owns and can reach.
func newTree(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chmod(filepath.Dir(tree), 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(tree, scriptUser, scriptUser); err != nil && !os.IsPermission(err) && !strings.Contains(err.Error(), "invalid argument") {
			t.Fatal(err)
		}
	}
	return tree
}

func (b *box) spec(script string) sandbox.Spec {
	return sandbox.Spec{
		ID:          fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()),
		Interpreter: []string{"/bin/bash"}, Script: []byte(script), Dir: b.tree, Network: true,
		Limits: sandbox.Limits{
			Memory: 512 << 20, Tasks: 100, CPU: 200, WallTime: time.Minute, FileSize: 64 << 20,
			TreeBytes: 256 << 20, TreeFiles: 100_000, TmpSize: 8 << 20,
		},
	}
}

type result struct {
	sandbox.Outcome
	out, err string
	notes    []string
	recorder *recorder
}

// run runs a script and fails the test when the sandbox could not be set up.
func (b *box) run(script string, changes ...func(*sandbox.Spec)) result {
	b.t.Helper()
	return b.runContext(context.Background(), script, changes...)
}

func (b *box) runContext(ctx context.Context, script string, changes ...func(*sandbox.Spec)) result {
	b.t.Helper()
	spec := b.spec(script)
	for _, change := range changes {
		change(&spec)
	}
	r := &recorder{}
	outcome, err := b.Run(ctx, spec, r)
	if err != nil {
		b.t.Fatalf("run: %v", err)
	}
	return result{outcome, r.out.String(), r.err.String(), r.notes, r}
}

// hasGroups says whether limits are kept by a cgroup here.
func (b *box) hasGroups() bool { return b.Report().Facts["cgroup"] == "yes" }

// waitFor looks again and again until ok, since other processes do not tell when they are done.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}

// processesWith lists the processes of this host whose command line holds text.
func processesWith(text string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(text)) {
			out = append(out, file+": "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}
