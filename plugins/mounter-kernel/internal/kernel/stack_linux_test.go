package kernel_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// layers makes n one-file revisions, each under an overlay of its own, and a release below them.
func (w *world) layers(n int) []mounter.Layer {
	w.t.Helper()
	release := mounter.Layer{Release: "game"}
	w.build("build-game", mounter.Layer{}, release, func(dir string) { write(w.t, dir, "srcds_run", "game") })
	out := make([]mounter.Layer, 0, n)
	for i := range n - 1 {
		name := fmt.Sprintf("o%d", i)
		l := revision(name, "r1")
		w.build("build-"+name, mounter.Layer{}, l, func(dir string) {
			write(w.t, dir, "who", name)
			write(w.t, dir, name, name)
		})
		out = append(out, l)
	}
	return append(out, release)
}

// Shows S5.
func TestMountIsIdempotentAndFirstWins(t *testing.T) {
	w := newWorld(t)
	l := w.layers(3)
	first, existed, err := w.Mount(t.Context(), "alpha", l)
	if err != nil || existed {
		t.Fatal(existed, err)
	}
	if read(t, first.Path, "who") != "o0" || read(t, first.Path, "o1") != "o1" || read(t, first.Path, "srcds_run") != "game" {
		t.Error("the stack is not as asked")
	}
	w.restart() // a new process adopts what is mounted
	again, existed, err := w.Mount(t.Context(), "alpha", l)
	if err != nil || !existed {
		t.Fatal(existed, err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]mounter.Mount{first}, must(w.Mounts(t.Context()))(t)); diff != "" {
		t.Error(diff)
	}
	_, _, err = w.Mount(t.Context(), "alpha", []mounter.Layer{l[1], l[0], l[2]})
	wantCode(t, err, sdk.CodeConflict, `"alpha"`, "other layers")
	options := mountLine(t, first.Path)
	for _, want := range []string{"nosuid", "nodev", "left4me:alpha:" + first.Fingerprint} {
		if !strings.Contains(options, want) {
			t.Errorf("mountinfo %q lacks %q", options, want)
		}
	}
}

func mountLine(t testing.TB, path string) string {
	t.Helper()
	for line := range strings.SplitSeq(read(t, "/proc/self/mountinfo"), "\n") {
		if strings.Contains(line, " "+path+" ") {
			return line
		}
	}
	return ""
}

// Shows S5.
func TestMountRefusesBadStacks(t *testing.T) {
	w := newWorld(t)
	l := w.layers(2)
	for name, c := range map[string]struct {
		server string
		lowers []mounter.Layer
		code   sdk.Code
		words  string
	}{
		"none":      {"alpha", nil, sdk.CodeInvalid, "at least one"},
		"twice":     {"alpha", []mounter.Layer{l[0], l[0]}, sdk.CodeInvalid, "twice"},
		"absent":    {"alpha", []mounter.Layer{l[0], revision("o0", "r9"), l[1]}, sdk.CodeNotFound, `"r9"`},
		"release":   {"alpha", []mounter.Layer{{Release: "nothing"}}, sdk.CodeNotFound, `"nothing"`},
		"path":      {"alpha", []mounter.Layer{{Release: "../overlays/o0/r1"}}, sdk.CodeInvalid, ""},
		"both":      {"alpha", []mounter.Layer{{Overlay: "o0", Revision: "r1", Release: "game"}}, sdk.CodeInvalid, ""},
		"dot":       {"alpha", []mounter.Layer{{Overlay: ".", Revision: "o0"}}, sdk.CodeInvalid, ""},
		"server id": {"../alpha", l, sdk.CodeInvalid, ""},
		"too many":  {"alpha", make([]mounter.Layer, 129), sdk.CodeInvalid, "limit of 128"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.Mount(t.Context(), c.server, c.lowers)
			wantCode(t, err, c.code, c.words)
			if mounts := must(w.Mounts(t.Context()))(t); len(mounts) > 0 {
				t.Error("mounted:", mounts)
			}
		})
	}
}

func TestForeignMountsAreReportedAndLeftAlone(t *testing.T) {
	w := newWorld(t)
	l := w.layers(1)
	must(true, w.WriteFiles(t.Context(), "alpha", nil))(t)
	tree := w.path("servers/alpha/tree")
	if err := unix.Mount("stranger", tree, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.Mount(t.Context(), "alpha", l)
	wantCode(t, err, sdk.CodeConflict, "stranger", "tmpfs")
	for _, lazy := range []bool{false, true} {
		_, err = w.Unmount(t.Context(), "alpha", lazy)
		wantCode(t, err, sdk.CodePrecondition, "stranger")
	}
	wantCode(t, w.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "f"}}), sdk.CodePrecondition, "stranger")
	_, err = w.Remove(t.Context(), mounter.Ref{Server: "alpha"}, false)
	wantCode(t, err, sdk.CodePrecondition)
	mounts := must(w.Mounts(t.Context()))(t)
	want := []mounter.Mount{{Server: "alpha", Path: tree, Foreign: true}}
	if diff := cmp.Diff(want, mounts); diff != "" {
		t.Error(diff)
	}
}

// Uppers of fuse-overlayfs resurrected deleted files once (S5).
func TestTaintedUppersAreRefusedWithTheWayOut(t *testing.T) {
	w := newWorld(t)
	l := w.layers(1)
	marks := map[string]string{"user.fuseoverlayfs.opaque": "", "user.fuseoverlayfs.override_stat": "sub/deep"}
	if !sdkUserMarks(t, w) {
		marks["user.overlay.opaque"] = "sub"
	}
	for mark, where := range marks {
		t.Run(mark, func(t *testing.T) {
			dir := w.path("servers/alpha/upper", where)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setxattr(dir, mark, []byte("y"), 0); err != nil {
				t.Fatal(err)
			}
			_, _, err := w.Mount(t.Context(), "alpha", l)
			wantCode(t, err, sdk.CodePrecondition, mark)
			if fault, _ := errors.AsType[*sdk.Error](err); !strings.Contains(fault.Hint, "Reset") {
				t.Error("no way out in the hint:", fault.Hint)
			}
			if existed, err := w.Remove(t.Context(), mounter.Ref{Server: "alpha"}, true); !existed || err != nil {
				t.Fatal(existed, err)
			}
			must2(w.Mount(t.Context(), "alpha", l))(t)
			must(w.Unmount(t.Context(), "alpha", false))(t)
			must(w.Remove(t.Context(), mounter.Ref{Server: "alpha"}, false))(t)
		})
	}
}

func must2[A, B any](a A, _ B, err error) func(testing.TB) A { return must(a, err) }

func sdkUserMarks(t testing.TB, w *world) bool {
	return must(w.Probe(t.Context()))(t).Features["marks"] == "user.overlay"
}

// holder is a process of its own with a file of the tree open.
func holder(t testing.TB, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return cmd
}

func TestBusyUnmountNamesTheHolder(t *testing.T) {
	w := newWorld(t)
	l := w.layers(1)
	mount := must2(w.Mount(t.Context(), "alpha", l))(t)
	cmd := holder(t, mount.Path)
	_, err := w.Unmount(t.Context(), "alpha", false)
	wantCode(t, err, sdk.CodePrecondition, `"alpha"`, "cat", fmt.Sprint("process ", cmd.Process.Pid), "working directory")
	if read(t, mount.Path, "srcds_run") != "game" {
		t.Error("the tree is gone although it is busy")
	}
	if was, err := w.Unmount(t.Context(), "alpha", true); !was || err != nil {
		t.Fatal(was, err)
	}
	w.restart()
	_, _, err = w.Mount(t.Context(), "alpha", l)
	wantCode(t, err, sdk.CodePrecondition, "cat")
	_, err = w.Remove(t.Context(), mounter.Ref{Layer: l[0]}, false)
	wantCode(t, err, sdk.CodePrecondition)
	endHolder(t, cmd)
	must2(w.Mount(t.Context(), "alpha", l))(t)
}

func endHolder(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = cmd.Process.Wait()
}

func TestSomethingMountedInsideIsNamed(t *testing.T) {
	w := newWorld(t)
	mount := must2(w.Mount(t.Context(), "alpha", w.layers(1)))(t)
	inner := filepath.Join(mount.Path, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("x", inner, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	_, err := w.Unmount(t.Context(), "alpha", false)
	wantCode(t, err, sdk.CodePrecondition, inner, "mounted on it")
}

func TestRemoveRefusesWhatIsInUse(t *testing.T) {
	w := newWorld(t)
	l := w.layers(2)
	must2(w.Mount(t.Context(), "alpha", l))(t)
	_, err := w.Remove(t.Context(), mounter.Ref{Layer: l[0]}, false)
	wantCode(t, err, sdk.CodePrecondition, "o0/r1", `server "alpha"`)
	for _, reset := range []bool{false, true} {
		_, err = w.Remove(t.Context(), mounter.Ref{Server: "alpha"}, reset)
		wantCode(t, err, sdk.CodePrecondition, "mounted")
	}
	must(w.Unmount(t.Context(), "alpha", false))(t)
	must(w.Stage(t.Context(), "b", l[0]))(t)
	_, err = w.Remove(t.Context(), mounter.Ref{Layer: l[0]}, false)
	wantCode(t, err, sdk.CodePrecondition, `build "b"`)
	must(w.Remove(t.Context(), mounter.Ref{Build: "b"}, false))(t)
	for i, want := range []bool{true, false} {
		if existed, err := w.Remove(t.Context(), mounter.Ref{Layer: l[0]}, false); err != nil || existed != want {
			t.Error(i, existed, err)
		}
	}
	if _, err := os.Stat(w.path("overlays/o0")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an overlay without revisions keeps its directory:", err)
	}
	_, err = w.Usage(t.Context(), mounter.Ref{Layer: l[0]})
	wantCode(t, err, sdk.CodeNotFound)
	// A directory that was left over does not come in the way of a new revision.
	must(w.Remove(t.Context(), mounter.Ref{Server: "alpha"}, false))(t)
	var refs []mounter.Ref
	must(true, w.List(t.Context(), func(r mounter.Ref) error { refs = append(refs, r); return nil }))(t)
	if diff := cmp.Diff([]mounter.Ref{{Layer: mounter.Layer{Release: "game"}}}, refs); diff != "" {
		t.Error(diff)
	}
}
