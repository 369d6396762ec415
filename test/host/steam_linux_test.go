package host_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// steamDir is where the host has the stand-in for steamcmd, whose Steam brings out a new build after each installation.
const steamDir = "/usr/local/lib/steamcmd"

// The game comes from Steam through the plugin's own unit, as its own user: an update leaves a game with players alone,
// and after the rollout the server runs the new release (S18).
func TestGameFromSteamOnAProvisionedHost(t *testing.T) {
	for _, release := range releases() {
		t.Run(release, func(t *testing.T) {
			h := hostrig.Boot(t, hostrig.Options{Release: release})
			h.Internet(t)
			bring(t, h)
			root, err := buildTree()
			if err != nil {
				t.Fatal(err)
			}
			h.Push(t, filepath.Join(root, "bin/steamcmd-standin"), steamDir+"/steamcmd-standin")
			h.Output(t, treeDir+"/bin/demo-game", "install", steamDir+"/game")
			h.Put(t, steamDir+"/world.json", []byte(`{"build":17033453,"version":"2.2.4.3","game":"`+steamDir+`/game","renew":true,"pace":"10ms"}`), 0o644)
			h.Put(t, steamDir+"/steamcmd.sh", []byte("#!/bin/sh\nexec "+steamDir+"/steamcmd-standin --world "+steamDir+"/world.json \"$@\"\n"), 0o755)
			h.Output(t, "sed", "-i", "-e", `/^plugin "game-steamcmd"/,/^}/ {s/enabled = false/enabled = true/; s|steamcmd = .*|steamcmd = "`+steamDir+`/steamcmd.sh"\n    check_url = "none"\n    reserve_bytes = 0\n    update_bytes = 0|}`,
				"-e", `/^installation/,/^}/ {s|^  source = .*|  source = "plugin"\n  plugin = "game-steamcmd"|; /^  path /d}`, treeDir+"/deploy/config/agent.hcl")
			provision(t, h, "--demo")
			testUpdateFromSteam(t, h)
		})
	}
}

func testUpdateFromSteam(t *testing.T, h *hostrig.Host) {
	t.Helper()
	g, before := awaitRunning(t, h)
	build := func() string {
		return strings.TrimSpace(string(h.Read(t, "/var/lib/left4me/content/servers/"+g.ID+"/tree/left4dead2/build.txt")))
	}
	if is := build(); is != "build 17033453" {
		t.Fatalf("the server runs %q", is)
	}
	if owner := h.Output(t, "ps", "-C", "game-steamcmd", "-o", "user:32="); !strings.HasPrefix(owner, "left4me-steam") {
		t.Errorf("the plugin runs as %q", owner)
	}
	command(t, h, "demo_players 2")
	await(t, "two play", func() (bool, string) { now, err := show(t, h); return err == nil && now.Live.Players == 2, "nobody" })
	h.Output(t, "left4me", "release", "update")
	if _, now := awaitRunning(t, h); now != before || build() != "build 17033453" {
		t.Errorf("an update touched a game with players: it shows %s", build())
	}
	command(t, h, "demo_players 0")
	h.Output(t, "left4me", "release", "rollout")
	if _, now := awaitRunning(t, h); now == before || build() != "build 17034453" {
		t.Errorf("after the rollout the server shows %s", build())
	}
}
