// Package independent asks readers from npm, made by others, what they see in a file, so that tests can hold ours against them.
package independent

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Answer is what one reader says about one file: a value, or why it cannot read it.
type Answer struct {
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

// Read returns the answers by file and reader. kind is "vpk" or "keyvalues". The test is skipped where node or npm is missing; the
// packages are fetched at the first time.
func Read(t *testing.T, kind string, files ...string) map[string]map[string]Answer {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(here), "..", "..", "testdata", "npm")
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on this machine to run other readers with; install nodejs and npm to run this test")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "vpk")); err != nil {
		npm, err := exec.LookPath("npm")
		if err != nil {
			t.Skip("no npm on this machine to fetch other readers with; install nodejs and npm to run this test")
		}
		install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	command := exec.CommandContext(t.Context(), node, append([]string{"--no-deprecation", filepath.Join(dir, "readers.mjs"), kind}, files...)...)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("the other readers: %v", err)
	}
	var out map[string]map[string]Answer
	if err := json.Unmarshal(output, &out); err != nil {
		t.Fatalf("the other readers: %v", err)
	}
	return out
}
