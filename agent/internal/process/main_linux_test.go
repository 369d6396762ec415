package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server"
)

func TestMain(m *testing.M) {
	if code, ok := process.ShimMain(os.Args); ok {
		os.Exit(code)
	}
	if len(os.Args) == 4 && os.Args[1] == agentCommand {
		os.Exit(agentMain(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// patience bounds waits for what must happen; passing it is a failure, not a measurement.
const patience = 60 * time.Second

func withPatience(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// options are those of every supervisor here. The race detector makes a program sleep for a second at its end, which
// a shim need not.
func options(dir string) process.Options {
	return process.Options{Dir: dir, Shim: []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", os.Args[0], process.ShimCommand}}
}

// open returns a supervisor over dir; at the end of the test everything it runs is killed.
func open(t testing.TB, dir string, change ...func(*process.Options)) *process.Supervisor {
	t.Helper()
	opts := options(dir)
	for _, f := range change {
		f(&opts)
	}
	s, err := process.New(withPatience(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		units, _ := s.List(ctx)
		for _, u := range units {
			if err := s.Stop(ctx, u.Server, 0); err != nil {
				t.Errorf("stop %s: %v", u.Server, err)
			}
		}
		_ = s.Close()
	})
	return s
}

// tree makes a merged tree whose srcds_run is a bash script with the given body.
func tree(t testing.TB, script string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "srcds_run"), []byte("#!/bin/bash\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func plan(server_, tree string, args ...string) server.LaunchPlan {
	return server.LaunchPlan{
		Server: server_, Name: server_, Port: 27015, Tree: tree, Binary: "srcds_run", Args: args,
		Env: []string{"HOME=/nonexistent", "PATH=/usr/bin:/bin"}, StopTimeout: time.Second,
	}
}

// forever prints one line and waits for SIGINT.
const forever = `trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done`

func start(t testing.TB, s *process.Supervisor, p server.LaunchPlan) {
	t.Helper()
	if err := s.Start(withPatience(t), p); err != nil {
		t.Fatalf("start: %v", err)
	}
}

func status(t testing.TB, s *process.Supervisor, id string) server.UnitStatus {
	t.Helper()
	units, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if u.Server == id {
			return u
		}
	}
	return server.UnitStatus{}
}

// await waits until the unit's status satisfies ok.
func await(t testing.TB, s *process.Supervisor, id string, ok func(server.UnitStatus) bool) server.UnitStatus {
	t.Helper()
	ctx, cancel := context.WithCancel(withPatience(t))
	defer cancel()
	var last server.UnitStatus
	found := false
	_ = s.Watch(ctx, func(u server.UnitStatus) {
		if u.Server == id && !found {
			if last = u; ok(u) {
				found = true
				cancel()
			}
		}
	})
	if !found {
		t.Fatalf("unit %s never came so far: %+v", id, last)
	}
	return last
}

func inState(state server.UnitState) func(server.UnitStatus) bool {
	return func(u server.UnitStatus) bool { return u.State == state }
}

var errFound = fmt.Errorf("found")

// awaitLine follows the console until a line contains text.
func awaitLine(t testing.TB, s *process.Supervisor, id, text string) server.Line {
	t.Helper()
	var got server.Line
	var seen []string
	err := s.Read(withPatience(t), id, "", 1<<20, true, func(l server.Line) error {
		if got = l; strings.Contains(l.Text, text) {
			return errFound
		}
		seen = append(seen, l.Text)
		return nil
	})
	if err != errFound {
		t.Fatalf("no line with %q: %v\n%.2000q", text, err, seen)
	}
	return got
}

// console returns everything that was printed.
func console(t testing.TB, s *process.Supervisor, id string) []server.Line {
	t.Helper()
	var lines []server.Line
	if err := s.Read(withPatience(t), id, "", 1<<30, false, func(l server.Line) error { lines = append(lines, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return lines
}

// alive returns the living processes whose environment names the server's tree.
func alive(t testing.TB, tree string) []int {
	t.Helper()
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err == nil && strings.HasPrefix(cwd, tree) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func assertNoneAlive(t testing.TB, tree string) {
	t.Helper()
	if pids := alive(t, tree); len(pids) > 0 {
		out, _ := exec.Command("ps", "-o", "pid,ppid,sid,stat,args", "-p", strings.Trim(strings.ReplaceAll(fmt.Sprint(pids), " ", ","), "[]")).CombinedOutput()
		t.Errorf("still alive:\n%s", out)
	}
}

// shimOf returns the process that runs a unit.
func shimOf(t testing.TB, s *process.Supervisor, id string) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", status(t, s, id).PID))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil || parent <= 1 {
		t.Fatalf("parent %d, %v", parent, err)
	}
	return parent
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		t.Fatal(err)
	}
}
