package pluginhost_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/pluginhost"
)

// needRoot skips where another user cannot be taken on.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to start a plugin as another user")
	}
}

// asUser puts the test binary where every user can execute it.
func asUser(t *testing.T, name string) pluginhost.Plugin {
	t.Helper()
	p := behaving(name, "good")
	data, err := os.ReadFile(p.Launch.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "l4m-program")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.Launch.Command[0] = filepath.Join(dir, "plugin")
	if err := os.WriteFile(p.Launch.Command[0], data, 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

// privileges returns the lines of /proc/self/status that say what a plugin is and may do.
func privileges(t *testing.T, r *rig, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, line := range show(t, r, name, "status") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs":
			out[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return out
}

const (
	noCaps = "0000000000000000"
	// CAP_SYS_ADMIN (21), CAP_CHOWN (0), CAP_DAC_OVERRIDE (1), CAP_FOWNER (3)
	mounterCaps = "000000000020000b"
)

func TestPrivileges(t *testing.T) {
	needRoot(t)
	plain := asUser(t, "overlay-plain") // no user: root without anything
	numbers := asUser(t, "overlay-numbers")
	numbers.Launch.User, numbers.Launch.Group = "64011", "64012"
	named := asUser(t, "overlay-named")
	named.Launch.User = "nobody"
	caps := asUser(t, "overlay-caps")
	caps.Launch.User = "64013"
	caps.Launch.Capabilities = []string{"CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"}
	rootCaps := asUser(t, "overlay-rootcaps")
	rootCaps.Launch.Capabilities = caps.Launch.Capabilities
	r := newRig(t, nil, plain, numbers, named, caps, rootCaps)
	r.Start()

	all := func(value string) map[string]string {
		return map[string]string{"CapInh": value, "CapPrm": value, "CapEff": value, "CapBnd": value, "CapAmb": value, "NoNewPrivs": "1"}
	}
	for name, want := range map[string]struct{ uid, gid, groups, caps string }{
		"overlay-numbers": {"64011", "64012", "64012", noCaps},
		"overlay-caps":    {"64013", "64013", "64013", mounterCaps},
		"overlay-named":   {"65534", "65534", "65534", noCaps},
	} {
		expected := all(want.caps)
		expected["Uid"] = strings.Repeat(want.uid+" ", 3) + want.uid
		expected["Gid"] = strings.Repeat(want.gid+" ", 3) + want.gid
		expected["Groups"] = want.groups
		if diff := cmp.Diff(expected, privileges(t, r, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, want := range map[string]string{"overlay-plain": noCaps, "overlay-rootcaps": mounterCaps} {
		got := privileges(t, r, name)
		if got["CapEff"] != want || got["CapPrm"] != want || got["CapBnd"] != want || got["CapAmb"] != noCaps || got["NoNewPrivs"] != "1" {
			t.Errorf("%s: %v", name, got)
		}
	}
	checkOwnership(t, r)
	checkAgentUntouched(t)
}

// checkOwnership: a plugin's directories are its own, and its socket is closed to others.
func checkOwnership(t *testing.T, r *rig) {
	t.Helper()
	if got := show(t, r, "overlay-numbers", "dirs"); got[2] != "writable" {
		t.Errorf("its directories are not: %s", got)
	}
	sockets, err := filepath.Glob(filepath.Join(r.dir, "plugins", "overlay-numbers", "*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("socket directories %v %v", sockets, err)
	}
	info, err := os.Stat(sockets[0])
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket directory %v %v", info.Mode(), err)
	}
	if strings.HasPrefix(sockets[0], "/tmp") {
		t.Errorf("the socket is in %s", sockets[0])
	}
}

// checkAgentUntouched: what the threads of plugins gave up, other children of the agent still have.
func checkAgentUntouched(t *testing.T) {
	t.Helper()
	for range 20 {
		out, err := exec.Command("cat", "/proc/self/status").Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), "NoNewPrivs:\t0") || strings.Contains(string(out), "CapBnd:\t"+noCaps) {
			t.Fatalf("another child of the agent lost privileges too:\n%s", out)
		}
	}
}

func TestMissingAccounts(t *testing.T) {
	needRoot(t)
	user := asUser(t, "overlay-user")
	user.Launch.User = "nobody-of-that-name"
	group := asUser(t, "overlay-group")
	group.Launch.Group = "nogroup-of-that-name"
	capability := asUser(t, "overlay-capability")
	capability.Launch.Capabilities = []string{"CAP_FLY"}
	r := newRig(t, nil, user, group, capability)
	r.Start()
	for name, says := range map[string]string{
		"overlay-user":       `should run as user "nobody-of-that-name", who does not exist.`,
		"overlay-group":      `should run as group "nogroup-of-that-name", which does not exist.`,
		"overlay-capability": `wants capability "CAP_FLY", which does not exist.`,
	} {
		if s := r.awaitState(name, pluginhost.Failed); !strings.Contains(s.Description, says) || s.Hint == "" {
			t.Errorf("%s says %q, hint %q", name, s.Description, s.Hint)
		}
	}
}

// TestUnreadableProgram: the plugin's user need not be able to read the program's directory.
func TestUnreadableProgram(t *testing.T) {
	needRoot(t)
	p := asUser(t, "overlay-x")
	p.Launch.User = "64011"
	if err := os.Chmod(filepath.Dir(p.Launch.Command[0]), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil, p)
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Validate(t.Context(), json.RawMessage(`{}`)); err != nil {
		t.Error(err)
	}
}

// TestScript: a script is a plugin too, also as another user and with a checksum.
func TestScript(t *testing.T) {
	needRoot(t)
	p := asUser(t, "overlay-x")
	p.Launch.User = "64011"
	script := filepath.Join(filepath.Dir(p.Launch.Command[0]), "script")
	text := "#!/bin/sh\nexec " + p.Launch.Command[0] + ` "$@"` + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	p.Launch.Command[0] = script
	p.Launch.Checksum = sumOf([]byte(text))
	r := newRig(t, nil, p)
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
}
