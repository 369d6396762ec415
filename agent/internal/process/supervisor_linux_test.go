package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server"
)

func TestPlansThatCannotBeStartedChangeNothing(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	dir := tree(t, forever)
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "garbage"), []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*server.LaunchPlan)
		code   fault.Code
		say    string
	}{
		"missing program":  {func(p *server.LaunchPlan) { p.Binary = "none" }, fault.Precondition, "none is missing"},
		"missing tree":     {func(p *server.LaunchPlan) { p.Tree = "/nonexistent" }, fault.Precondition, "missing"},
		"not executable":   {func(p *server.LaunchPlan) { p.Binary = "data" }, fault.Precondition, "may not run data"},
		"no program":       {func(p *server.LaunchPlan) { p.Binary = "garbage" }, fault.Precondition, "may not run garbage"},
		"outside":          {func(p *server.LaunchPlan) { p.Binary = "../../bin/sh" }, fault.Invalid, "outside its tree"},
		"relative tree":    {func(p *server.LaunchPlan) { p.Tree = "tree" }, fault.Invalid, "no absolute path"},
		"zero byte":        {func(p *server.LaunchPlan) { p.Args = []string{"a\x00b"} }, fault.Invalid, "zero byte"},
		"bad environment":  {func(p *server.LaunchPlan) { p.Env = []string{"novalue"} }, fault.Invalid, "cannot be"},
		"mark overwritten": {func(p *server.LaunchPlan) { p.Env = []string{"LEFT4ME_UNIT=x"} }, fault.Invalid, "cannot be"},
	} {
		p := plan("alpha", dir)
		tc.change(&p)
		err := s.Start(withPatience(t), p)
		f, ok := fault.Of(err)
		if !ok || f.Code != tc.code || !strings.Contains(f.Message, tc.say) || f.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if u := status(t, s, "alpha"); u.State != "" {
			t.Errorf("%s: %+v", name, u)
		}
	}
	start(t, s, plan("alpha", dir)) // and the unit is not spoiled
	awaitLine(t, s, "alpha", "ready")
}

func TestHowAnEndIsRecorded(t *testing.T) {
	s := open(t, t.TempDir())
	for name, tc := range map[string]struct {
		script string
		want   server.Exit
	}{
		"zero":     {"exit 0", server.Exit{}},
		"three":    {"exit 3", server.Exit{Code: 3}},
		"segfault": {"kill -SEGV $$; sleep 60", server.Exit{Code: -1, Signal: "SIGSEGV"}},
		"killed":   {"kill -KILL $$; sleep 60", server.Exit{Code: -1, Signal: "SIGKILL"}},
	} {
		start(t, s, plan(name, tree(t, tc.script)))
		u := await(t, s, name, inState(server.UnitExited))
		u.Exit.OOM = false // the host's counter may move by others' doing
		if u.Exit != tc.want || u.EndedAt.IsZero() || u.PID != 0 {
			t.Errorf("%s: %+v", name, u)
		}
		// Stopping what ended by itself makes it stopped.
		if err := s.Stop(t.Context(), name, time.Second); err != nil {
			t.Error(err)
		}
		if u := status(t, s, name); u.State != server.UnitAbsent {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// What the game gets: no privileges, nothing inherited, its tree, its group.
func TestWhatAGameIsGiven(t *testing.T) {
	leak, err := syscall.Open("/etc/passwd", syscall.O_RDONLY, 0) // not closed on exec: inherited by the shim
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leak)
	t.Setenv("SECRET", "of the agent")
	uid := 0
	if os.Geteuid() == 0 {
		uid = 64002
	}
	s := open(t, t.TempDir(), func(o *process.Options) { o.UID = uid })
	root, err := os.MkdirTemp("/tmp", "left4me-process-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/bash
echo "args $# [$1] [$2]"; pwd; umask; ulimit -c; id -u; id -G
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | tr -d '\t '
echo "files $(ls /proc/self/fd | tr '\n' ' ')"
read line || echo "stdin is empty"
[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] && echo own session
env | cut -d= -f1 | sort | tr '\n' ' '; echo
`
	if err := os.WriteFile(filepath.Join(dir, "srcds_run"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	start(t, s, plan("alpha", dir, "+map", "a  b;$(id)"))
	await(t, s, "alpha", inState(server.UnitExited))
	var got []string
	for _, l := range console(t, s, "alpha") {
		got = append(got, strings.TrimSpace(l.Text))
	}
	zero := "0000000000000000"
	want := []string{
		"args 2 [+map] [a  b;$(id)]", dir, "0027", "0", fmt.Sprint(uid), fmt.Sprint(uid),
		"CapInh:" + zero, "CapPrm:" + zero, "CapEff:" + zero, "CapBnd:" + zero, "CapAmb:" + zero, "NoNewPrivs:1",
		"files 0 1 2 3", "stdin is empty", "own session",
		"HOME LEFT4ME_UNIT PATH PWD SHLVL _",
	}
	if os.Geteuid() != 0 { // whatever an unprivileged agent's own bounding set is
		want, got = want[13:], got[min(13, len(got)):]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilesOfAUnitArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	root := filepath.Join(t.TempDir(), "servers-run")
	s := open(t, root)
	start(t, s, plan("alpha", tree(t, forever)))
	awaitLine(t, s, "alpha", "ready")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&^map[bool]os.FileMode{true: 0o750, false: 0o640}[d.IsDir()] != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestManyUnitsAtOnce(t *testing.T) {
	s, dir := open(t, t.TempDir()), tree(t, forever)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			id := fmt.Sprintf("server-%d", i)
			for range 2 {
				if err := s.Start(withPatience(t), plan(id, dir)); err != nil {
					t.Error(err)
				}
				if err := s.Stop(withPatience(t), id, patience); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	assertNoneAlive(t, dir)
}

// With a control group the kernel itself ends a unit, also what hides from everything else.
func TestControlGroup(t *testing.T) {
	root := cgroupRoot(t)
	s, dir := open(t, t.TempDir(), func(o *process.Options) { o.Cgroup = root }), tree(t, `trap '' INT
		( setsid env -i bash -c 'trap "" INT; while :; do sleep 0.1; done' & )
		echo ready; while :; do sleep 0.1; done`)
	start(t, s, plan("alpha", dir))
	awaitLine(t, s, "alpha", "ready")
	group := filepath.Join(root, "alpha")
	procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil || strings.Count(string(procs), "\n") < 2 {
		t.Fatalf("%q, %v", procs, err)
	}
	kill(t, shimOf(t, s, "alpha"))
	await(t, s, "alpha", inState(server.UnitExited))
	assertNoneAlive(t, dir)
	if _, err := os.Stat(group); !os.IsNotExist(err) {
		t.Errorf("the group is left: %v", err)
	}
}

// cgroupRoot makes a group in the host's cgroup2 tree, or skips.
func cgroupRoot(t *testing.T) string {
	t.Helper()
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[2] != "cgroup2" {
			continue
		}
		dir := filepath.Join(fields[1], fmt.Sprintf("left4me-process-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skipf("cannot make a control group: %v", err)
		}
		t.Cleanup(func() { _ = os.Remove(filepath.Join(dir, "alpha")); _ = os.Remove(dir) })
		return dir
	}
	t.Skip("no cgroup2 tree on this host")
	return ""
}
