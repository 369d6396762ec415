// Package independent asks readers from npm, made by others, what they see in a file, so that tests can hold ours against them.
package independent

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
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
	install(t, dir)
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

// install fetches the packages once. The tests of several packages run at the same time and share the directory: who comes second
// waits for the lock, and looks for the list that npm writes last, not for a directory that it is still filling.
func install(t *testing.T, dir string) {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("no npm on this machine to fetch other readers with; install nodejs and npm to run this test")
	}
	command := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}
