package overlayscript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// probeTime is less than the agent waits for a plugin to start, so that it hears why.
const probeTime = 8 * time.Second

// probeScript tries what must fail. It prints one word per promise that does not hold.
const probeScript = `#!/bin/bash
reach() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }
[ "$OPEN" = yes ] || ! reach 127.0.0.1 "$PORT" || echo loopback-reached &
[ "$OPEN" = yes ] || ! reach ::ffff:127.0.0.1 "$PORT" || echo mapped-loopback-reached &
[ ! -e "$CANARY" ] || echo canary-seen
[ ! -r /etc/shadow ] || echo shadow-seen
[ ! -e "/proc/$PLUGIN/cmdline" ] || [ "$PLUGIN" -lt 20 ] || echo host-processes-seen
touch /usr/left4me-probe 2>/dev/null && echo system-writable
mknod whiteout c 0 0 2>/dev/null && echo device-made
touch setuid && chmod 4755 setuid 2>/dev/null && echo setuid-made
grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status || echo capabilities-kept
grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status || echo new-privileges-possible
touch written || echo overlay-not-writable
wait
echo done
`

// probe runs a script that attacks the sandbox, and fails unless all of it is refused.
func probe(ctx context.Context, box sandbox.Sandbox, settings PluginSettings, cacheDir string) error {
	dir, err := probeDir(cacheDir)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // below the cache, which may be emptied
	canary := filepath.Join(dir, "canary")
	if err := os.WriteFile(canary, []byte("a secret"), 0o644); err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the probe: %w", err)
	}
	defer listener.Close()
	reached := accept(listener)
	open := "no"
	if box.Report().Network == sandbox.NetworkOpen {
		open = "yes"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var heard hearing
	outcome, err := box.Run(ctx, sandbox.Spec{
		ID: fmt.Sprintf("probe-%d", os.Getpid()), Interpreter: []string{"/bin/bash"}, Script: []byte(probeScript), Network: true,
		Environment: map[string]string{
			"PORT": fmt.Sprint(listener.Addr().(*net.TCPAddr).Port), "CANARY": canary, "OPEN": open, "PLUGIN": fmt.Sprint(os.Getpid()),
		},
		Limits: settings.limits(RunLimits{Tasks: 64, MemoryMiB: 256}, 0, 0, probeTime),
	}, &heard)
	if err != nil {
		return fmt.Errorf("the sandbox cannot be set up: %w", err)
	}
	if err := heard.verdict(outcome); err != nil {
		return err
	}
	if reached() && open == "no" {
		return errors.New("the sandbox does not hold: a listener on loopback was reached")
	}
	return nil
}

// accept takes connections until the listener is closed, and returns how to ask whether there was one.
func accept(listener net.Listener) func() bool {
	var seen atomic.Bool
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			seen.Store(true)
			_ = connection.Close()
		}
	}()
	return seen.Load
}

// probeDir makes a directory that the script's user can pass through.
func probeDir(cacheDir string) (string, error) {
	if os.Geteuid() == 0 {
		cacheDir = "" // another user runs the script, and it may not pass through the cache
	}
	dir, err := os.MkdirTemp(cacheDir, "left4me-probe-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the probe: %w", err)
	}
	return dir, os.Chmod(dir, 0o711)
}

// hearing keeps what the probe printed.
type hearing struct {
	mu       sync.Mutex
	out, err bytes.Buffer
}

// Output implements sandbox.Sink.
func (h *hearing) Output(stream sandbox.Stream, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if stream == sandbox.Stdout {
		h.out.Write(data)
	} else {
		h.err.Write(data)
	}
}

// Note implements sandbox.Sink.
func (h *hearing) Note(string, string) {}

func (h *hearing) verdict(outcome sandbox.Outcome) error {
	words := strings.Fields(h.out.String())
	if len(words) == 0 || words[len(words)-1] != "done" || outcome.Ending != sandbox.Exited || outcome.ExitCode != 0 {
		return fmt.Errorf("the probe did not come to its end (%s, exit code %d): %s",
			outcome.Ending, outcome.ExitCode, strings.TrimSpace(h.err.String()+h.out.String()))
	}
	if broken := words[:len(words)-1]; len(broken) > 0 {
		return fmt.Errorf("the sandbox does not hold: %s", strings.Join(broken, ", "))
	}
	return nil
}

// noSuchID is the error of chown where the user namespace has no such user; there, scripts run as the
// plugin's own user.
func noSuchID(err error) bool { return errors.Is(err, syscall.EINVAL) }
