package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// insert opens a database as SourceMod does, with the real SQLite, and adds a row.
const insert = `python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=" + sys.argv[2])
db.execute("CREATE TABLE IF NOT EXISTS cookies (who TEXT, value TEXT)")
db.execute("BEGIN IMMEDIATE")
db.execute("INSERT INTO cookies VALUES (?, ?)", (sys.argv[3], "x" * 9000))
db.execute("COMMIT")
assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
print(db.execute("SELECT group_concat(who) FROM cookies").fetchone()[0])
' `

// SourceMod's databases and logs lie in the overlay, made by the builder's user, and are written by the game's: in both
// journal modes, over restarts of the server, and never into the revision.
func TestSourceModWritesItsDatabases(t *testing.T) {
	mounttest.NeedRoot(t)
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3, which brings SQLite, is not here")
	}
	root := content(t)
	p := sdktest.Start(t, *command(), sdk.KindMounter)
	sdktest.Configure(t, p.Conn, threeUsers(root))
	m := mounter.NewClient(p.Conn)
	s, err := m.Stage(t.Context(), "b1", mounter.Layer{})
	if err != nil {
		t.Fatal(err)
	}
	const data = "addons/sourcemod/data/sqlite"
	as(t, stagingID, s.Path, "mkdir -p "+data+" addons/sourcemod/logs; "+insert+data+"/delete.sq3 DELETE builder; "+
		insert+data+"/wal.sq3 WAL builder; echo first > addons/sourcemod/logs/errors.log; chmod 600 "+data+"/*.sq3")
	layer := mounter.Layer{Overlay: "sourcemod", Revision: "r1"}
	if _, err := m.Commit(t.Context(), mounter.CommitRequest{Build: "b1", Target: layer}); err != nil {
		t.Fatal(err)
	}
	before := snapshotOf(t, filepath.Join(root, "overlays", "sourcemod", "r1"))
	for _, who := range []string{"monday", "tuesday"} {
		mount, _, err := m.Mount(t.Context(), "alpha", []mounter.Layer{layer})
		if err != nil {
			t.Fatal(err)
		}
		as(t, gameID, mount.Path, insert+data+"/delete.sq3 DELETE "+who+"; "+insert+data+"/wal.sq3 WAL "+who+
			"; echo "+who+" >> addons/sourcemod/logs/errors.log; echo x > addons/sourcemod/logs/L_"+who+".log; chmod 640 "+data+"/delete.sq3")
		if _, err := m.Unmount(t.Context(), "alpha", false); err != nil {
			t.Fatal(err)
		}
	}
	mount, _, err := m.Mount(t.Context(), "alpha", []mounter.Layer{layer})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"delete.sq3 DELETE", "wal.sq3 WAL"} {
		as(t, gameID, mount.Path, "test \"$("+insert+data+"/"+name+" last)\" = builder,monday,tuesday,last")
	}
	as(t, gameID, mount.Path, `test "$(cat addons/sourcemod/logs/errors.log)" = "first
monday
tuesday"; rm addons/sourcemod/logs/errors.log; mv `+data+"/delete.sq3 "+data+"/old.sq3")
	if after := snapshotOf(t, filepath.Join(root, "overlays", "sourcemod", "r1")); after != before {
		t.Errorf("the revision changed:\n%s\nwas:\n%s", after, before)
	}
}

// snapshotOf describes every file of a tree: name, mode, owner and content.
func snapshotOf(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-euc", `find . -printf "%p %m %U:%G %s %T@\n" | sort; find . -type f | sort | xargs sha256sum`)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
