package kernel_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/kernel"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func TestMain(m *testing.M) { mounttest.Main(m) }

// The users of the tests: who builds, who plays.
const (
	stagingID = 64001
	gameID    = 64002
)

// world is a mounter with a content tree.
type world struct {
	*kernel.Mounter
	t    testing.TB
	root string
	json map[string]any
}

// newWorld makes a mounter over an empty tree: with three users as root, with one in a user namespace.
func newWorld(t testing.TB) *world {
	t.Helper()
	root := filepath.Join(t.TempDir(), "content")
	for dir := filepath.Dir(root); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // so that the other users get through
	}
	w := &world{t: t, root: root, json: map[string]any{"root": root}}
	if !mounttest.InUserNamespace() {
		w.json["owners"] = map[string]int{
			"staging_uid": stagingID, "staging_gid": stagingID, "game_uid": gameID, "game_gid": gameID,
		}
	}
	t.Cleanup(func() { endMounts(t, root) })
	w.restart()
	return w
}

// endMounts takes away all that is mounted below a directory.
func endMounts(t testing.TB, root string) {
	mounts, err := overlayfs.ReadMounts()
	if err != nil {
		t.Error(err)
	}
	for _, m := range slices.Backward(mounts) {
		if strings.HasPrefix(m.Point, root+"/") {
			if err := unix.Unmount(m.Point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
				t.Error("unmount", m.Point, err)
			}
		}
	}
}

// restart configures a new mounter over the same tree, as a new process would.
func (w *world) restart() {
	w.t.Helper()
	w.Mounter = newUnconfigured()
	diagnostics, err := w.Configure(w.t.Context(), w.settings())
	if err != nil || len(diagnostics) > 0 {
		w.t.Fatalf("configure: %v %+v", err, diagnostics)
	}
}

func (w *world) settings() sdk.Settings {
	data, err := json.Marshal(w.json)
	if err != nil {
		w.t.Fatal(err)
	}
	return sdk.Settings{JSON: data}
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.root}, parts...)...)
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func revision(overlay, id string) mounter.Layer { return mounter.Layer{Overlay: overlay, Revision: id} }

// build stages build over base, lets fill write into the tree as the builder, and commits.
func (w *world) build(id string, base, target mounter.Layer, fill func(dir string)) mounter.Commit {
	w.t.Helper()
	s := must(w.Stage(w.t.Context(), id, base))(w.t)
	asUser(w.t, stagingID, func() { fill(s.Path) })
	return must(w.Commit(w.t.Context(), mounter.CommitRequest{Build: id, Target: target}))(w.t)
}

// asUser runs do in a thread that has another file system user, and none of root's powers over files.
// In a user namespace there is only one user.
func asUser(t testing.TB, id int, do func()) {
	t.Helper()
	if mounttest.InUserNamespace() {
		do()
		return
	}
	done := make(chan error)
	go func() {
		done <- onThread(id, do)
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// onThread changes the thread's user and never gives the thread back.
func onThread(id int, do func()) error {
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return errno
	}
	for _, call := range []uintptr{unix.SYS_SETFSGID, unix.SYS_SETFSUID} {
		syscall.RawSyscall(call, uintptr(id), 0, 0)
	}
	var none [2]unix.CapUserData
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		return err
	}
	do()
	return nil
}

func write(t testing.TB, dir, name, data string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Error(err)
	}
}

func read(t testing.TB, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if errors.Is(err, os.ErrNotExist) {
		return "<absent>"
	}
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func wantCode(t testing.TB, err error, code sdk.Code, words ...string) {
	t.Helper()
	if sdk.CodeOf(err) != code {
		t.Fatalf("error is %v (%s), want code %s", err, sdk.CodeOf(err), code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func newUnconfigured() *kernel.Mounter {
	return kernel.New(config.Settings{}, hclog.NewNullLogger(), &sdk.HealthReporter{})
}

func contains(s, part string) bool { return strings.Contains(s, part) }
