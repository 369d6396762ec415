package demo

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// enter finishes the namespaces that the inner half was started in, and returns where the state directory is
// now.
//
// As root the state is bound below /mnt: a checkout in /root cannot be passed through by the users that
// scripts and games run as, and nothing of this reaches the host.
func enter(state string, rootless bool) (string, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return "", fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return "", fmt.Errorf("mount /proc of the new PID namespace: %w", err)
	}
	if rootless {
		return state, nil
	}
	if err := unix.Mount("tmpfs", "/mnt", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m"); err != nil {
		return "", fmt.Errorf("mount /mnt: %w", err)
	}
	target := filepath.Join("/mnt", "left4me")
	if err := os.Mkdir(target, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount(state, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return "", fmt.Errorf("bind %s: %w", state, err)
	}
	return target, nil
}

// reaper collects orphans: in a PID namespace they become children of the inner half. Children that somebody
// waits for are left to them.
type reaper struct {
	mu    sync.Mutex
	waits map[int]bool
}

func newReaper() *reaper { return &reaper{waits: map[int]bool{}} }

// own starts a child that its caller waits for. start returns the child's pid.
func (r *reaper) own(start func() (pid int, err error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := start()
	if err == nil {
		r.waits[pid] = true
	}
	return err
}

// disown ends the claim on a child that was waited for.
func (r *reaper) disown(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waits, pid)
}

// run collects orphans for the rest of the process.
func (r *reaper) run() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	for range signals {
		r.collect()
	}
}

// collect reaps every dead orphan. One dead child that is somebody's hides others behind it from waitid, so
// candidates come from /proc.
func (r *reaper) collect() {
	for _, pid := range children() {
		r.mu.Lock()
		if !r.waits[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		r.mu.Unlock()
	}
}

// children lists the process's children of all threads, by /proc/self/task/*/children.
func children() []int {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	var out []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid := 0
		for _, c := range data {
			if c == ' ' {
				out, pid = append(out, pid), 0
				continue
			}
			pid = pid*10 + int(c-'0')
		}
	}
	return out
}
