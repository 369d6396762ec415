package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
)

// logAddress is where games send their logs: an address for documentation (RFC 5737) on the loopback device of a network
// namespace that is the test's own. srcds sends nothing to 127/8.
const logAddress = "192.0.2.7"

// A world whose games send their logs by UDP.
func newLogWorld(t *testing.T) *world {
	return newWorldFrom(t, 27340, func(w *world) string {
		w.inside = []string{"unshare", "--net", "sh", "-ec", `ip link set lo up; ip addr add ` + logAddress + `/32 dev lo; exec "$@"`, "sh"}
		w.servers = fmt.Sprintf("log_listen = %q", logAddress+":28000")
		return fmt.Sprintf("installation {\n  source = \"directory\"\n  path   = %q\n}\n", filepath.Join(w.state, "game"))
	})
}

// What a game logs arrives by datagram and is printed as well: the history has it once. Our own questions are printed
// too, and nobody is shown them.
func TestLogByDatagramAndQuietPolls(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	w := newLogWorld(t)
	cli(t, w.state, "server", "start", "a")
	cli(t, w.state, "server", "command", "a", "demo_players 2")
	cli(t, w.state, "server", "command", "a", `demo_say 2 "hello by datagram"`)
	eventually(t, "the chat is in the history", func() bool { return len(toldBy(t, w, "chat")) > 0 })
	eventually(t, "the players are known", func() bool { // by our poll
		players := list[api.Player](t, w.state, "server", "players", "a")
		return slices.ContainsFunc(players, func(p api.Player) bool { return p.UserID == 2 })
	})
	cli(t, w.state, "server", "command", "a", "status") // a person's question
	// What no log holds tells that the console was read to its end.
	cli(t, w.state, "server", "command", "a", "demo_outdated")
	eventually(t, "the console was read", func() bool { return len(toldBy(t, w, "outdated")) > 0 })

	for kind, n := range map[string]int{"chat": 1, "joined": 2} {
		if got := toldBy(t, w, kind); len(got) != n {
			t.Errorf("%d events %s, want %d: %+v", len(got), kind, n, got)
		}
	}
	seen := cli(t, w.state, "server", "console", "a", "--tail", "1000")
	if n := strings.Count(seen, `say "hello by datagram"`); n != 1 {
		t.Errorf("the console shows the chat %d times:\n%s", n, seen)
	}
	if n := strings.Count(seen, `command "status"`); n != 1 {
		t.Errorf("the person's question is shown %d times:\n%s", n, seen)
	}
	if strings.Count(seen, "hostname: ") != 1 || strings.Contains(seen, "left4me-ask") {
		t.Errorf("our own poll is shown:\n%s", seen)
	}
	if !strings.Contains(printed(t, w), "left4me-asked-") {
		t.Error("the game printed nothing of our poll, so this test shows nothing")
	}
}

// toldBy lists what server a told, of one kind.
func toldBy(t *testing.T, w *world, kind string) []api.GameEvent {
	t.Helper()
	return list[api.GameEvent](t, w.state, "server", "history", "a", "--kind", kind)
}

// printed is everything that the games printed, as the process supervisor keeps it.
func printed(t *testing.T, w *world) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(w.state, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "/console/") {
			return nil //nolint:nilerr // trees come and go
		}
		data, _ := os.ReadFile(path)
		all.Write(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
