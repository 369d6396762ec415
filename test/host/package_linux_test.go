package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// pack makes the packages of a version.
func pack(t *testing.T, version string) (deb, rpm string) {
	t.Helper()
	root, err := buildTree()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	command := exec.CommandContext(t.Context(), "deploy/package/make", out)
	command.Dir, command.Env = root, append(os.Environ(), "VERSION="+version)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	debs, _ := filepath.Glob(out + "/*.deb") // the pattern is well formed
	rpms, _ := filepath.Glob(out + "/*.rpm")
	if len(debs) != 1 || len(rpms) != 1 {
		t.Fatalf("packages %v %v", debs, rpms)
	}
	return debs[0], rpms[0]
}

// The package makes the same host as the tree does, an upgrade touches no server, and removal says what it keeps (S1).
func TestPackage(t *testing.T) {
	hostrig.Needs(t)
	deb, rpm := pack(t, "")
	t.Run("deb", func(t *testing.T) { testDeb(t, deb) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, rpm) })
}

func testDeb(t *testing.T, deb string) {
	h := hostrig.Boot(t, hostrig.Options{})
	h.Internet(t)
	h.Push(t, deb, "/root/left4me.deb")
	install := func() string { return h.Output(t, "dpkg", "-i", "/root/left4me.deb") }
	if said := install(); !strings.Contains(said, "first account at http") {
		t.Errorf("no link for the first account:\n%s", said)
	}
	h.Output(t, "left4me", "provision", "--demo")
	_, pid := awaitRunning(t, h)
	awaitWell(t, h)
	if again := h.Output(t, "left4me", "provision"); !strings.HasPrefix(again, nothing) {
		t.Errorf("a run after the package's own changes\n%s", again)
	}
	install() // the same over it is what an upgrade does
	if _, now := awaitRunning(t, h); now != pid {
		t.Error("an upgrade restarted the game")
	}
	if left := h.Output(t, "sh", "-c", "dpkg -V left4me || true"); left != "" {
		t.Errorf("provisioning changed files of the package:\n%s", left)
	}
	if said := h.Output(t, "dpkg", "-r", "left4me"); !strings.Contains(said, "Kept: /etc/left4me") {
		t.Errorf("removal does not say what it keeps:\n%s", said)
	}
	h.Output(t, "test", "-s", "/var/lib/left4me/agent/agent.db")
	if said := h.Output(t, "dpkg", "-P", "left4me"); !strings.Contains(said, "are kept") {
		t.Errorf("purge does not say what it keeps:\n%s", said)
	}
	if _, code := try(t, h, "test", "-e", "/etc/left4me"); code == 0 {
		t.Error("purge leaves the configuration")
	}
	install()
	awaitRunning(t, h) // intent, content and port were kept
}
