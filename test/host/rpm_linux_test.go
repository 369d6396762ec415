package host_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// rpmDir is where the host has the machine's rpm, with the libraries and the loader it was made for.
const rpmDir = "/usr/local/lib/rpm-of-machine"

// bringRPM gives the host, which is a Debian and has none, the rpm of this machine.
func bringRPM(t *testing.T, h *hostrig.Host) {
	t.Helper()
	program, err := exec.LookPath("rpm")
	if err != nil {
		t.Skip("rpm is not installed: deploy/deps test")
	}
	out, err := exec.CommandContext(t.Context(), "ldd", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	h.Push(t, program, rpmDir+"/rpm")
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(out), -1) {
		name := filepath.Base(library)
		if strings.HasPrefix(name, "ld-") {
			name = "loader"
		}
		h.Push(t, library, rpmDir+"/"+name)
	}
	var settings []string
	for _, pattern := range []string{"macros", "rpmrc", "rpmpopt-*"} {
		found, _ := filepath.Glob("/usr/lib/rpm/" + pattern) // the pattern is well formed
		settings = append(settings, found...)
	}
	for _, path := range settings {
		h.Push(t, path, path)
	}
}

// rpm runs it. Dependencies are Debian's packages, unknown to rpm.
func rpm(t *testing.T, h *hostrig.Host, arguments ...string) string {
	t.Helper()
	said, code := try(t, h, append([]string{rpmDir + "/loader", "--library-path", rpmDir, rpmDir + "/rpm", "--dbpath", "/var/lib/rpm"}, arguments...)...)
	if code != 0 {
		t.Fatalf("rpm %q: exit code %d\n%s", arguments, code, said)
	}
	return said
}

// testRPM installs, upgrades and removes the rpm on a host where a server runs.
func testRPM(t *testing.T, first string) {
	h := hostrig.Boot(t, hostrig.Options{})
	h.Internet(t)
	bringRPM(t, h)
	_, second := pack(t, "99.0.0")
	h.Push(t, first, "/root/first.rpm")
	h.Push(t, second, "/root/second.rpm")
	change := func(verb, file string) string { return rpm(t, h, verb, "--nodeps", "--force-debian", "/root/"+file) }
	if said := change("--install", "first.rpm"); !strings.Contains(said, "first account at http") {
		t.Errorf("no link for the first account:\n%s", said)
	}
	testRPMFiles(t, h)
	h.Output(t, "left4me", "provision", "--demo")
	_, pid := awaitRunning(t, h)
	awaitWell(t, h)
	if again := h.Output(t, "left4me", "provision"); !strings.HasPrefix(again, nothing) {
		t.Errorf("a run after the package's own changes\n%s", again)
	}
	h.Output(t, "sh", "-c", "echo '# mine' >> /etc/left4me/agent.hcl")

	change("--upgrade", "second.rpm")
	if is := rpm(t, h, "--query", "left4me"); !strings.HasPrefix(is, "left4me-99.0.0-") || strings.Contains(is, "\n") {
		t.Errorf("installed after the upgrade: %s", is)
	}
	if _, now := awaitRunning(t, h); now != pid {
		t.Error("an upgrade restarted the game")
	}
	if !strings.Contains(string(h.Read(t, "/etc/left4me/agent.hcl")), "# mine") {
		t.Error("an upgrade lost an edit")
	}
	rpm(t, h, "--verify", "--nodeps", "left4me") // provisioning changed no file of the package

	if said := rpm(t, h, "--erase", "left4me"); !strings.Contains(said, "Kept: /etc/left4me") {
		t.Errorf("removal does not say what it keeps:\n%s", said)
	}
	if left := h.Output(t, "sh", "-c", "find /usr /etc/systemd -path /usr/local -prune -o -name '*left4me*' -print; systemctl list-units --all --plain --no-legend 'left4me*' | grep -v slice || true"); left != "" {
		t.Errorf("left after the removal:\n%s", left)
	}
	for _, kept := range []string{"/var/lib/left4me/agent/agent.db", "/etc/left4me/agent.hcl"} {
		h.Output(t, "test", "-s", kept)
	}
	change("--install", "second.rpm")
	awaitRunning(t, h) // intent, content and port were kept
}

// testRPMFiles: everything is root's, nobody else may write it or gets rights by it, and no file is a configuration that
// an upgrade could replace: what is in /etc is provisioning's.
func testRPMFiles(t *testing.T, h *hostrig.Host) {
	t.Helper()
	files := rpm(t, h, "--query", "--queryformat", `[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]`, "left4me")
	if strings.Count(files, "\n") < 30 {
		t.Errorf("files:\n%s", files)
	}
	for line := range strings.Lines(files) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[1] != "root:root" || strings.ContainsAny(fields[0], "sSt") || !strings.HasPrefix(fields[2], "/usr/") ||
			(fields[0][0] != 'l' && (fields[0][5] == 'w' || fields[0][8] == 'w')) {
			t.Errorf("in the package: %s", line)
		}
	}
	for _, program := range []string{"/usr/bin/left4me", "/usr/bin/left4me-web", "/usr/lib/left4me/plugins/mounter-kernel"} {
		if !strings.Contains(files, "-rwxr-xr-x root:root "+program) {
			t.Errorf("%s is missing or cannot be run:\n%s", program, files)
		}
	}
	if said := rpm(t, h, "--query", "--configfiles", "left4me"); strings.Contains(said, "/etc") {
		t.Errorf("configuration in the package: %s", said)
	}
}
