package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/test/hostrig"
)

// patience bounds waiting for what must come; nothing is measured by it.
const patience = 90 * time.Second

// game is what the tests ask of a server.
type game struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Live  struct {
		Players int `json:"players"`
	} `json:"live"`
}

func show(t *testing.T, h *hostrig.Host) (game, error) {
	t.Helper()
	result, err := h.Run(t.Context(), nil, "left4me", "server", "show", "demo", "--format", "json")
	if err != nil || result.Code != 0 {
		return game{}, fmt.Errorf("%w exit code %d: %s", err, result.Code, result.Stderr)
	}
	var g game
	return g, json.Unmarshal([]byte(result.Stdout), &g)
}

// await waits until ready says so, and fails with what it said last.
func await(t *testing.T, what string, ready func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		done, said := ready()
		if done {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: still %s", what, said)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// awaitRunning waits until the server runs, and returns it with the number of its game's process.
func awaitRunning(t *testing.T, h *hostrig.Host) (game, int) {
	t.Helper()
	var g game
	await(t, "the server runs", func() (bool, string) {
		var err error
		g, err = show(t, h)
		return err == nil && g.State == "running", fmt.Sprint(g.State, err)
	})
	return g, mainPID(t, h, "left4me-server@"+g.ID+".service")
}

func mainPID(t *testing.T, h *hostrig.Host, unit string) int {
	t.Helper()
	pid, err := strconv.Atoi(h.Properties(t, unit, "MainPID")["MainPID"])
	if err != nil || pid == 0 {
		t.Fatalf("%s has no process: %v", unit, err)
	}
	return pid
}

func command(t *testing.T, h *hostrig.Host, text string) {
	t.Helper()
	h.Output(t, "left4me", "server", "command", "demo", text)
}

// A host on which the demo's server runs, and what happens to it: one command is enough (S1), mounts are seen (S4), a hijacked
// agent can do little (S10), databases are mended and private (S12), the cookie is Secure (S3), edits and sessions stay (S16), and
// servers live through it (S18).
func TestS01DemoServerAndAllThatCanHappenToIt(t *testing.T) {
	for _, release := range releases() {
		t.Run(release, func(t *testing.T) {
			h := hostrig.Boot(t, hostrig.Options{Release: release})
			h.Internet(t)
			bring(t, h)
			began := time.Now()
			provision(t, h, "--demo")
			t.Logf("S1: from nothing to a running server on %s in %.1f s with one command", release, time.Since(began).Seconds())
			awaitRunning(t, h)
			happen(t, h)
		})
	}
}

// happen lets one thing after the other happen to the host.
func happen(t *testing.T, h *hostrig.Host) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *hostrig.Host)
	}{
		{"again", testAgain}, {"mounts are seen", testMountsAreSeen}, {"the agent's user", testAgentUser}, {"others' users", testOtherUsers},
		{"databases of root", testDatabasesOfRoot}, {"cookie", testCookie}, {"upgrade with players", testUpgrade}, {"swap of the mounter", testSwap}, {"edited configuration", testEdited},
		{"kill each unit", testKillEachUnit}, {"reboot", testReboot}, {"power cut", testPowerCut}, {"destroyed state", testDestroyedState},
		{"remove", testRemove},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, h) }) {
			return // what follows would fail for the same reason
		}
	}
}

// With a server running, provisioning is as quiet as without (S1).
func testAgain(t *testing.T, h *hostrig.Host) {
	_, before := awaitRunning(t, h)
	if again := provision(t, h, "--demo"); !strings.HasPrefix(again, nothing) {
		t.Errorf("changed:\n%s", again)
	}
	if _, after := awaitRunning(t, h); after != before {
		t.Error("the game was restarted")
	}
}

// S4: the host, the agent and any unit see the server's mount.
func testMountsAreSeen(t *testing.T, h *hostrig.Host) {
	g, pid := awaitRunning(t, h)
	tree := "/var/lib/left4me/content/servers/" + g.ID + "/tree"
	for who, in := range map[string]int{
		"the host": 1, "the agent": mainPID(t, h, "left4me-agent.service"), "the server": pid,
	} {
		if table := h.Output(t, "cat", fmt.Sprintf("/proc/%d/mountinfo", in)); !strings.Contains(table, " "+tree+" ") {
			t.Errorf("%s does not see %s", who, tree)
		}
	}
	h.Output(t, "systemd-run", "--quiet", "--wait", "--pipe", "-p", "ProtectSystem=strict", "-p", "PrivateTmp=yes", "test", "-e", tree+"/srcds_run")
}

// testUpgrade brings another version while somebody plays: the player stays (S1, S18).
func testUpgrade(t *testing.T, h *hostrig.Host) {
	_, before := awaitRunning(t, h)
	command(t, h, "demo_players 3")
	agent := mainPID(t, h, "left4me-agent.service")
	// Another version of every program: the same with some bytes more, which ELF allows.
	h.Output(t, "sh", "-c", "for f in "+treeDir+"/bin/*; do echo upgraded >> $f; done")
	changed := provision(t, h)
	for _, want := range []string{"/usr/bin/left4me\n", "/usr/lib/left4me/plugins/mounter-kernel\n", "left4me-agent.service (started)"} {
		if !strings.Contains(changed, want) {
			t.Errorf("%q is not among the changes:\n%s", want, changed)
		}
	}
	if mainPID(t, h, "left4me-agent.service") == agent {
		t.Error("the agent runs the old version")
	}
	g, after := awaitRunning(t, h)
	if after != before {
		t.Error("the game was restarted under its players")
	}
	await(t, "players after the upgrade", func() (bool, string) {
		g, _ = show(t, h)
		return g.Live.Players == 3, fmt.Sprint(g.Live.Players)
	})
	if again := provision(t, h); !strings.HasPrefix(again, nothing) {
		t.Errorf("the next run changes\n%s", again)
	}
}

// testKillEachUnit kills what runs, one after the other; everything comes back by itself and nothing else is touched (S18).
func testKillEachUnit(t *testing.T, h *hostrig.Host) {
	g, pid := awaitRunning(t, h)
	server := "left4me-server@" + g.ID + ".service"
	plugins := strings.Fields(h.Output(t, "systemctl", "list-units", "--plain", "--no-legend", "--state=active", "left4me-plugin-*.service"))
	units := []string{"left4me-web.service", "left4me-sandbox-egress.service"}
	for _, field := range plugins {
		if strings.HasSuffix(field, ".service") {
			units = append(units, field)
		}
	}
	if len(units) < 5 {
		t.Fatalf("only %v", units)
	}
	for _, unit := range append(units, "left4me-agent.service") {
		h.Output(t, "systemctl", "kill", "--signal=KILL", unit)
	}
	awaitWell(t, h)
	if _, after := awaitRunning(t, h); after != pid {
		t.Error("the game was restarted")
	}
	h.Output(t, "systemctl", "kill", "--signal=KILL", server)
	await(t, "the server comes back", func() (bool, string) {
		g, err := show(t, h)
		now := h.Properties(t, server, "MainPID")["MainPID"]
		return err == nil && g.State == "running" && now != "0" && now != strconv.Itoa(pid), fmt.Sprint(g.State, err)
	})
}

// awaitWell waits until doctor finds nothing that fails.
func awaitWell(t *testing.T, h *hostrig.Host) {
	t.Helper()
	await(t, "doctor is content", func() (bool, string) {
		said, code := try(t, h, "left4me", "doctor")
		return code == 0 && !strings.Contains(said, "degraded"), said
	})
}

// testReboot: what ran comes back, and events say why (S18).
func testReboot(t *testing.T, h *hostrig.Host) {
	h.Reboot(t)
	awaitRunning(t, h)
	awaitWell(t, h)
	if again := provision(t, h); !strings.HasPrefix(again, nothing) {
		t.Errorf("after a reboot provisioning changes\n%s", again)
	}
}

func testPowerCut(t *testing.T, h *hostrig.Host) {
	h.Crash(t)
	awaitRunning(t, h)
	awaitWell(t, h)
}
