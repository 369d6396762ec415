package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

const repository = "../../.."

// furnish installs what the agent needs for servers under systemd: the files that a package installs, users, this
// program and the simulated game.
func furnish(t *testing.T, h *hostrig.Host) {
	t.Helper()
	for from, to := range map[string]string{
		"deploy/systemd/left4me-server@.service":          "/usr/lib/systemd/system/left4me-server@.service",
		"deploy/systemd/left4me-game.slice":               "/usr/lib/systemd/system/left4me-game.slice",
		"deploy/polkit-1/rules.d/50-left4me-server.rules": "/usr/share/polkit-1/rules.d/50-left4me-server.rules",
		"deploy/systemd/left4me.slice":                    "/usr/lib/systemd/system/left4me.slice",
		"deploy/sysusers.d/left4me.conf":                  "/usr/lib/sysusers.d/left4me.conf",
		"deploy/tmpfiles.d/left4me.conf":                  "/usr/lib/tmpfiles.d/left4me.conf",
	} {
		h.Push(t, filepath.Join(repository, from), to)
	}
	bin := t.TempDir()
	for name, pkg := range map[string]string{"left4me": "./agent", "demo-game": "./examples/demo-game"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(bin, name), pkg)
		build.Dir, build.Env = repository, append(os.Environ(), "CGO_ENABLED=0")
		if name == "demo-game" { // srcds is an i386 program too
			build.Env = append(build.Env, "GOARCH=386")
		}
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
		h.Push(t, filepath.Join(bin, name), "/usr/bin/"+name)
	}
	for _, command := range [][]string{
		{"systemd-sysusers", "left4me.conf"},
		{"usermod", "--append", "--groups", "systemd-journal", "left4me"}, // what the agent's unit gives it
		{"systemd-tmpfiles", "--create", "left4me.conf"},
		{"chown", "left4me:", filepath.Dir(servers)}, // the tests stand in for the mounter
		{"chmod", "0755", filepath.Dir(servers)},
		{"systemctl", "daemon-reload"},
		{"demo-game", "install", gameDir},
	} {
		h.Output(t, command...)
	}
}

func TestHost(t *testing.T) {
	for _, release := range []string{"bookworm", "trixie"} { // systemd 252 and 257
		t.Run(release, func(t *testing.T) { testHost(t, hostrig.Boot(t, hostrig.Options{Release: release})) })
	}
}

func testHost(t *testing.T, h *hostrig.Host) {
	furnish(t, h)
	run := func(user, pattern string) {
		t.Helper()
		h.GoTest(t, hostrig.GoTest{Module: repository, Package: "./agent/internal/systemd", User: user, Run: pattern,
			Environment: map[string]string{insideVariable: "1"}})
	}
	t.Run("the unit is hardened", func(t *testing.T) {
		for unit, threshold := range map[string]string{"left4me-server@.service": "30"} {
			h.Output(t, "systemd-analyze", "security", "--offline=yes", "--threshold="+threshold, "/usr/lib/systemd/system/"+unit)
			h.Output(t, "systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/"+unit)
		}
	})
	run("left4me", "^TestInside")
	run("", "^TestRoot")
	run("nobody", "^TestRefused$")
	run("left4me", "^TestBeforeRestart$")
	h.Reboot(t)
	run("left4me", "^TestAfterRestart$")
	run("left4me", "^TestBeforeRestart$")
	h.Crash(t)
	run("left4me", "^TestAfterRestart$")
	t.Run("refusals", func(t *testing.T) { refusals(t, h) })
}

// refusals take away what the agent needs, one after the other, and look at what it says.
func refusals(t *testing.T, h *hostrig.Host) {
	for _, step := range []struct {
		undo []string
		say  string
	}{
		{[]string{"systemctl", "mask", "--runtime", "left4me-server@.service"}, "is masked"},
		{[]string{"rm", "/usr/lib/systemd/system/left4me-server@.service"}, "is not installed"},
		{[]string{"systemctl", "stop", "dbus.socket", "dbus.service"}, "cannot be reached over D-Bus"},
	} {
		h.Output(t, step.undo...)
		if step.say == "is not installed" {
			h.Output(t, "systemctl", "unmask", "--runtime", "left4me-server@.service")
		}
		if !strings.Contains(strings.Join(step.undo, " "), "dbus") {
			h.Output(t, "systemctl", "daemon-reload")
		}
		h.GoTest(t, hostrig.GoTest{Module: repository, Package: "./agent/internal/systemd", Run: "^TestRefusedWith$",
			Environment: map[string]string{insideVariable: step.say}})
	}
}
