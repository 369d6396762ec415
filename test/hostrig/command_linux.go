package hostrig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Result of a command that ran inside the host.
type Result struct {
	Stdout, Stderr string
	Code           int // exit code; 128+n when a signal ended it
}

// Command returns a command that will run inside the host as root, in all its namespaces, with an environment of its
// own. A canceled context kills the entering process only: end what runs inside with systemctl or timeout.
func (h *Host) Command(ctx context.Context, argv ...string) *exec.Cmd {
	arguments := append([]string{"-t", strconv.Itoa(h.running.leader), "-m", "-u", "-i", "-p", "-n", "-C", "-r", "-w", "--"}, argv...)
	command := exec.CommandContext(ctx, "nsenter", arguments...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"}
	return command
}

// As returns the command line that runs argv as another user of the host, with that user's groups.
func As(user string, argv ...string) []string {
	return append([]string{"runuser", "-u", user, "--"}, argv...)
}

// Run runs a command inside the host. The error is for one that could not be run; a command that fails is a Result.
func (h *Host) Run(ctx context.Context, stdin io.Reader, argv ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	command := h.Command(ctx, argv...)
	command.Stdin, command.Stdout, command.Stderr = stdin, &stdout, &stderr
	err := command.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		result.Code, err = exit.ExitCode(), nil
		if result.Code < 0 {
			result.Code = 128
		}
	}
	if err != nil {
		return result, fmt.Errorf("run %s in the host: %w", argv[0], err)
	}
	return result, nil
}

// Output runs a command inside the host and returns what it printed, without the last newline. A command that fails
// fails the test.
func (h *Host) Output(t testing.TB, argv ...string) string {
	t.Helper()
	result, err := h.Run(t.Context(), nil, argv...)
	if err != nil || result.Code != 0 {
		t.Fatalf("%s: %v, exit code %d\n%s%s", strings.Join(argv, " "), err, result.Code, result.Stdout, result.Stderr)
	}
	return strings.TrimSuffix(result.Stdout, "\n")
}

// Journal returns the journal of a unit since the boot, one message a line.
func (h *Host) Journal(t testing.TB, unit string) string {
	t.Helper()
	return h.Output(t, "journalctl", "--unit", unit, "--boot", "--output", "cat", "--no-pager")
}

// Properties returns properties of a unit, as systemctl show has them.
func (h *Host) Properties(t testing.TB, unit string, names ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(h.Output(t, "systemctl", "show", "--property", strings.Join(names, ","), unit)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			out[name] = value
		}
	}
	return out
}
