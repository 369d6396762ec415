package hostrig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is one run of systemd-nspawn: from a boot to a power-off, reboot or crash.
type machine struct {
	pid    int // of systemd-nspawn
	leader int // the host's PID 1, as this machine sees it
	ended  chan struct{}
}

// start boots the host and returns when its boot is over.
func (h *Host) start(ctx context.Context) error {
	m, err := h.launch()
	if err != nil {
		return err
	}
	h.running = m
	if err := m.findLeader(ctx); err != nil {
		return err
	}
	degraded := h.awaitBoot(ctx)
	if degraded != nil && !errors.Is(degraded, errDegraded) {
		return degraded
	}
	return errors.Join(h.openControllers(ctx), degraded)
}

// launch starts systemd-nspawn in the host's cgroups and in its own session. It dies with this process.
func (h *Host) launch() (*machine, error) {
	nspawn, err := lookPath("systemd-nspawn")
	if err != nil {
		return nil, err
	}
	console, err := os.OpenFile(h.dirs.console, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer console.Close()
	const enter = `n=$1; shift; while [ $n -gt 0 ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; n=$((n-1)); done; exec "$@"`
	arguments := []string{"-c", enter, "sh", strconv.Itoa(len(h.groups))}
	arguments = append(arguments, h.groups...)
	arguments = append(arguments, nspawn, "--quiet", "--register=no", "--keep-unit", "-M", "left4me-"+h.id, "--hostname", h.options.Name, "-D", h.dirs.root,
		"--capability=all", "--system-call-filter=@mount bpf @keyring", "--network-namespace-path="+h.network.path(),
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
		// Content needs a file system that carries an overlayfs, and the root of this host is one itself.
		"--bind="+h.dirs.state+":/var/lib/left4me", "--boot",
		// Version 257 starts on cgroups of version 1 only when told to.
		"SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
	command := exec.Command("/bin/sh", arguments...)
	command.Stdout, command.Stderr = console, console
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	m := &machine{ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig is about the thread that started the child
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // however it ends: the host is down
		}
		close(m.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start systemd-nspawn: %w", err)
	}
	m.pid = command.Process.Pid
	return m, nil
}

// findLeader waits for the host's PID 1: the child of systemd-nspawn that is the first of a PID namespace.
func (m *machine) findLeader(ctx context.Context) error {
	for {
		children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", m.pid))
		for _, file := range children {
			text, _ := os.ReadFile(file)
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil && firstOfNamespace(pid) {
					m.leader = pid
					return nil
				}
			}
		}
		if err := m.pause(ctx); err != nil {
			return err
		}
	}
}

// firstOfNamespace reads NSpid of proc_pid_status(5): the ids of a process from the outermost namespace to its own.
func firstOfNamespace(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "NSpid:" {
			return fields[len(fields)-1] == "1"
		}
	}
	return false
}

// pause waits a moment for the host to get further; it fails when the host ended or the time is up.
func (m *machine) pause(ctx context.Context) error {
	select {
	case <-m.ended:
		return errors.New("systemd-nspawn ended")
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// errDegraded means that the host is up, but units failed.
var errDegraded = errors.New("units failed")

// awaitBoot waits until systemd is done with its boot. The error of a host that is degraded names the units that failed.
func (h *Host) awaitBoot(ctx context.Context) error {
	for {
		out, _ := h.Command(ctx, "systemctl", "is-system-running", "--wait").Output() // fails unless running
		switch state := strings.TrimSpace(string(out)); state {
		case "running":
			return nil
		case "degraded":
			failed, _ := h.Command(ctx, "systemctl", "--failed", "--no-legend", "--plain").CombinedOutput()
			return fmt.Errorf("%w:\n%s", errDegraded, failed)
		case "maintenance", "stopping":
			return fmt.Errorf("the host's state is %s", state)
		}
		if err := h.running.pause(ctx); err != nil {
			return fmt.Errorf("wait for the boot: %w", err)
		}
	}
}

// openControllers lets systemd use the controllers of cgroup version 1, which systemd-nspawn mounts read-only. With
// version 2 there is nothing to do.
func (h *Host) openControllers(ctx context.Context) error {
	const script = `set -e
for c in memory pids cpu cpuacct cpuset blkio; do
	[ ! -d /sys/fs/cgroup/$c ] || [ -L /sys/fs/cgroup/$c ] || mount -o remount,rw,bind /sys/fs/cgroup/$c
done
systemctl daemon-reexec`
	if out, err := h.Command(ctx, "/bin/sh", "-c", script).CombinedOutput(); err != nil {
		return fmt.Errorf("open the cgroup controllers: %w: %s", err, out)
	}
	return nil
}

func (m *machine) wait(ctx context.Context) error {
	select {
	case <-m.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the host at once: the kernel kills every process of a PID namespace with its first one.
func (m *machine) kill() error {
	for _, pid := range []int{m.leader, m.pid} {
		if pid <= 1 {
			continue
		}
		select {
		case <-m.ended: // the id may be another's by now
			return nil
		default:
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	<-m.ended
	return nil
}

// console returns the end of what the host printed while it booted.
func (h *Host) console() string {
	text, _ := os.ReadFile(h.dirs.console)
	return string(tail(bytes.ToValidUTF8(text, nil)))
}

// tell logs what helps to find out why a test failed.
func (h *Host) tell(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, _ := h.Command(ctx, "/bin/sh", "-c", "systemctl --failed --no-legend --plain; journalctl -n 60 --no-pager -o short-monotonic").CombinedOutput()
	t.Logf("the host's failed units and the end of its journal:\n%s", out)
}
