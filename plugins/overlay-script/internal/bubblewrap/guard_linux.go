package bubblewrap

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/cgroup"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/usage"
)

const (
	look         = 250 * time.Millisecond // how often memory and free space are looked at
	firstMeasure = time.Second            // how soon the tree is measured
	restFactor   = 20                     // measuring takes at most 1/20 of the time
)

// guard ends a run that goes on for too long or takes too much.
type guard struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	ending sandbox.Ending
	reason string
}

func (s *Sandbox) guard(ctx context.Context, spec sandbox.Spec, r *running, group *cgroup.Group) *guard {
	watch, stop := context.WithCancel(context.Background())
	g := &guard{stop: stop}
	end := func(ending sandbox.Ending, reason string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.ending == "" && watch.Err() == nil {
			g.ending, g.reason = ending, reason
		}
		r.kill()
	}
	g.done.Go(func() { watchTime(watch, ctx, spec.Limits.WallTime, end) })
	g.done.Go(func() { s.watchMemory(watch, spec, r, group, end) })
	g.done.Go(func() { watchTree(watch, spec, end) })
	return g
}

// finish stops watching and returns why the guard ended the run, or "".
func (g *guard) finish() (sandbox.Ending, string) {
	g.stop()
	g.done.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ending, g.reason
}

// watchTime waits for the caller to give up or the wall time to be used up.
func watchTime(watch, caller context.Context, limit time.Duration, end func(sandbox.Ending, string)) {
	var expired <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-watch.Done():
	case <-caller.Done():
		end(sandbox.Canceled, "")
	case <-expired:
		end(sandbox.TimedOut, "")
	}
}

// watchMemory ends a run whose group lost a process for memory: a script without one of its
// processes must not seem to succeed. Without a group it adds up what the processes hold.
func (s *Sandbox) watchMemory(watch context.Context, spec sandbox.Spec, r *running, group *cgroup.Group, end func(sandbox.Ending, string)) {
	for wait(watch, look) {
		if group.OutOfMemory() {
			end(sandbox.OutOfMemory, "")
			return
		}
		if limit := spec.Limits.Memory; limit > 0 && !s.parent.HasMemory() && heldMemory(r.command.Process.Pid) > limit {
			end(sandbox.OutOfMemory, "")
			return
		}
	}
}

// watchTree ends a run that fills the tree or the host's disk. The tree is measured again after a
// rest that grows with the time it took.
func watchTree(watch context.Context, spec sandbox.Spec, end func(sandbox.Ending, string)) {
	limits := spec.Limits
	measureAt := time.Now().Add(firstMeasure)
	for wait(watch, look) {
		if free, err := freeBytes(spec.Dir); err == nil && limits.DiskFree > 0 && free < limits.DiskFree {
			end(sandbox.TreeFull, fmt.Sprintf("Only %d MiB are free on the host's disk, and %d MiB must stay free.", free>>20, limits.DiskFree>>20))
			return
		}
		if limits.TreeBytes == 0 && limits.TreeFiles == 0 || time.Now().Before(measureAt) {
			continue
		}
		started := time.Now()
		total, err := usage.Measure(watch, spec.Dir)
		measureAt = time.Now().Add(max(firstMeasure, restFactor*time.Since(started)))
		if reason := exceeded(total, limits); err == nil && reason != "" {
			end(sandbox.TreeFull, reason)
			return
		}
	}
}

// exceeded says which limit a tree is over, in one sentence, or "".
func exceeded(total usage.Total, limits sandbox.Limits) string {
	switch {
	case limits.TreeBytes > 0 && total.Bytes > limits.TreeBytes:
		return fmt.Sprintf("The overlay holds %d MiB, and %d MiB are allowed.", total.Bytes>>20, limits.TreeBytes>>20)
	case limits.TreeFiles > 0 && total.Files > limits.TreeFiles:
		return fmt.Sprintf("The overlay holds %d files, and %d are allowed.", total.Files, limits.TreeFiles)
	case limits.TreeFiles > 0 && total.Dirs > limits.TreeFiles:
		return fmt.Sprintf("The overlay holds %d directories, and %d are allowed.", total.Dirs, limits.TreeFiles)
	}
	return ""
}

func freeBytes(dir string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return stat.Bavail * uint64(stat.Bsize), nil
}

// wait returns false when ctx ended first.
func wait(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
