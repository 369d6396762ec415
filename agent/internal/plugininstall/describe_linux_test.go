package plugininstall_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/plugininstall"
)

// What people hand to "plugin install" need not be a plugin: nothing of it is put anywhere, and nothing of it stays running.
func TestPlaceOfWhatIsNoPlugin(t *testing.T) {
	for name, script := range map[string]string{
		"ends":             "exit 3",
		"no JSON":          "echo hello",
		"no plugin":        `echo '{"name":"x"}'`,
		"never ends":       "sleep 1000",
		"prints for ever":  "yes",
		"leaves a child":   "sleep 1000 >/dev/null 2>&1 & echo '{}'",
		"child keeps pipe": "sleep 1000 & echo '{}'",
	} {
		t.Run(name, func(t *testing.T) {
			dir, program := t.TempDir(), filepath.Join(t.TempDir(), "program")
			group := filepath.Join(t.TempDir(), "group")
			if err := os.WriteFile(group, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			openTo(t, group) // the program runs as nobody
			text := fmt.Sprintf("#!/bin/sh\necho $$ >%s\n%s\n", group, script)
			if err := os.WriteFile(program, []byte(text), 0o755); err != nil { //nolint:gosec // a program
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := plugininstall.Place(ctx, dir, program, "")
			if !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "does not describe itself") {
				t.Errorf("Place: %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("%d files were left", len(left))
			}
			data, err := os.ReadFile(group)
			pid, failure := strconv.Atoi(strings.TrimSpace(string(data)))
			if err != nil || failure != nil {
				t.Fatalf("the program did not run: %v, %v", err, failure)
			}
			if !gone(pid) {
				t.Error("processes of it still run")
			}
		})
	}
}

// gone waits until no process of the group runs, and kills what does. Dead ones that the host's first process has not buried yet do not count.
func gone(group int) bool {
	for range 500 {
		if !runs(group) {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
	return false
}

func runs(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(data), ") ") // a name has no ")" here
		if f := strings.Fields(rest); err == nil && ok && len(f) > 2 && f[0] != "Z" && f[2] == strconv.Itoa(group) {
			return true
		}
	}
	return false
}

// openTo lets everybody come to path, which is below directories of tests.
func openTo(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // nobody writes it
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // nobody passes through
			t.Fatal(err)
		}
	}
}
