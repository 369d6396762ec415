package pluginhost_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/pluginhost"
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// TestUnprivileged holds what an agent without root says about users and capabilities. Root runs it as
// somebody else.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		checkUnprivileged(t)
		return
	}
	p := asUser(t, "unused")
	command := exec.Command("setpriv", "--reuid=64021", "--regid=64021", "--clear-groups",
		p.Launch.Command[0], "-test.run=^TestUnprivileged$", "-test.v")
	command.Dir, command.Env = "/tmp", []string{"PATH=" + os.Getenv("PATH")}
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnprivileged") {
		t.Errorf("as user 64021: %v\n%s", err, out)
	}
}

// TestUserNamespace runs as the root of a user namespace with one user, as the demo does without root.
func TestUserNamespace(t *testing.T) {
	if mapping, err := os.ReadFile("/proc/self/uid_map"); err == nil && strings.HasSuffix(strings.TrimSpace(string(mapping)), " 1") {
		r := newRig(t, nil, behaving("overlay-x", "good"))
		r.Start()
		r.awaitState("overlay-x", pluginhost.Ready)
		if got := privileges(t, r, "overlay-x"); got["CapEff"] != noCaps || got["CapBnd"] != noCaps || got["NoNewPrivs"] != "1" {
			t.Errorf("privileges %v", got)
		}
		return
	}
	needRoot(t)
	p := asUser(t, "unused")
	as := []string{"--reuid=64021", "--regid=64021", "--clear-groups", "unshare", "--user", "--map-root-user"}
	if out, err := exec.Command("setpriv", append(as, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no user namespaces here: %v %s", err, out)
	}
	command := exec.Command("setpriv", append(as, p.Launch.Command[0], "-test.run=^TestUserNamespace$", "-test.v")...)
	command.Dir, command.Env = "/tmp", []string{"PATH=" + os.Getenv("PATH")}
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUserNamespace") {
		t.Errorf("in a user namespace: %v\n%s", err, out)
	}
}

func checkUnprivileged(t *testing.T) {
	good := behaving("overlay-good", "good")
	self := behaving("overlay-self", "good")
	self.Launch.User = strconv.Itoa(os.Geteuid())
	other := behaving("overlay-other", "good")
	other.Launch.User = "64022"
	caps := behaving("overlay-caps", "good")
	caps.Launch.Capabilities = []string{"CAP_CHOWN"}
	r := newRig(t, nil, good, self, other, caps)
	r.Start()
	r.awaitState("overlay-good", pluginhost.Ready)
	r.awaitState("overlay-self", pluginhost.Ready)
	for name, says := range map[string]string{
		"overlay-other": `cannot run as user "64022", because the agent does not run as root.`,
		"overlay-caps":  "cannot have capabilities, because the agent does not run as root.",
	} {
		if s := r.awaitState(name, pluginhost.Failed); !strings.Contains(s.Description, says) || !strings.Contains(s.Hint, `mode = "socket"`) {
			t.Errorf("%s says %q, hint %q", name, s.Description, s.Hint)
		}
	}
	if got := privileges(t, r, "overlay-good"); got["NoNewPrivs"] != "1" {
		t.Errorf("privileges %v", got)
	}
}
