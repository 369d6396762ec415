package plugindev_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTutorial runs every command of the tutorial, in order, as its reader would: in a directory of its own, with a program
// that was built from the checkout.
func TestTutorial(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds several programs")
	}
	page, err := os.ReadFile("../../../docs/tutorial/first-overlay.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eux\n"
	blocks := strings.Split(string(page), "```sh\n")[1:]
	for _, block := range blocks {
		commands, _, ok := strings.Cut(block, "```")
		if !ok {
			t.Fatal("a block does not end")
		}
		script += commands
	}
	if len(blocks) < 4 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	bin, work := t.TempDir(), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "left4me"), "../..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sdk, err := filepath.Abs(sdkDir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sdk, filepath.Join(work, "sdk")); err != nil { // stands for the checkout around bin/
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "bash", "-c", script)
	run.Dir, run.Env = work, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GOWORK=off", "GOFLAGS=")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"37 passed, 0 failed, 4 skipped", "\nc2: Hello\n", "| `text` | text | required |", "overlay-notice 0.2.0", "agent.hcl is fine."} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}
