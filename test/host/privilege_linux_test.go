package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

const systemdBus = "busctl --system --timeout=10 call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "

// testAgentUser tries what a hijacked agent would try, as its user and outside of its hardened unit, which is weaker still.
func testAgentUser(t *testing.T, h *hostrig.Host) {
	g, pid := awaitRunning(t, h)
	refused := map[string]string{
		"start another unit":     systemdBus + "StartUnit ss systemd-tmpfiles-clean.service replace",
		"stop the panel":         systemdBus + "StopUnit ss left4me-web.service replace",
		"restart the mounter":    systemdBus + "RestartUnit ss left4me-plugin-mounter-kernel.socket replace",
		"start a sandbox":        systemdBus + "StartUnit ss left4me-sandbox@x.service replace",
		"transient unit":         systemdBus + `StartTransientUnit 'ssa(sv)a(sa(sv))' left4me-server@x.service fail 1 Description s x 0`,
		"transient of any name":  systemdBus + `StartTransientUnit 'ssa(sv)a(sa(sv))' x.service fail 1 User s root 0`,
		"property of another":    systemdBus + "SetUnitProperties sba(sv) left4me-web.service true 1 MemoryMax t 1000000",
		"enable a unit":          systemdBus + "EnableUnitFiles asbb 1 /tmp/x.service true true",
		"mask a unit":            systemdBus + "MaskUnitFiles asbb 1 ssh.service true true",
		"reload":                 systemdBus + "Reload",
		"reboot":                 systemdBus + "Reboot",
		"kill a unit of another": systemdBus + "KillUnit ssi left4me-web.service all 9",
		"a name that looks like": systemdBus + "StartUnit ss left4me-server@x.service.d.service replace",
		"environment":            systemdBus + "SetEnvironment as 1 LD_PRELOAD=/tmp/x.so",
		"shadow":                 "cat /etc/shadow",
		"panel's accounts":       "cat /var/lib/left4me-web/panel.db",
		"mounter's orders":       "sh -c 'echo {} > /etc/left4me/mounter-kernel.json'",
		"its own configuration":  "sh -c 'echo >> /etc/left4me/agent.hcl'",
		"a unit file":            "sh -c 'echo > /usr/lib/systemd/system/left4me-server@.service'",
		"a drop-in":              "sh -c 'mkdir -p /run/systemd/system/left4me-server@.service.d'",
		"exchange the content":   "mv /var/lib/left4me/content /var/lib/left4me/other",
		"list servers":           "ls /var/lib/left4me/content/servers",
		"write into an upper":    "touch /var/lib/left4me/content/servers/" + g.ID + "/upper/x",
		"write into a tree":      "touch /var/lib/left4me/content/servers/" + g.ID + "/tree/x",
		"a run's directory":      "touch /run/left4me-sandbox/runs/x",
		"a game's memory":        fmt.Sprintf("cat /proc/%d/mem", pid),
		"a game's life":          fmt.Sprintf("kill -9 %d", pid),
		"sudo":                   "sudo -n true",
	}
	for what, line := range refused {
		said, code := try(t, h, hostrig.As("left4me", "sh", "-c", line)...)
		if code == 0 {
			t.Errorf("%s: %s succeeded: %s", what, line, said)
		}
	}
	// The other way round: it can do its job, or all of the above means nothing.
	h.Output(t, hostrig.As("left4me", "sh", "-c", systemdBus+"ResetFailedUnit s left4me-server@"+g.ID+".service")...)
	t.Logf("S10: %d attacks as the agent's user refused", len(refused))
}

// testOtherUsers: scripts and games see no database, no configuration, no socket (S12, S10).
func testOtherUsers(t *testing.T, h *hostrig.Host) {
	g, pid := awaitRunning(t, h)
	secrets := []string{
		"/var/lib/left4me/agent/agent.db", "/var/lib/left4me/agent/agent.db-wal", "/var/lib/left4me-web/panel.db",
		"/etc/left4me/agent.hcl", "/etc/left4me/web.env", "/etc/shadow", "/var/lib/left4me-web/setup-token",
	}
	for _, user := range []string{"left4me-game", "left4me-script", "left4me-workshop", "left4me-steam", "left4me-web", "nobody"} {
		for _, path := range secrets {
			if user == "left4me-web" && (strings.HasPrefix(path, "/var/lib/left4me-web") || strings.HasSuffix(path, "web.env")) {
				continue // its own
			}
			if _, code := try(t, h, hostrig.As(user, "head", "-c1", path)...); code == 0 {
				t.Errorf("%s can read %s", user, path)
			}
		}
		for _, socket := range []string{"agent.sock", "mounter-kernel.sock", "overlay-script.sock"} {
			if said, code := try(t, h, hostrig.As(user, "curl", "-sS", "--max-time", "5", "--unix-socket", "/run/left4me/"+socket, "http://x/v1/servers")...); code == 0 || !strings.Contains(said, "connect") {
				t.Errorf("%s gets through to %s: %d %s", user, socket, code, said)
			}
		}
	}
	// From inside the server's own view none of it is even there, also for root.
	for _, path := range []string{"/var/lib/left4me/agent", "/var/lib/left4me-web", "/etc/left4me", "/etc/shadow", "/run/left4me/agent.sock", "/run/dbus",
		"/var/lib/left4me/content/servers/" + g.ID + "/upper", "/var/lib/left4me/content/overlays"} {
		if said, code := try(t, h, "nsenter", "-t", fmt.Sprint(pid), "-m", "ls", "-d", path); code == 0 {
			t.Errorf("the game's view has %s", said)
		}
	}
}

// testDatabasesOfRoot: a person ran a tool as root, and the write-ahead log became root's (S12).
func testDatabasesOfRoot(t *testing.T, h *hostrig.Host) {
	h.Output(t, "systemctl", "stop", "left4me-agent", "left4me-web")
	for _, path := range []string{"/var/lib/left4me/agent/agent.db", "/var/lib/left4me-web/panel.db"} {
		h.Output(t, "sh", "-c", "touch "+path+"-wal "+path+"-shm; chown root:root "+path+"*; chmod 666 "+path+"*")
	}
	h.Output(t, "systemctl", "start", "left4me-agent", "left4me-web")
	awaitRunning(t, h)
	listing := h.Output(t, "sh", "-c", "stat -c '%U %a %n' /var/lib/left4me/agent/agent.db* /var/lib/left4me-web/panel.db*")
	for line := range strings.Lines(listing) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(fields[0], "left4me") || (fields[1] != "640" && fields[1] != "600") {
			t.Errorf("%s", line)
		}
	}
	awaitWell(t, h)
}
