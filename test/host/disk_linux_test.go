package host_test

import (
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// The disk of all state is full while a server runs: what cannot be done is said, nothing is half done, and with room
// everything goes on by itself.
func TestFullDiskOfAHost(t *testing.T) {
	h := hostrig.Boot(t, hostrig.Options{})
	h.Internet(t)
	bring(t, h)
	h.Output(t, "mount", "-t", "tmpfs", "-o", "size=96M,mode=755", "tmpfs", "/var/lib/left4me")
	provision(t, h, "--demo")
	g, pid := awaitRunning(t, h)
	try(t, h, "dd", "if=/dev/zero", "of=/var/lib/left4me/fill", "bs=64k") // ends with "no space left"

	if said, code := try(t, h, "left4me", "blueprint", "create", "full"); code != 6 || !strings.Contains(said, "full") || !strings.Contains(said, "hint:") {
		t.Errorf("a change on a full disk ends with %d: %s", code, said)
	}
	if said, code := try(t, h, "left4me", "doctor"); code != 8 || !strings.Contains(said, "fail  disk") {
		t.Errorf("doctor on a full disk ends with %d:\n%s", code, said)
	}
	if said, code := try(t, h, "left4me", "backup", "/var/lib/left4me/backup.tar.gz"); code == 0 {
		t.Errorf("a backup on a full disk succeeded: %s", said)
	}
	if left := h.Output(t, "sh", "-c", "ls -A /var/lib/left4me /var/lib/left4me/agent | grep -i backup || true"); left != "" {
		t.Errorf("a backup that failed leaves %s", left)
	}
	if said, code := try(t, h, "left4me", "server", "list"); code != 0 || !strings.Contains(said, "running") {
		t.Errorf("reading on a full disk ends with %d: %s", code, said)
	}
	// Also after the agent was started anew on it.
	h.Output(t, "systemctl", "kill", "--signal=KILL", "left4me-agent.service")
	h.Output(t, "rm", "/var/lib/left4me/fill")
	awaitRunning(t, h)
	if mainPID(t, h, "left4me-server@"+g.ID+".service") != pid {
		t.Error("the game was restarted")
	}
	await(t, "changes work again", func() (bool, string) {
		said, code := try(t, h, "left4me", "blueprint", "create", "room")
		return code == 0, said
	})
}
