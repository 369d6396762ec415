package sqlite_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// nobody is a user that owns nothing.
const nobody = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a file system, or becomes another user")
	}
}

// tmpfs mounts one of the given size that is gone after the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "size="+size); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := tmpfs(t, "2m")
	db := openAt(t, filepath.Join(dir, "agent.db"))
	big := event.Event{Kind: "big", Subject: "s", Message: strings.Repeat("x", 100<<10)}
	var err error
	written := 0
	for ; err == nil; written++ {
		err = db.AddEvent(t.Context(), big)
	}
	refused(t, err, fault.Unavailable, "is full")
	if events, err := db.Events(t.Context(), event.Filter{}); err != nil || len(events) != written-1 {
		t.Errorf("%d events of %d can be read, %v", len(events), written-1, err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if err := db.AddEvent(t.Context(), big); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestFullDiskAtTheStart(t *testing.T) {
	dir := tmpfs(t, "64k")
	_, err := sqlite.Open(t.Context(), filepath.Join(dir, "agent.db"))
	f, ok := fault.Of(err)
	if !ok || f.Code != fault.Unavailable || f.Hint == "" {
		t.Errorf("%v", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := tmpfs(t, "2m")
	path := filepath.Join(dir, "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	refused(t, err, fault.Unavailable, "cannot be written")
	_, err = sqlite.Open(t.Context(), filepath.Join(dir, "new", "agent.db"))
	refused(t, err, fault.Unavailable, "cannot be made")
}

// TestOtherUser opens, as nobody, a database that root left, in a process of its own (S12).
func TestOtherUser(t *testing.T) {
	if path := os.Getenv("LEFT4ME_TEST_OTHER_USER"); path != "" {
		_, err := sqlite.Open(t.Context(), path)
		refused(t, err, fault.Unavailable, os.Getenv("LEFT4ME_TEST_SAYS"))
		return
	}
	needRoot(t)
	// A path that nobody can enter: the test's own directory is root's.
	dir, err := os.MkdirTemp("/var/tmp", "left4me-other-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary := filepath.Join(dir, "test")
	data, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = errors.Join(os.WriteFile(binary, data, 0o755), os.Chmod(dir, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string][]string{
		"agent.db cannot be written":     {"", "agent.db.lock"},
		"agent.db-wal cannot be written": {"", "agent.db.lock", "agent.db", "agent.db-shm"},
		"agent.db.lock":                  {"", "agent.db"},
	} {
		state := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"agent.db", "agent.db-wal", "agent.db-shm", "agent.db.lock"} {
			if err := os.WriteFile(filepath.Join(state, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range own {
			if err := os.Chown(filepath.Join(state, file), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), binary, "-test.run=^TestOtherUser$")
		cmd.Dir = dir
		cmd.Env = []string{"LEFT4ME_TEST_OTHER_USER=" + filepath.Join(state, "agent.db"), "LEFT4ME_TEST_SAYS=" + name}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
