package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

func openAt(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newDB(t *testing.T) *sqlite.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "agent.db"))
}

// refused fails unless err is a fault for a person: code, a sentence that contains say, and a next step.
func refused(t *testing.T, err error, code fault.Code, say string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || !strings.Contains(f.Message, say) || f.Hint == "" {
		t.Errorf("got %v (%+v), want %s with %q and a hint", err, f, code, say)
	}
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// Shows S12.
func TestFilesAreNotForOthers(t *testing.T) {
	old := syscall.Umask(0) // the worst one
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "a", "state?with#odd %41 name")
	path := filepath.Join(dir, "agent.db")
	db := openAt(t, path)
	if err := db.AddEvent(t.Context(), event.Event{Kind: "test"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		if mode := modeOf(t, name); mode&^0o640 != 0 {
			t.Errorf("%s has mode %o", filepath.Base(name), mode)
		}
	}
	if mode := modeOf(t, dir); mode != 0o700 {
		t.Errorf("the directory has mode %o", mode)
	}
}

// Shows S12.
func TestModesAreCorrectedButNotWidened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o666, path + "-wal": 0o644, path + "-shm": 0o600} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	crashed := copyFiles(t, path)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, crashed)
	for name, want := range map[string]os.FileMode{"": 0o640, "-wal": 0o640, "-shm": 0o600} {
		if got := modeOf(t, crashed+name); got != want {
			t.Errorf("agent.db%s: %o, want %o", name, got, want)
		}
	}
}

// copyFiles copies the database as a crash would leave it, with sidecars and modes.
func copyFiles(t *testing.T, path string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "agent.db")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(path + suffix)
		if err == nil {
			err = errors.Join(os.WriteFile(target+suffix, data, 0o600), os.Chmod(target+suffix, modeOf(t, path+suffix)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return target
}

func TestTwoAgentsOnOneState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.db")
	first, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	refused(t, err, fault.Unavailable, "Another agent (process ")
	if err := first.AddEvent(t.Context(), event.Event{Kind: "test"}); err != nil {
		t.Errorf("the first one suffered: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
}

func TestWhatIsNoDatabaseOfOurs(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"is damaged":         func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("not a database ", 100)), 0o600) },
		"not a regular file": func(p string) error { return os.Symlink("/etc/hostname", p) },
		"not a regular":      func(p string) error { return os.Mkdir(p, 0o700) },
	} {
		path := filepath.Join(t.TempDir(), "agent.db")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		_, err := sqlite.Open(t.Context(), path)
		refused(t, err, fault.Unavailable, name)
	}
}

func TestDatabaseOfAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec(t.Context(), `PRAGMA application_id = 7`), db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	refused(t, err, fault.Unavailable, "another program")
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2_000 {
		if err := db.AddEvent(t.Context(), event.Event{Kind: "test", Message: strings.Repeat("x", 100)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := []byte(strings.Repeat("\xee", int(info.Size())-64<<10))
	if _, err = file.WriteAt(junk, 64<<10); errors.Join(err, file.Close()) != nil {
		t.Fatal(err)
	}
	if db, err = sqlite.Open(t.Context(), path); err == nil { // the pages it reads may be fine
		_, err = db.Events(t.Context(), event.Filter{})
		defer db.Close()
	}
	refused(t, err, fault.Unavailable, "is damaged")
}

func TestReadersCannotWrite(t *testing.T) {
	db := newDB(t)
	refused(t, db.ReadOnlyExec(t.Context(), `DELETE FROM events`), fault.Unavailable, "cannot be written")
}

func TestUpdateRollsBack(t *testing.T) {
	db := newDB(t)
	boom := errors.New("boom")
	add := func(tx *sqlite.Tx) error {
		_, _, err := tx.AddJob(t.Context(), job.Spec{Kind: "k", Subject: "s"})
		return err
	}
	if err := db.Update(t.Context(), func(tx *sqlite.Tx) error { return errors.Join(add(tx), boom) }); !errors.Is(err, boom) {
		t.Error(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Update(t.Context(), func(tx *sqlite.Tx) error { _ = add(tx); panic("boom") })
	}()
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *sqlite.Tx) error { defer cancel(); return add(tx) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before the commit: %v", err)
	}
	if err := db.Update(ctx, add); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before the start: %v", err)
	}
	if jobs, err := db.Jobs(t.Context(), job.Filter{}); err != nil || len(jobs) != 0 {
		t.Errorf("%d jobs are left, %v", len(jobs), err)
	}
	if err := db.Update(t.Context(), add); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestViewSeesOneState(t *testing.T) {
	db := newDB(t)
	add := func() {
		if err := db.AddEvent(t.Context(), event.Event{Kind: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	add()
	err := db.View(t.Context(), func(tx *sqlite.Tx) error {
		before, err := tx.LastEvent(t.Context())
		if err != nil {
			return err
		}
		add()
		if after, err := tx.LastEvent(t.Context()); err != nil || after != before {
			t.Errorf("the state moved from %d to %d, %v", before, after, err)
		}
		return nil
	})
	if last, _ := db.LastEvent(t.Context()); err != nil || last != 2 {
		t.Errorf("last event %d, %v", last, err)
	}
}
