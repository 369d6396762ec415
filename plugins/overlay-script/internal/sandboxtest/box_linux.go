package sandboxtest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

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
	sandbox.Sandbox
	backend Backend
	t       *testing.T
	id      string
	tree    string
}

func (s suite) box(t *testing.T, o Options) *box {
	t.Helper()
	if len(o.Ports) == 0 {
		o.Ports = []uint16{80, 443}
	}
	b := &box{Sandbox: s.backend.New(t, o), backend: s.backend, t: t}
	return b.another(t)
}

// another is the same sandbox with a tree of its own.
func (b *box) another(t *testing.T) *box {
	id, tree := b.backend.Tree(t)
	return &box{Sandbox: b.Sandbox, backend: b.backend, t: t, id: id, tree: tree}
}

func (b *box) spec(script string) sandbox.Spec {
	return sandbox.Spec{
		ID:          b.id,
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
