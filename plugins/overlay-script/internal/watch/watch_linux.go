package watch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/usage"
)

// Look is how often figures that are cheap to read are looked at.
const Look = 250 * time.Millisecond

const (
	firstMeasure = time.Second // how soon the tree is measured
	restFactor   = 20          // measuring takes at most 1/20 of the time
)

// Guard ends a run at the first reason that one of its watchers finds.
type Guard struct {
	watch context.Context
	stop  context.CancelFunc
	kill  func()
	done  sync.WaitGroup

	mu     sync.Mutex
	ending sandbox.Ending
	reason string
}

// New returns a guard that calls kill, which must be safe to call many times, to end the run.
func New(kill func()) *Guard {
	watch, stop := context.WithCancel(context.Background())
	return &Guard{watch: watch, stop: stop, kill: kill}
}

// Go starts a watcher. It returns when its context ends, which is when the run is over.
func (g *Guard) Go(watcher func(watch context.Context)) { g.done.Go(func() { watcher(g.watch) }) }

// End ends the run. The first reason counts, and none after the run is over.
func (g *Guard) End(ending sandbox.Ending, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ending == "" && g.watch.Err() == nil {
		g.ending, g.reason = ending, reason
	}
	g.kill()
}

// Finish stops watching and returns why the guard ended the run, or "".
func (g *Guard) Finish() (sandbox.Ending, string) {
	g.stop()
	g.done.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ending, g.reason
}

// Time watches for the caller to give up and for the wall time to be used up.
func (g *Guard) Time(caller context.Context, limit time.Duration) {
	g.Go(func(watch context.Context) {
		var expired <-chan time.Time
		if limit > 0 {
			timer := time.NewTimer(limit)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case <-watch.Done():
		case <-caller.Done():
			g.End(sandbox.Canceled, "")
		case <-expired:
			g.End(sandbox.TimedOut, "")
		}
	})
}

// Tree watches for a run that fills the tree or the host's disk. The tree is measured again after a rest that grows
// with the time it took.
func (g *Guard) Tree(dir string, limits sandbox.Limits) {
	if dir == "" {
		return // in memory, and capped
	}
	g.Go(func(watch context.Context) {
		measureAt := time.Now().Add(firstMeasure)
		for Pause(watch, Look) {
			if free, err := freeBytes(dir); err == nil && limits.DiskFree > 0 && free < limits.DiskFree {
				g.End(sandbox.TreeFull, fmt.Sprintf("Only %d MiB are free on the host's disk, and %d MiB must stay free.", free>>20, limits.DiskFree>>20))
				return
			}
			if limits.TreeBytes == 0 && limits.TreeFiles == 0 || time.Now().Before(measureAt) {
				continue
			}
			started := time.Now()
			total, err := usage.Measure(watch, dir)
			measureAt = time.Now().Add(max(firstMeasure, restFactor*time.Since(started)))
			if reason := exceeded(total, limits); err == nil && reason != "" {
				g.End(sandbox.TreeFull, reason)
				return
			}
		}
	})
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

// Pause waits, and returns false when ctx ended first.
func Pause(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
