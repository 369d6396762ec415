package sdktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// cancelAttempts is how often builderCancel cancels.
const cancelAttempts = 10

func builderCancel(t T, r *builderRun) {
	run, b := r.ready(t)
	left := map[string]Tree{} // what each canceled build left, by directory
	for attempt := range cancelAttempts {
		ctx, stop := soon(patient(t), attempt)
		work := request(t, r.spec.Overlay)
		_, err := b.Build(ctx, work, &Recorder{})
		if err != nil {
			wantCode(t, "a canceled build", err, sdk.CodeCanceled)
		}
		stop()
		left[work.OutputDir] = readTree(t, work.OutputDir)
	}
	if r.spec.Endless != nil {
		ctx, cancel := context.WithCancel(patient(t))
		ended := startEndless(t, ctx, b, r.spec.Endless)
		cancel()
		wantCode(t, "the canceled endless build", <-ended, sdk.CodeCanceled)
	}
	noChildren(t, run)
	build(t, b, request(t, r.spec.Overlay))
	for dir, tree := range left {
		sameTree(t, "long after a canceled build had returned", readTree(t, dir), tree)
	}
	noBuilds(t, run)
}

// noBuilds fails the check when a build still runs that the host has given up. A drain tells, and ends the plugin's
// work for good, so it comes last.
func noBuilds(t T, r *running) {
	t.Helper()
	canceled, err := r.base.Drain(patient(t), time.Millisecond)
	if err != nil || canceled != 0 {
		t.Errorf("%d builds still ran after their end (%v)", canceled, err)
	}
}

func builderDeadline(t T, r *builderRun) {
	if r.spec.Endless == nil {
		t.Skipf("no settings of an endless build were given")
	}
	run, b := r.ready(t)
	ctx, cancel := context.WithTimeout(patient(t), 50*time.Millisecond)
	defer cancel()
	_, err := b.Build(ctx, request(t, r.spec.Endless), &Recorder{})
	wantCode(t, "a build past its deadline", err, sdk.CodeUnavailable, sdk.CodeCanceled)
	noChildren(t, run)
	build(t, b, request(t, r.spec.Overlay))
	noBuilds(t, run)
}

func builderKilled(t T, r *builderRun) {
	if !r.process {
		t.Skipf("the plugin runs inside the test's process")
	}
	if r.spec.Endless == nil {
		t.Skipf("no settings of an endless build were given")
	}
	dir := t.TempDir()
	run := r.way.ready(t, dir)
	ended := startEndless(t, patient(t), builder.NewClient(run.conn), r.spec.Endless)
	run.process.Kill()
	wantCode(t, "the build of a killed plugin", <-ended, sdk.CodeUnavailable)
	again := r.way.ready(t, dir)
	build(t, builder.NewClient(again.conn), request(t, r.spec.Overlay))
}

func builderParallel(t T, r *builderRun) {
	_, b := r.ready(t)
	var group sync.WaitGroup
	errs := make(chan error, 4)
	works := make([]builder.Request, 4)
	for i := range works {
		works[i] = request(t, r.spec.Overlay)
		works[i].BuildID, works[i].OverlayID = fmt.Sprintf("build-%d", i), fmt.Sprintf("overlay-%d", i)
		group.Go(func() {
			if _, err := b.Build(patient(t), works[i], &Recorder{}); err != nil {
				errs <- fmt.Errorf("build %d: %w", i, err)
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		t.Errorf("%v", err)
	}
	if r.spec.Unstable || t.Failed() {
		return
	}
	for _, work := range works[1:] {
		sameTree(t, "builds at once", readTree(t, work.OutputDir), readTree(t, works[0].OutputDir))
	}
}

func builderLimits(t T, r *builderRun) {
	_, b := r.ready(t)
	_, tree := build(t, b, request(t, r.spec.Overlay))
	files, bytes := tree.Usage()
	work := request(t, r.spec.Overlay)
	work.Limits = builder.Limits{MaxBytes: bytes, MaxFiles: files}
	build(t, b, work)
	for what, limits := range map[string]builder.Limits{
		"bytes": {MaxBytes: bytes - 1}, "files": {MaxFiles: files - 1},
	} {
		if limits == (builder.Limits{}) {
			t.Logf("the content is too small to check the limit of %s", what)
			continue
		}
		work := request(t, r.spec.Overlay)
		work.Limits = limits
		_, err := b.Build(patient(t), work, &Recorder{})
		wantCode(t, "a build past its limit of "+what, err, sdk.CodeInvalid)
	}
	if r.spec.Endless == nil {
		return
	}
	work = request(t, r.spec.Endless)
	work.Limits.MaxTime = 50 * time.Millisecond
	_, err := b.Build(patient(t), work, &Recorder{})
	wantCode(t, "a build past its limit of time", err, sdk.CodeUnavailable, sdk.CodeInvalid)
}

func builderNoTree(t T, r *builderRun) {
	_, b := r.ready(t)
	work := request(t, r.spec.Overlay)
	work.OutputDir = filepath.Join(work.OutputDir, "absent")
	if _, err := b.Build(patient(t), work, &Recorder{}); err == nil {
		t.Errorf("a build into a tree that does not exist succeeded")
	}
	if _, err := os.Lstat(work.OutputDir); err == nil {
		t.Errorf("the builder made a staging tree by itself")
	}
	work = request(t, r.spec.Overlay)
	work.OutputDir = filepath.Join(filepath.Dir(work.OutputDir), "a-neighbour", "keep")
	if _, err := b.Build(patient(t), work, &Recorder{}); err == nil {
		t.Errorf("a build into a file succeeded")
	}
	build(t, b, request(t, r.spec.Overlay))
}

func builderSlowReader(t T, r *builderRun) {
	_, b := r.ready(t)
	build(t, b, request(t, r.spec.Overlay)) // fills the builder's cache, so that the next two do the same work
	quick := &Recorder{}
	if _, err := b.Build(patient(t), request(t, r.spec.Overlay), quick); err != nil {
		t.Fatalf("Build: %v", err)
	}
	slow := &Recorder{OnEvent: func() { time.Sleep(time.Millisecond) }} // the slowness under test
	if _, err := b.Build(patient(t), request(t, r.spec.Overlay), slow); err != nil {
		t.Fatalf("Build with a slow reader: %v", err)
	}
	if got, want := len(slow.Lines()), len(quick.Lines()); !r.spec.Unstable && got != want {
		t.Errorf("a slow reader got %d events, a quick one %d", got, want)
	}
}

// noChildren fails the check when the plugin's process has children.
func noChildren(t T, r *running) {
	t.Helper()
	if r.process == nil || runtime.GOOS != "linux" {
		return
	}
	ctx := patient(t)
	pattern := fmt.Sprintf("/proc/%d/task/*/children", r.process.PID())
	for ctx.Err() == nil {
		files, _ := filepath.Glob(pattern) // the pattern is valid
		children := ""
		for _, file := range files {
			text, _ := os.ReadFile(file) // the thread may have ended
			children += string(text)
		}
		if strings.TrimSpace(children) == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("the plugin has child processes after its builds ended")
}
