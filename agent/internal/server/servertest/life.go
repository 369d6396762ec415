package servertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

func startStopForget(t *testing.T, w *world) {
	plan := w.plan(Forever, "+map", "a b")
	serverID := w.start(plan)
	w.awaitLine(serverID, "ready")
	u := w.status(serverID)
	if u.State != server.UnitActive || u.PID == 0 || u.StartedAt.IsZero() {
		t.Errorf("%+v", u)
	}
	w.start(plan) // active already: left as it is
	if now := w.status(serverID); now != u {
		t.Errorf("%+v became %+v", u, now)
	}
	if err := w.Forget(w.ctx(), serverID); !fault.Is(err, fault.Precondition) {
		t.Errorf("forget a running unit: %v", err)
	}
	w.stop(serverID, patience)
	u = w.status(serverID)
	if u.State != server.UnitAbsent || u.Exit != (server.Exit{Asked: true}) || u.EndedAt.IsZero() || u.PID != 0 {
		t.Errorf("%+v", u)
	}
	w.awaitLine(serverID, "bye")
	if pids := w.Alive(t, serverID); len(pids) > 0 {
		t.Errorf("alive: %v", pids)
	}
	if err := w.Forget(w.ctx(), serverID); err != nil {
		t.Fatal(err)
	}
	if u := w.status(serverID); u.State != "" {
		t.Errorf("%+v", u)
	}
}

func badIDs(t *testing.T, w *world) {
	if err := w.Stop(w.ctx(), "nobody", time.Second); err != nil {
		t.Error(err)
	}
	if err := w.Forget(w.ctx(), "nobody"); err != nil {
		t.Error(err)
	}
	if _, err := w.Usage(w.ctx(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	for _, name := range []string{"", "../x", "a/b", ".", "A", strings.Repeat("a", 300), "a\x00", "a@b", "a.service", "*"} {
		_, measured := w.Usage(w.ctx(), name)
		for what, err := range map[string]error{
			"stop": w.Stop(w.ctx(), name, 0), "forget": w.Forget(w.ctx(), name), "measure": measured,
			"start": w.Start(w.ctx(), server.LaunchPlan{Server: name, Tree: "/tmp", Binary: "x"}),
			"read":  w.Read(w.ctx(), name, "", 5, false, nil),
		} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %.20q: %v", what, name, err)
			}
		}
	}
}

func badPlans(t *testing.T, w *world) {
	good := w.plan(Forever)
	w.Tree(t, good.Server, map[string]string{"garbage": "x", "lost": "#!/nonexistent/interpreter\n"})
	for name, tc := range map[string]struct {
		change func(*server.LaunchPlan)
		code   fault.Code
	}{
		"missing program":     {func(p *server.LaunchPlan) { p.Binary = "none" }, fault.Precondition},
		"missing tree":        {func(p *server.LaunchPlan) { p.Tree = "/nonexistent" }, fault.Precondition},
		"no program":          {func(p *server.LaunchPlan) { p.Binary = "garbage" }, fault.Precondition},
		"missing interpreter": {func(p *server.LaunchPlan) { p.Binary = "lost" }, fault.Precondition},
		"outside":             {func(p *server.LaunchPlan) { p.Binary = "../../bin/sh" }, fault.Invalid},
		"relative tree":       {func(p *server.LaunchPlan) { p.Tree = "tree" }, fault.Invalid},
		"zero byte":           {func(p *server.LaunchPlan) { p.Args = []string{"a\x00b"} }, fault.Invalid},
		"bad environment":     {func(p *server.LaunchPlan) { p.Env = []string{"novalue"} }, fault.Invalid},
	} {
		bad := good
		tc.change(&bad)
		err := w.Start(w.ctx(), bad)
		f, ok := fault.Of(err)
		if !ok || f.Code != tc.code || f.Hint == "" || !strings.Contains(f.Message, "alpha") {
			t.Errorf("%s: %v", name, err)
		}
		if u := w.status(good.Server); u.State != "" {
			t.Errorf("%s: %+v", name, u)
		}
	}
	w.start(good) // and the unit is not spoiled
	w.awaitLine(good.Server, "ready")
}

func ends(t *testing.T, w *world) {
	for name, tc := range map[string]struct {
		script string
		want   server.Exit
	}{
		"zero":     {"exit 0", server.Exit{}},
		"three":    {"exit 3", server.Exit{Code: 3}},
		"segfault": {"kill -SEGV $$; sleep 60", server.Exit{Code: -1, Signal: "SIGSEGV"}},
		"killed":   {"kill -KILL $$; sleep 60", server.Exit{Code: -1, Signal: "SIGKILL"}},
		"child":    {"sleep 1000 & exit 4", server.Exit{Code: 4}},
	} {
		serverID := w.start(w.plan(tc.script))
		u := w.await(serverID, server.UnitExited)
		u.Exit.OOM = false // the host's counter may move by others' doing
		if u.Exit != tc.want || u.StartedAt.IsZero() || u.EndedAt.IsZero() || u.PID != 0 {
			t.Errorf("%s: %+v", name, u)
		}
		w.stop(serverID, time.Second) // makes it stopped
		if u := w.status(serverID); u.State != server.UnitAbsent {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// given: no privileges, nothing inherited, its tree, its arguments as they are.
func given(t *testing.T, w *world) {
	plan := w.plan(`echo "args $# [$1] [$2]"; pwd; umask; ulimit -c
grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status | tr -d '\t '
read line || echo "stdin is empty"
echo "MINE=$MINE"; env | cut -d= -f1 | grep -vE '^(HOME|LEFT4ME_UNIT)$' | sort | tr '\n' ' '; echo`, "+map", "a  b;$(id)")
	plan.Env = append(plan.Env, "MINE=a b")
	serverID := w.start(plan)
	w.await(serverID, server.UnitExited)
	w.awaitLine(serverID, "PWD SHLVL")
	var got []string
	for _, l := range w.lines(serverID, "", 100) {
		got = append(got, strings.TrimSpace(l.Text))
	}
	zero := "0000000000000000"
	want := []string{"args 2 [+map] [a  b;$(id)]", plan.Tree, "0027", "0",
		"CapInh:" + zero, "CapPrm:" + zero, "CapEff:" + zero, "CapAmb:" + zero, "NoNewPrivs:1",
		"stdin is empty", "MINE=a b", "MINE PATH PWD SHLVL _"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func stopKills(t *testing.T, w *world) {
	// The game ignores SIGINT and leaves children behind: one in its group, one in a session of its own with an
	// environment of its own, one whose parent is gone.
	serverID := w.run(`trap '' INT
		sleep 1000 &
		setsid env -i bash -c 'trap "" INT; cd "$PWD"; while :; do sleep 0.1; done' &
		( setsid sleep 1000 & )
		echo ready; while :; do sleep 0.1; done`)
	w.stop(serverID, 50*time.Millisecond)
	if u := w.status(serverID); u.State != server.UnitAbsent || u.Exit.Signal != "SIGKILL" || !u.Exit.Asked {
		t.Errorf("%+v", u)
	}
	if pids := w.Alive(t, serverID); len(pids) > 0 {
		t.Errorf("alive: %v", pids)
	}
}

func stopAtOnce(t *testing.T, w *world) {
	serverID := w.run(Forever)
	w.stop(serverID, 0)
	for _, l := range w.lines(serverID, "", 100) {
		if l.Text == "bye" {
			t.Error("it was asked, not killed")
		}
	}
}

func crashWhileStopping(t *testing.T, w *world) {
	serverID := w.run(`trap 'kill -SEGV $$' INT; echo ready; while :; do sleep 0.05; done`)
	w.stop(serverID, patience)
	if u := w.status(serverID); u.State != server.UnitAbsent || !u.Exit.Asked || u.Exit.Signal != "SIGSEGV" {
		t.Errorf("%+v", u)
	}
}

func secondStop(t *testing.T, w *world) {
	serverID := w.run(`trap 'echo again' INT; echo ready; while :; do sleep 0.05; done`)
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := w.Stop(w.ctx(), serverID, patience); err != nil {
			t.Error(err)
		}
	})
	w.await(serverID, server.UnitStopping)
	w.awaitLine(serverID, "again")
	w.stop(serverID, 0)
	wait.Wait()
}

func startWaits(t *testing.T, w *world) {
	plan := w.plan(`trap 'echo bye; sleep 0.2; exit 0' INT; echo ready; while :; do sleep 0.05; done`)
	serverID := w.start(plan)
	w.awaitLine(serverID, "ready")
	first := w.status(serverID)
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := w.Stop(w.ctx(), serverID, patience); err != nil {
			t.Error(err)
		}
	})
	w.await(serverID, server.UnitStopping)
	w.start(plan)
	wait.Wait()
	if u := w.status(serverID); u.State != server.UnitActive || u.PID == first.PID || u.PID == 0 {
		t.Errorf("%+v", u)
	}
}

func stopGoesOn(t *testing.T, w *world) {
	serverID := w.run(`trap 'echo asked' INT; echo ready; while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(w.ctx())
	done := make(chan error)
	go func() { done <- w.Stop(ctx, serverID, time.Second) }()
	w.awaitLine(serverID, "asked")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.await(serverID, server.UnitAbsent)
}

func adopts(t *testing.T, w *world) {
	serverID := w.run(Forever)
	before := w.status(serverID)
	w.again()
	if now := w.status(serverID); now != before {
		t.Errorf("%+v became %+v", before, now)
	}
	w.stop(serverID, patience)
	w.again()
	if u := w.status(serverID); u.State != server.UnitAbsent || !u.Exit.Asked || u.EndedAt.IsZero() {
		t.Errorf("%+v", u)
	}
}

func learns(t *testing.T, w *world) {
	// Both ends happen while no agent is there. The first is no failure, so systemd keeps nothing of it.
	for end, want := range map[string]server.Exit{"exit 0": {}, "exit 7": {Code: 7}, "kill -SEGV $$": {Code: -1, Signal: "SIGSEGV"}} {
		serverID := w.run("echo ready; while [ ! -e go ]; do sleep 0.05; done; " + end)
		w.close()
		w.Tree(t, serverID, map[string]string{"go": ""})
		for len(w.Alive(t, serverID)) > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		w.open()
		u := w.await(serverID, server.UnitExited)
		if u.Exit != want || u.EndedAt.IsZero() || u.Rebooted {
			t.Errorf("%s: %+v", end, u)
		}
	}
}

func many(t *testing.T, w *world) {
	var wait sync.WaitGroup
	for range 8 {
		plan := w.plan(Forever)
		wait.Go(func() {
			for range 2 {
				if err := w.Start(w.ctx(), plan); err != nil {
					t.Error(err)
				}
				if err := w.Stop(w.ctx(), plan.Server, patience); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}
