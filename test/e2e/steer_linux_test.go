package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/agent/api"
)

// What a league does with a running game, and what it is told when the game freezes.
func TestSteeringAndHanging(t *testing.T) {
	state, panel := filepath.Join(openDir(t), "s"), freeAddress(t)
	p := start(t, demo(t, state, panel))
	p.says("left4me runs.")
	cli(t, state, "server", "start", "demo")
	cli(t, state, "server", "say", "demo", "back in 5; minutes // really")
	cli(t, state, "server", "map", "demo", "c1m2_streets", "--mode", "versus")
	eventually(t, "the map changed", func() bool {
		s := one[api.Server](t, state, "server", "show", "demo")
		return s.Live != nil && s.Live.Map == "c1m2_streets" && s.State == "running"
	})
	if _, err := try(state, "server", "map", "demo", "nosuchmap"); err == nil || !strings.Contains(err.Error(), "no map") {
		t.Errorf("a map that does not exist: %v", err)
	}
	eventually(t, "the history tells of the map", func() bool {
		return slices.ContainsFunc(list[api.GameEvent](t, state, "server", "history", "demo"), func(e api.GameEvent) bool {
			return e.Kind == "map" && e.Text == "c1m2_streets"
		})
	})

	games := gamesOf(t, state)
	if len(games) == 0 {
		t.Fatal("the game's process was not found")
	}
	signal(t, games, syscall.SIGSTOP)
	t.Cleanup(func() { signal(t, games, syscall.SIGCONT) })
	eventually(t, "the frozen game is seen", func() bool { return one[api.Server](t, state, "server", "show", "demo").State == "hung" })
	hung := one[api.Server](t, state, "server", "show", "demo")
	if !strings.Contains(hung.Reason, "neither queries nor commands") {
		t.Errorf("reason = %q", hung.Reason)
	}
	signal(t, games, syscall.SIGCONT)
	eventually(t, "the game is back", func() bool { return one[api.Server](t, state, "server", "show", "demo").State == "running" })
	events := cli(t, state, "event", "list", "--subject", "server/demo")
	for _, kind := range []string{"server.say", "server.map", "server.hung", "server.recovered"} {
		if !strings.Contains(events, kind) {
			t.Errorf("no event %s in:\n%s", kind, events)
		}
	}
}

// gamesOf lists the processes of games below state.
func gamesOf(t *testing.T, state string) []int {
	t.Helper()
	var out []int
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		where, _ := os.Readlink(filepath.Join(dir, "cwd"))
		mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo"))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && strings.Contains(string(line), "+hostport") && strings.Contains(where, "/servers/") &&
			strings.Contains(string(mounts), state) {
			out = append(out, pid)
		}
	}
	return out
}

func signal(t *testing.T, pids []int, what syscall.Signal) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, what); err != nil && what != syscall.SIGCONT {
			t.Fatal(err)
		}
	}
}
