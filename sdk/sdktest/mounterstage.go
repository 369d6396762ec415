package sdktest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func mounterBeforeConfigure(t T, r *mounterRun) {
	m := mounter.NewClient(r.way.start(t, t.TempDir()).conn)
	_, err := m.Probe(patient(t))
	wantCode(t, "Probe before Configure", err, sdk.CodePrecondition)
}

func mounterProbe(t T, r *mounterRun) {
	b := r.ready(t)
	probe, err := b.Probe(b.ctx())
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	if probe.Filesystem == "" || probe.MaxLayers < 2 {
		t.Errorf("the probe says little: %+v", probe)
	}
}

// badIDs are what an id never is.
func badIDs() []string {
	return []string{
		"", ".", "..", "../x", "a/b", "/etc", "-a", "A", "a_b", "a b", "a\x00", "a\n", "é", strings.Repeat("a", 65),
	}
}

func mounterBadIDs(t T, r *mounterRun) {
	b := r.ready(t)
	good := b.commit("overlay-1", mounter.Layer{}, map[string]any{"f": "x"})
	before := readTree(t, b.dir)
	for _, id := range badIDs() {
		calls := map[string]error{}
		_, calls["Stage"] = b.Stage(b.ctx(), id, mounter.Layer{})
		if id != "" {
			_, calls["Stage over"] = b.Stage(b.ctx(), "build-x", mounter.Layer{Overlay: id, Revision: "r"})
		}
		_, calls["Commit"] = b.Commit(b.ctx(), mounter.CommitRequest{Build: id, Target: good})
		_, calls["Commit to"] = b.Commit(b.ctx(), mounter.CommitRequest{Build: "b", Target: mounter.Layer{Release: id}})
		_, calls["Discard"] = b.Discard(b.ctx(), id)
		_, _, calls["Mount"] = b.Mount(b.ctx(), id, []mounter.Layer{good})
		_, _, calls["Mount of"] = b.Mount(b.ctx(), "s", []mounter.Layer{{Overlay: "overlay-1", Revision: id}})
		_, calls["Unmount"] = b.Unmount(b.ctx(), id, false)
		calls["WriteFiles"] = b.WriteFiles(b.ctx(), id, []mounter.File{{Path: "f"}})
		calls["Diff"] = b.Diff(b.ctx(), id, "", "r", func(mounter.Change) error { return nil })
		_, calls["Usage"] = b.Usage(b.ctx(), mounter.Ref{Layer: mounter.Layer{Overlay: id, Revision: "r"}})
		_, calls["Remove"] = b.Remove(b.ctx(), mounter.Ref{Layer: mounter.Layer{Overlay: "o", Revision: id}}, false)
		for call, err := range calls {
			if sdk.CodeOf(err) != sdk.CodeInvalid {
				t.Errorf("%s with the id %q gave %q (%v), want invalid", call, id, sdk.CodeOf(err), err)
			}
		}
	}
	sameTree(t, "after malformed ids", readTree(t, b.dir), before)
}

func mounterStage(t T, r *mounterRun) {
	b := r.ready(t)
	base := b.commit("overlay-1", mounter.Layer{}, map[string]any{"a/b": "old"})
	first, err := b.Stage(b.ctx(), "build-a", base)
	if err != nil || first.Resumed {
		t.Fatalf("Stage: %+v, %v", first, err)
	}
	b.wantContent("staged over a base", first.Path, map[string]string{"a/b": "old"})
	b.write(first.Path, map[string]any{"new": "x"})
	again, err := b.Stage(b.ctx(), "build-a", base)
	if err != nil || !again.Resumed || again.Path != first.Path {
		t.Errorf("Stage again: %+v, %v", again, err)
	}
	b.wantContent("staged again", again.Path, map[string]string{"a/b": "old", "new": "x"})
	_, err = b.Stage(b.ctx(), "build-a", mounter.Layer{})
	wantCode(t, "Stage from another base", err, sdk.CodeConflict)
	_, err = b.Stage(b.ctx(), "build-b", mounter.Layer{Overlay: "overlay-1", Revision: "absent"})
	wantCode(t, "Stage from an absent base", err, sdk.CodeNotFound)
}

func mounterCommit(t T, r *mounterRun) {
	b := r.ready(t)
	target := mounter.Layer{Overlay: "overlay-1", Revision: "rev-a"}
	request := mounter.CommitRequest{Build: b.stage(mounter.Layer{}, map[string]any{"f": "text"}), Target: target}
	first, err := b.Commit(b.ctx(), request)
	if err != nil || first.Existed {
		t.Fatalf("Commit: %+v, %v", first, err)
	}
	if first.Usage.Files != 1 || first.Usage.Bytes != 4 || first.Added != 1 {
		t.Errorf("Commit counted %+v", first)
	}
	again, err := b.Commit(b.ctx(), request)
	if err != nil || !again.Existed || again.Usage != first.Usage {
		t.Errorf("Commit again: %+v, %v", again, err)
	}
	other := mounter.CommitRequest{Build: b.stage(mounter.Layer{}, map[string]any{"g": "x"}), Target: target}
	_, err = b.Commit(b.ctx(), other)
	wantCode(t, "Commit of another build to the same target", err, sdk.CodeConflict)
	_, err = b.Commit(b.ctx(), mounter.CommitRequest{Build: "never-staged", Target: mounter.Layer{Release: "r"}})
	wantCode(t, "Commit of a build that was not staged", err, sdk.CodeNotFound)
	b.wantContent("the committed revision", b.mount("server-1", target), map[string]string{"f": "text"})
}

func mounterCommitCounts(t T, r *mounterRun) {
	b := r.ready(t)
	base := b.commit("overlay-1", mounter.Layer{}, map[string]any{"keep": "k", "change": "c", "remove": "r", "d/x": "x"})
	build := b.stage(base, map[string]any{"change": "changed", "remove": nil, "d": nil, "add": "a", "add2": "a"})
	target := mounter.Layer{Overlay: "overlay-1", Revision: "rev-b"}
	commit, err := b.Commit(b.ctx(), mounter.CommitRequest{Build: build, Target: target})
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if commit.Added != 2 || commit.Changed != 1 || commit.Removed != 2 {
		t.Errorf("added %d, changed %d, removed %d, want 2, 1, 2", commit.Added, commit.Changed, commit.Removed)
	}
	b.wantContent("the new revision", b.mount("server-1", target),
		map[string]string{"keep": "k", "change": "changed", "add": "a", "add2": "a"})
	b.wantContent("the old revision", b.mount("server-2", base),
		map[string]string{"keep": "k", "change": "c", "remove": "r", "d/x": "x"})
}

func mounterAdmission(t T, r *mounterRun) {
	b := r.ready(t)
	for what, spoil := range map[string]func(dir string) error{
		"a link to /etc":      func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "bad")) },
		"a link to ../..":     func(dir string) error { return os.Symlink("../../x", filepath.Join(dir, "bad")) },
		"a pipe":              func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "bad"), 0o644) },
		"a setuid file":       func(dir string) error { return os.Chmod(filepath.Join(dir, "good"), 0o755|os.ModeSetuid) },
		"a name out of UTF-8": func(dir string) error { return os.WriteFile(filepath.Join(dir, "bad\xff"), nil, 0o644) },
	} {
		build := b.id("build")
		staging, err := b.Stage(b.ctx(), build, mounter.Layer{})
		if err != nil {
			t.Fatalf("Stage: %v", err)
		}
		b.write(staging.Path, map[string]any{"good": "g"})
		if err := spoil(b.path(staging.Path)); err != nil {
			t.Fatalf("prepare %s: %v", what, err)
		}
		target := mounter.Layer{Overlay: "overlay-1", Revision: b.id("rev")}
		commit, err := b.Commit(b.ctx(), mounter.CommitRequest{Build: build, Target: target})
		if err != nil {
			wantCode(t, "Commit of "+what, err, sdk.CodeInvalid)
			if again, err := b.Stage(b.ctx(), build, mounter.Layer{}); err != nil || !again.Resumed {
				t.Errorf("after the refused commit of %s the tree is gone: %v", what, err)
			}
			continue
		}
		if len(commit.Notes) == 0 {
			t.Errorf("Commit of %s mended without a note", what)
		}
		server := b.id("server")
		for _, problem := range readTree(t, b.path(b.mount(server, target))).Unfit() {
			t.Errorf("Commit of %s: %s", what, problem)
		}
		b.unmount(server)
	}
}

func mounterCommitLimits(t T, r *mounterRun) {
	b := r.ready(t)
	build := b.stage(mounter.Layer{}, map[string]any{"a": "12345", "b": "67890"})
	request := mounter.CommitRequest{Build: build, Target: mounter.Layer{Release: "rel-a"}, MaxBytes: 9}
	_, err := b.Commit(b.ctx(), request)
	wantCode(t, "Commit past its limit of bytes", err, sdk.CodeInvalid)
	request.MaxBytes, request.MaxFiles = 0, 1
	_, err = b.Commit(b.ctx(), request)
	wantCode(t, "Commit past its limit of files", err, sdk.CodeInvalid)
	request.MaxBytes, request.MaxFiles = 10, 2
	if _, err := b.Commit(b.ctx(), request); err != nil {
		t.Errorf("Commit within its limits, after refusals: %v", err)
	}
}

func mounterDiscard(t T, r *mounterRun) {
	b := r.ready(t)
	base := b.commit("overlay-1", mounter.Layer{}, map[string]any{"f": "x"})
	build := b.stage(base, map[string]any{"f": nil, "deep/er/g": "x"})
	for i, want := range []bool{true, false} {
		if existed, err := b.Discard(b.ctx(), build); err != nil || existed != want {
			t.Errorf("Discard %d: existed %t, %v", i+1, existed, err)
		}
	}
	b.wantContent("the base of a discarded build", b.mount("server-1", base), map[string]string{"f": "x"})
}
