package process_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server"
)

// agentCommand makes the test program an agent that starts and stops one unit for ever, to be killed.
const agentCommand = "test-agent"

func agentMain(dir, tree string) int {
	ctx := context.Background()
	s, err := process.New(ctx, options(dir))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("running")
	for {
		if err := s.Start(ctx, plan("alpha", tree)); err != nil {
			fmt.Println(err)
			return 1
		}
		if err := s.Stop(ctx, "alpha", time.Minute); err != nil {
			fmt.Println(err)
			return 1
		}
	}
}

// runAgent starts agentMain and returns when it has begun; end kills it and waits.
func runAgent(t *testing.T, dir, tree string) (end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], agentCommand, dir, tree)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "running\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
}

// checkWhole proves that whatever was left behind is understood and can be used: no process without a unit, no unit
// without a process, and start and stop work.
func checkWhole(t *testing.T, dir, tree string) {
	t.Helper()
	s, err := process.New(withPatience(t), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// A stop of the dead agent may still be under way.
	u := status(t, s, "alpha")
	if u.State == server.UnitStopping {
		u = await(t, s, "alpha", func(u server.UnitStatus) bool { return u.State != server.UnitStopping })
	}
	// A shim may not have seen yet that its game was killed; it must, and says so. await fails if it never does.
	if u.State == server.UnitActive {
		u = await(t, s, "alpha", func(u server.UnitStatus) bool {
			return u.State != server.UnitActive || u.PID != 0 && syscall.Kill(u.PID, 0) == nil
		})
	}
	if u.State != server.UnitActive {
		assertNoneAlive(t, tree)
	}
	start(t, s, plan("alpha", tree))
	awaitNewLine(t, s, "alpha", "ready")
	if err := s.Stop(withPatience(t), "alpha", 0); err != nil {
		t.Error(err)
	}
	assertNoneAlive(t, tree)
	checkNumbers(t, console(t, s, "alpha"))
}

// awaitNewLine makes sure that the console of the present run works: adopted or started, "ready" was printed since.
func awaitNewLine(t *testing.T, s *process.Supervisor, id, text string) {
	t.Helper()
	since := status(t, s, id).StartedAt.Add(-time.Second)
	err := s.Read(withPatience(t), id, "", 1<<20, true, func(l server.Line) error {
		if strings.Contains(l.Text, text) && l.Time.After(since) {
			return errFound
		}
		return nil
	})
	if err != errFound {
		t.Errorf("console: %v", err)
	}
}

// checkNumbers proves that cursors rise and no record is damaged.
func checkNumbers(t *testing.T, lines []server.Line) {
	t.Helper()
	for i, l := range lines {
		if l.Text != "ready" && l.Text != "bye" {
			t.Errorf("line %d is damaged: %q", i, l.Text)
		}
	}
}

func TestKillTheAgentAtRandomPoints(t *testing.T) {
	dir, game := t.TempDir(), tree(t, forever)
	for range rounds(30) {
		end := runAgent(t, dir, game)
		time.Sleep(time.Duration(rand.IntN(120_000)) * time.Microsecond) // the random point
		end()
		checkWhole(t, dir, game)
		if t.Failed() {
			return
		}
	}
}

func TestKillShimOrGameAtRandomPoints(t *testing.T) {
	dir, game := t.TempDir(), tree(t, forever)
	for i := range rounds(30) {
		end := runAgent(t, dir, game)
		time.Sleep(time.Duration(rand.IntN(120_000)) * time.Microsecond)
		if i%3 == 0 {
			end() // now nobody watches
		}
		victims := alive(t, game)
		if i%2 == 0 {
			victims = shims(t, dir)
		}
		for _, pid := range victims {
			kill(t, pid)
		}
		end()
		checkWhole(t, dir, game)
		if t.Failed() {
			return
		}
	}
}

func rounds(n int) int {
	if testing.Short() {
		return n / 6
	}
	return n
}

// shims returns the shims below dir.
func shims(t *testing.T, dir string) []int {
	t.Helper()
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		data, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(data), "\x00"+process.ShimCommand+"\x00"+dir) {
			var pid int
			_, _ = fmt.Sscan(e.Name(), &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestANewAgentAdoptsWhatRuns(t *testing.T) {
	dir, game := t.TempDir(), tree(t, forever)
	first, err := process.New(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	start(t, first, plan("alpha", game))
	line := awaitLine(t, first, "alpha", "ready")
	before := status(t, first, "alpha")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	if after := status(t, second, "alpha"); after.PID != before.PID || !after.StartedAt.Equal(before.StartedAt) || after.State != server.UnitActive {
		t.Errorf("%+v became %+v", before, after)
	}
	if err := second.Stop(withPatience(t), "alpha", patience); err != nil {
		t.Fatal(err)
	}
	var rest []string // a cursor of the first agent is good for the second
	if err := second.Read(t.Context(), "alpha", line.Cursor, 0, false, func(l server.Line) error {
		rest = append(rest, fmt.Sprint(l.Text, l.Dropped))
		return nil
	}); err != nil || len(rest) != 1 || rest[0] != "bye0" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAKilledShimTakesTheGameAlong(t *testing.T) {
	s, dir := open(t, t.TempDir()), tree(t, `( setsid sleep 1000 & ); echo ready; while :; do sleep 0.1; done`)
	start(t, s, plan("alpha", dir))
	awaitLine(t, s, "alpha", "ready")
	kill(t, shimOf(t, s, "alpha"))
	u := await(t, s, "alpha", inState(server.UnitExited))
	if u.Exit.Asked || u.Exit.Signal != "SIGKILL" {
		t.Errorf("%+v", u)
	}
	assertNoneAlive(t, dir)
}

func TestAHungShimDoesNotHoldUpAStop(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the grace of a shim")
	}
	s, dir := open(t, t.TempDir()), tree(t, forever)
	start(t, s, plan("alpha", dir))
	awaitLine(t, s, "alpha", "ready")
	if err := syscall.Kill(shimOf(t, s, "alpha"), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(withPatience(t), "alpha", 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if u := status(t, s, "alpha"); u.State != server.UnitAbsent || !u.Exit.Asked {
		t.Errorf("%+v", u)
	}
	assertNoneAlive(t, dir)
}

func TestTwoAgentsDoNotRunOneUnitTwice(t *testing.T) {
	dir, game := t.TempDir(), tree(t, forever)
	first, second := open(t, dir), open(t, dir)
	start(t, first, plan("alpha", game))
	if err := second.Start(withPatience(t), plan("alpha", game)); err == nil {
		t.Error("a second agent started the same unit")
	}
	awaitLine(t, first, "alpha", "ready")
}
