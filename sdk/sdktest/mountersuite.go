package sdktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// MounterSpec is what [RunMounter] needs to know. The suite writes into staging trees and reads
// mounted trees itself, so the mounter must run in the test's mount namespace.
type MounterSpec struct {
	Subject
	// Unwrap maps a path that the mounter reported to where the test finds it. Nil means as it is.
	Unwrap func(path string) string
}

// RunMounter runs every check of a mounter. What a check left, mounted or not, is removed through the
// mounter when the check ends, and it is an error if that fails.
func RunMounter(t *testing.T, spec MounterSpec) {
	t.Helper()
	runChecks(t, spec.Subject, sdk.KindMounter, mounterChecks(),
		func(w way) *mounterRun { return &mounterRun{way: w, spec: spec} })
}

// mounterRun is what a check of a mounter works with.
type mounterRun struct {
	way
	spec MounterSpec
	ids  atomic.Int64
}

func mounterChecks() []check[*mounterRun] {
	checks := append(processChecks[*mounterRun](), baseChecks[*mounterRun]()...)
	return append(checks, []check[*mounterRun]{
		{"C23", "a call before Configure is refused", mounterBeforeConfigure},
		{"C60", "probe says what it can", mounterProbe},
		{"C64", "malformed ids are invalid everywhere", mounterBadIDs},
		{"C80", "stage is idempotent", mounterStage},
		{"C81", "commit is idempotent and final", mounterCommit},
		{"C82", "commit compares with the base", mounterCommitCounts},
		{"C83", "commit refuses or mends unfit content", mounterAdmission},
		{"C84", "commit honours limits and keeps the tree", mounterCommitLimits},
		{"C85", "discard is idempotent", mounterDiscard},
		{"C61", "mount shows the stack, highest first", mounterMount},
		{"C62", "mount is idempotent and refuses another stack", mounterMountTwice},
		{"C63", "unmount is idempotent", mounterUnmount},
		{"C65", "odd names of files and directories", mounterOddNames},
		{"C66", "a game may do anything to its tree, and layers stay", mounterWrite},
		{"C67", "what a game wrote outlives the mount", mounterUpper},
		{"C68", "a busy tree is not unmounted", mounterBusy},
		{"C69", "killed, a new process finds the mounts", mounterRestart},
		{"C70", "drained and ended, its mounts stay", mounterEnds},
		{"C71", "many layers, and one too many", mounterLayers},
		{"C74", "twenty servers at once", mounterParallel},
		{"C76", "canceled or killed in a mount, then mount", mounterInterrupted},
		{"C77", "nothing stays mounted that was unmounted", mounterLeavesNothing},
		{"C86", "write files", mounterWriteFiles},
		{"C87", "watch reports present, then changes", mounterWatch},
		{"C88", "diff", mounterDiff},
		{"C89", "list and usage", mounterList},
		{"C90", "remove, and not while in use", mounterRemove},
		{"C91", "reset of a server", mounterReset},
		{"C92", "read files and directories of a layer", mounterBrowse},
		{"C93", "what a server wrote and deleted is shown, and nothing in it is followed", mounterUpperBrowse},
		{"C94", "a path of an upper is reset, and not while mounted", mounterRemovePath},
	}...)
}

// bench is a started mounter with helpers that make content.
type bench struct {
	T
	*running
	mounter.Mounter
	run *mounterRun
}

// ready starts and configures the mounter in a directory of its own.
func (r *mounterRun) ready(t T) *bench {
	t.Helper()
	return r.readyIn(t, t.TempDir())
}

func (r *mounterRun) readyIn(t T, dir string) *bench {
	t.Helper()
	run := r.way.ready(t, dir)
	b := &bench{T: t, running: run, Mounter: mounter.NewClient(run.conn), run: r}
	t.Cleanup(b.clean)
	return b
}

// clean removes all content, mounts first.
func (b *bench) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := b.base.Info(ctx); err != nil {
		return // killed by the check; the next process cleans up
	}
	mounts, err := b.Mounts(ctx)
	if sdk.CodeOf(err) == sdk.CodeUnavailable || sdk.CodeOf(err) == sdk.CodePrecondition {
		return // drained or never configured
	}
	if err != nil {
		b.Errorf("clean up: list mounts: %v", err)
	}
	for _, mount := range mounts {
		if _, err := b.Unmount(ctx, mount.Server, true); err != nil {
			b.Errorf("clean up: unmount %s: %v", mount.Server, err)
		}
	}
	for _, ref := range b.list(ctx) {
		if _, err := b.Remove(ctx, ref, false); err != nil {
			b.Errorf("clean up: remove %+v: %v", ref, err)
		}
	}
	if rest := b.list(ctx); len(rest) > 0 {
		b.Errorf("clean up: still there: %+v", rest)
	}
}

func (b *bench) list(ctx context.Context) []mounter.Ref {
	b.Helper()
	var refs []mounter.Ref
	err := b.List(ctx, func(ref mounter.Ref) error {
		refs = append(refs, ref)
		return nil
	})
	if err != nil {
		b.Errorf("List: %v", err)
	}
	return refs
}

// ctx is for one call.
func (b *bench) ctx() context.Context { return patient(b.T) }

// id returns an id that was not used before.
func (b *bench) id(prefix string) string { return fmt.Sprintf("%s-%d", prefix, b.run.ids.Add(1)) }

// path returns where the test finds a path of the mounter.
func (b *bench) path(path string) string {
	if b.run.spec.Unwrap != nil {
		return b.run.spec.Unwrap(path)
	}
	return path
}

// write writes files below dir, after removing those whose value is nil.
func (b *bench) write(dir string, files map[string]any) {
	b.Helper()
	var failed error
	for name, content := range files {
		if content == nil {
			failed = errors.Join(failed, os.RemoveAll(filepath.Join(b.path(dir), name)))
		}
	}
	for name, content := range files {
		full := filepath.Join(b.path(dir), name)
		switch text := content.(type) {
		case symlink:
			failed = errors.Join(failed, os.MkdirAll(filepath.Dir(full), 0o755), os.Symlink(string(text), full))
		case string:
			failed = errors.Join(failed, os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644))
		}
	}
	if failed != nil {
		b.Fatalf("prepare %s: %v", dir, failed)
	}
}

// symlink is the target of a link that write makes.
type symlink string

// stage stages a build over base and writes files into it.
func (b *bench) stage(base mounter.Layer, files map[string]any) (build string) {
	b.Helper()
	build = b.id("build")
	staging, err := b.Stage(b.ctx(), build, base)
	if err != nil {
		b.Fatalf("Stage: %v", err)
	}
	b.write(staging.Path, files)
	return build
}

// commit makes a new revision of overlay from base and files.
func (b *bench) commit(overlay string, base mounter.Layer, files map[string]any) mounter.Layer {
	b.Helper()
	target := mounter.Layer{Overlay: overlay, Revision: b.id("rev")}
	_, err := b.Commit(b.ctx(), mounter.CommitRequest{Build: b.stage(base, files), Target: target})
	if err != nil {
		b.Fatalf("Commit: %v", err)
	}
	return target
}

// release makes a new release from files.
func (b *bench) release(files map[string]any) mounter.Layer {
	b.Helper()
	target := mounter.Layer{Release: b.id("release")}
	_, err := b.Commit(b.ctx(), mounter.CommitRequest{Build: b.stage(mounter.Layer{}, files), Target: target})
	if err != nil {
		b.Fatalf("Commit: %v", err)
	}
	return target
}

// mount mounts a server that must not be mounted.
func (b *bench) mount(server string, lowers ...mounter.Layer) string {
	b.Helper()
	mount, existed, err := b.Mount(b.ctx(), server, lowers)
	if err != nil || existed {
		b.Fatalf("Mount: existed %t, %v", existed, err)
	}
	return mount.Path
}

// unmount unmounts a server that must be mounted.
func (b *bench) unmount(server string) {
	b.Helper()
	if was, err := b.Unmount(b.ctx(), server, false); err != nil || !was {
		b.Fatalf("Unmount: was mounted %t, %v", was, err)
	}
}

// content returns the text of every regular file below dir.
func (b *bench) content(dir string) map[string]string {
	b.Helper()
	out := map[string]string{}
	for name, entry := range readTree(b.T, b.path(dir)) {
		if !entry.Mode.IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(b.path(dir), name))
		if err != nil {
			b.Fatalf("read: %v", err)
		}
		out[name] = string(text)
	}
	return out
}

// wantContent fails the check unless dir holds exactly these files.
func (b *bench) wantContent(what, dir string, want map[string]string) {
	b.Helper()
	got := b.content(dir)
	for name, text := range want {
		if got[name] != text {
			b.Errorf("%s: %s holds %q, want %q", what, name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			b.Errorf("%s: %s should not be there", what, name)
		}
	}
}

// servers returns the ids of all mounts.
func (b *bench) servers() []string {
	b.Helper()
	mounts, err := b.Mounts(b.ctx())
	if err != nil {
		b.Fatalf("Mounts: %v", err)
	}
	var ids []string
	for _, mount := range mounts {
		ids = append(ids, mount.Server)
	}
	return slices.Clip(ids)
}
