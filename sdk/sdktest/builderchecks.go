package sdktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

func builderBeforeConfigure(t T, r *builderRun) {
	run := r.way.start(t, t.TempDir())
	b := builder.NewClient(run.conn)
	_, err := b.Validate(patient(t), r.spec.Overlay)
	wantCode(t, "Validate before Configure", err, sdk.CodePrecondition)
	_, err = b.Build(patient(t), request(t, r.spec.Overlay), &Recorder{})
	wantCode(t, "Build before Configure", err, sdk.CodePrecondition)
}

func builderSecrets(t T, r *builderRun) {
	run, b := r.ready(t)
	const secret = "hunter2-4f1d9c-conformance"
	work := request(t, r.spec.Overlay)
	work.Secrets = map[string]string{"token": secret, "api_key": secret}
	events := &Recorder{}
	result, err := b.Build(patient(t), work, events)
	seen := strings.Join(events.Lines(), "\n") + fmt.Sprint(result, err)
	if run.process != nil {
		seen += run.process.Log()
	}
	if strings.Contains(seen, secret) {
		t.Errorf("a secret appeared in events, result, error or log")
	}
}

func builderDrain(t T, r *builderRun) {
	if r.spec.Endless == nil {
		t.Skipf("no settings of an endless build were given")
	}
	run, b := r.ready(t)
	ended := startEndless(t, patient(t), b, r.spec.Endless)
	canceled, err := run.base.Drain(patient(t), 10*time.Millisecond)
	if err != nil || canceled != 1 {
		t.Errorf("Drain canceled %d calls (%v), want 1", canceled, err)
	}
	wantCode(t, "the drained build", <-ended, sdk.CodeCanceled)
	_, err = b.Build(patient(t), request(t, r.spec.Overlay), &Recorder{})
	wantCode(t, "Build after Drain", err, sdk.CodeUnavailable)
}

func builderValidatePure(t T, r *builderRun) {
	run, b := r.ready(t)
	before := []Tree{readTree(t, run.stateDir), readTree(t, run.cacheDir), readTree(t, run.dir)}
	for range 3 {
		found, err := b.Validate(patient(t), r.spec.Overlay)
		if err != nil || sdk.HasErrors(found) {
			t.Fatalf("Validate of good settings: %v, %+v", err, found)
		}
	}
	for i, dir := range []string{run.stateDir, run.cacheDir, run.dir} {
		sameTree(t, "after Validate", readTree(t, dir), before[i])
	}
}

func builderEmptySettings(t T, r *builderRun) {
	_, b := r.ready(t)
	for _, settings := range []json.RawMessage{nil, json.RawMessage("{}")} {
		found, err := b.Validate(patient(t), settings)
		if err != nil {
			t.Fatalf("Validate of empty settings: %v", err)
		}
		if !sdk.HasErrors(found) {
			continue
		}
		work := request(t, settings)
		_, err = b.Build(patient(t), work, &Recorder{})
		wantCode(t, "Build with settings that Validate refuses", err, sdk.CodeInvalid)
		sameTree(t, "after the refused build", readTree(t, work.OutputDir), Tree{})
	}
}

func builderBadSettings(t T, r *builderRun) {
	run, b := r.ready(t)
	info, err := run.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	if len(info.OverlaySchema) == 0 {
		t.Fatalf("the builder has no schema of an overlay's settings")
	}
	for _, bad := range spoil(t, info.OverlaySchema, r.spec.Overlay) {
		found, err := b.Validate(patient(t), bad.settings)
		bad.judge(t, found, err)
		_, err = b.Build(patient(t), request(t, bad.settings), &Recorder{})
		wantCode(t, "Build with "+bad.what, err, sdk.CodeInvalid)
	}
}

// builderBuild leaves the stream's rules to the client, which fails a build that breaks them.
func builderBuild(t T, r *builderRun) {
	_, b := r.ready(t)
	result, tree := build(t, b, request(t, r.spec.Overlay))
	files, bytes := tree.Usage()
	if files == 0 {
		t.Errorf("the build left no file")
	}
	if result.Files != files || result.Bytes != bytes {
		t.Errorf("the result says %d files and %d bytes, the tree has %d and %d",
			result.Files, result.Bytes, files, bytes)
	}
	if result.Unchanged {
		t.Errorf("a first build says that nothing changed")
	}
}

func builderFit(t T, r *builderRun) {
	_, b := r.ready(t)
	_, tree := build(t, b, request(t, r.spec.Overlay))
	for _, problem := range tree.Unfit() {
		t.Errorf("%s", problem)
	}
}

func builderWritesInside(t T, r *builderRun) {
	_, b := r.ready(t)
	work := request(t, r.spec.Overlay)
	outside := filepath.Dir(work.OutputDir)
	before := readTree(t, outside)
	build(t, b, work)
	after := readTree(t, outside)
	maps.DeleteFunc(after, func(name string, _ Entry) bool { return strings.HasPrefix(name, "tree/") })
	for _, tree := range []Tree{before, after} {
		delete(tree, "tree") // the mode may change
	}
	sameTree(t, "beside the staging tree", after, before)
}

func builderSame(t T, r *builderRun) {
	if r.spec.Unstable {
		t.Skipf("this builder does not promise equal content")
	}
	_, b := r.ready(t)
	first, firstTree := build(t, b, request(t, r.spec.Overlay))
	work := request(t, r.spec.Overlay)
	work.OverlayID, work.BuildID = "overlay-2", "build-2"
	second, secondTree := build(t, b, work)
	sameTree(t, "a second build", secondTree, firstTree)
	if first.CacheKey != second.CacheKey {
		t.Errorf("cache keys differ: %q and %q", first.CacheKey, second.CacheKey)
	}
	if r.spec.Changed == nil {
		t.Logf("no changed settings were given: that the key changes with them is not checked")
		return
	}
	other, otherTree := build(t, b, request(t, r.spec.Changed))
	if first.CacheKey != "" && first.CacheKey == other.CacheKey {
		t.Errorf("other settings have the same cache key %q", other.CacheKey)
	}
	if maps.Equal(firstTree, otherTree) {
		t.Errorf("other settings gave the same content")
	}
}

func builderUnchanged(t T, r *builderRun) {
	_, b := r.ready(t)
	work := request(t, r.spec.Overlay)
	first, tree := build(t, b, work)
	work.BuildID, work.PreviousAnnotations = "build-2", first.Annotations
	second, again := build(t, b, work)
	if second.Unchanged || !r.spec.Unstable {
		sameTree(t, "after the rebuild", again, tree)
	}
	if r.spec.Changed == nil {
		return
	}
	work.BuildID, work.Settings, work.PreviousAnnotations = "build-3", r.spec.Changed, second.Annotations
	third, _ := build(t, b, work)
	if third.Unchanged {
		t.Errorf("a rebuild with changed settings says that nothing changed")
	}
}

func builderForget(t T, r *builderRun) {
	_, b := r.ready(t)
	build(t, b, request(t, r.spec.Overlay))
	for _, id := range []string{"overlay-1", "overlay-1", "never-built"} {
		if err := b.Forget(patient(t), id); err != nil {
			t.Errorf("Forget(%q): %v", id, err)
		}
	}
	build(t, b, request(t, r.spec.Overlay))
}

func builderPlan(t T, r *builderRun) {
	run, b := r.ready(t)
	info, err := run.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	input := builder.PlanRequest{OverlayID: "overlay-1", Settings: r.spec.Overlay}
	plan, err := b.Plan(patient(t), input)
	if !slices.Contains(info.Capabilities, builder.CapabilityPlan) {
		if !errors.Is(err, builder.ErrNoPlan) {
			t.Errorf("Plan without the capability %q gave %v", builder.CapabilityPlan, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	result, _ := build(t, b, request(t, r.spec.Overlay))
	if plan.CacheKey != "" && !r.spec.Unstable && plan.CacheKey != result.CacheKey {
		t.Errorf("Plan promised the cache key %q, Build gave %q", plan.CacheKey, result.CacheKey)
	}
}
