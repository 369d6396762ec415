package overlayscript_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
)

// scriptUser is whom the plugin and its scripts run as in production.
const scriptUser = 64001

func TestMain(m *testing.M) {
	bubblewrap.MaybeChild()
	os.Exit(m.Run())
}

func needBubblewrap(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed: apt-get install bubblewrap")
	}
}

// asScriptUser runs the test again as the plugin's user of production when it runs as root, and
// returns true where the test should go on.
func asScriptUser(t *testing.T, environment ...string) bool {
	t.Helper()
	needBubblewrap(t)
	if os.Geteuid() != 0 {
		return true
	}
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, scriptUser, scriptUser); err != nil {
		t.Fatal(err)
	}
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(append(os.Environ(), "TMPDIR="+dir, "HOME="+dir), environment...)
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: scriptUser, Gid: scriptUser}}
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("as user %d: %d passed, %d skipped", scriptUser, strings.Count(string(out), "--- PASS"), strings.Count(string(out), "--- SKIP"))
	return false
}

// binary builds the plugin, in a place where every user can run it.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("LEFT4ME_TEST_BINARY"); path != "" {
		return path
	}
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "overlay-script")
	build := exec.Command("go", "build", "-o", path, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	return path
}
