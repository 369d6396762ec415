package sqlite_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// An operator looked into the database with another program while the agent ran. It found no lock, took the
// database for one that nobody uses and cut its -shm file, and the agent's next write failed with an I/O error:
// setting the mode of the files had opened and closed them, which gives up all locks that a process has on them.
func TestOpenDatabaseIsLockedForOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.AddEvent(t.Context(), event.Event{Kind: "kept", Subject: "s"}); err != nil {
		t.Fatal(err)
	}
	shm, err := os.OpenFile(path+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer shm.Close()
	// Everybody who has the database open holds a shared lock on byte 128 (UNIX_SHM_DMS of SQLite's os_unix.c). A
	// lock of an open file, as asked for here, is another owner than the process.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 128, Len: 1}
	if err := unix.FcntlFlock(shm.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if lock.Type != unix.F_RDLCK {
		t.Errorf("the lock that says that the database is in use is of type %d, want %d", lock.Type, unix.F_RDLCK)
	}
}
