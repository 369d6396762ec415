package sandboxtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

func (s suite) runChangesTheTreeAndReportsBothStreams(t *testing.T) {
	b := s.box(t, Options{})
	got := b.run(`echo "$OVERLAY $HOME $GREETING"; pwd; echo problem >&2; mkdir -p addons; echo content > addons/file`,
		func(spec *sandbox.Spec) { spec.Environment = map[string]string{"GREETING": "good day"} })
	if got.Ending != sandbox.Exited || got.ExitCode != 0 {
		t.Fatalf("outcome %+v, stderr %q", got.Outcome, got.err)
	}
	if want := "/overlay /tmp good day\n/overlay\n"; got.out != want {
		t.Errorf("stdout %q, want %q", got.out, want)
	}
	if got.err != "problem\n" {
		t.Errorf("stderr %q", got.err)
	}
	if text, err := os.ReadFile(filepath.Join(b.tree, "addons/file")); err != nil || string(text) != "content\n" {
		t.Errorf("the tree has %q, %v", text, err)
	}
}

func (s suite) runTellsEndingsApart(t *testing.T) {
	b := s.box(t, Options{})
	short := func(spec *sandbox.Spec) { spec.Limits.WallTime = 300 * time.Millisecond }
	small := func(spec *sandbox.Spec) { spec.Limits.Memory = 64 << 20 }
	narrow := func(spec *sandbox.Spec) { spec.Limits.TreeBytes, spec.Limits.TreeFiles = 1<<20, 100 }
	for name, c := range map[string]struct {
		script string
		change func(*sandbox.Spec)
		ending sandbox.Ending
		code   int
		signal syscall.Signal
	}{
		"success":   {script: `true`, ending: sandbox.Exited},
		"exit code": {script: `exit 7`, ending: sandbox.Exited, code: 7},
		"signal":    {script: `kill -TERM $$`, ending: sandbox.Signaled, signal: syscall.SIGTERM, code: 143},
		"killed":    {script: `kill -KILL $$`, ending: sandbox.Signaled, signal: syscall.SIGKILL, code: 137},
		"time":      {script: `trap "" TERM INT; sleep 3600`, change: short, ending: sandbox.TimedOut},
		"memory":    {script: `for i in 1 2 3 4; do perl -e '$x .= "x" x (1<<20) for 1..24; sleep 60' & done; wait`, change: small, ending: sandbox.OutOfMemory},
		"bytes":     {script: `head -c 3M /dev/zero > big; sleep 3600`, change: narrow, ending: sandbox.TreeFull},
		"files":     {script: `touch {1..200}; sleep 3600`, change: narrow, ending: sandbox.TreeFull},
	} {
		t.Run(name, func(t *testing.T) {
			b := b.another(t)
			var changes []func(*sandbox.Spec)
			if c.change != nil {
				changes = append(changes, c.change)
			}
			got := b.run(c.script, changes...)
			if got.Ending != c.ending || got.ExitCode != c.code || got.Signal != c.signal {
				t.Errorf("outcome %+v, stderr %q", got.Outcome, got.err)
			}
			if c.ending == sandbox.TreeFull && got.Reason == "" {
				t.Error("no reason")
			}
		})
	}
}

// A script that loses a process for memory and goes on must not count as a success.
func (s suite) runDoesNotSucceedAfterLosingAProcessForMemory(t *testing.T) {
	b := s.box(t, Options{})
	limit := s.backend.KernelMemory(b.Report())
	if limit == 0 {
		t.Skip("no cgroup here")
	}
	got := b.run(fmt.Sprintf(`perl -e '$x = "x" x %d'; echo went on; exit 0`, limit+200<<20), func(spec *sandbox.Spec) { spec.Limits.Memory = limit })
	if got.Ending != sandbox.OutOfMemory {
		t.Errorf("outcome %+v", got.Outcome)
	}
}

func (s suite) runIsCanceledWithin2Seconds(t *testing.T) {
	b := s.box(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(b.tree, "ready")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	got := b.runContext(ctx, `trap "" TERM INT HUP; (trap "" TERM; setsid sleep 31415.1) & touch ready; while true; do sleep 31415.1; done`)
	if got.Ending != sandbox.Canceled {
		t.Errorf("outcome %+v", got.Outcome)
	}
	if left := processesWith("31415.1"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func (s suite) runRefusesWhatCannotBeSetUp(t *testing.T) {
	b := s.box(t, Options{})
	spec := b.spec("true")
	spec.Dir = "/nonexistent/tree"
	if outcome, err := b.Run(context.Background(), spec, &recorder{}); err == nil || !strings.Contains(err.Error(), "/nonexistent/tree") {
		t.Errorf("outcome %+v, error %v", outcome, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if outcome, err := b.Run(ctx, b.spec("true"), &recorder{}); err != nil || outcome.Ending != sandbox.Canceled {
		t.Errorf("canceled before the start: %+v, %v", outcome, err)
	}
}

func (s suite) runLeavesNothingBehind(t *testing.T) {
	b := s.box(t, Options{})
	before := hostState(t)
	b.run(`(setsid sleep 31415.2 &) ; (setsid setsid bash -c 'trap "" TERM; sleep 31415.2' &); nohup sleep 31415.2 & exit 0`)
	if left := processesWith("31415.2"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if after := hostState(t); after != before {
		t.Errorf("the host was\n%s\nand is\n%s", before, after)
	}
}

// hostState lists our cgroups and mounts, and how many descriptors this process has.
func hostState(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	groups := groupsNamed(fmt.Sprintf("left4me-script-test-%d-", os.Getpid()))
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d mounts, cgroups %v, %d descriptors", strings.Count(string(mounts), "\n"), groups, len(descriptors))
}

// groupsNamed lists the cgroups of this machine whose names begin with prefix.
func groupsNamed(prefix string) []string {
	var out []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), prefix) {
			out = append(out, path)
		}
		return nil
	})
	return out
}

// When the plugin is killed, its scripts die with it.
func (s suite) runDiesWithThePlugin(t *testing.T) {
	b := s.box(t, Options{})
	holder := exec.Command("/proc/self/exe")
	holder.Env = append(os.Environ(), "LEFT4ME_TEST_ROLE=holder", "LEFT4ME_TEST_ID="+b.id, "LEFT4ME_TEST_TREE="+b.tree)
	holder.Stderr = os.Stderr
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "running\n" {
		t.Fatalf("the holder said %q, %v", line, err)
	}
	if len(processesWith("31415.3")) == 0 {
		t.Fatal("the script's process is not seen")
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the script to die", func() bool { return len(processesWith("31415.3")) == 0 })
	s.box(t, Options{}) // what the next start of the plugin does
	if groups := groupsNamed("left4me-script-held-"); len(groups) > 0 {
		t.Errorf("the next start left %v", groups)
	}
}
