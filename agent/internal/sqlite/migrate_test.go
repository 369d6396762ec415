package sqlite_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// with returns the migrations of this version and more, by name.
func with(t *testing.T, more map[string]string) fs.FS {
	t.Helper()
	embedded, err := sqlite.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	names, err := fs.Glob(embedded, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d migrations, %v", len(names), err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: data}
	}
	for name, text := range more {
		out[name+".tx.up.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// filled makes a database of this version with one event in it.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AddEvent(t.Context(), event.Event{Kind: "kept", Subject: "s"}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// stillWorks opens path with this version's schema and looks for the event of filled.
func stillWorks(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db := openAt(t, path)
	events, err := db.Events(t.Context(), event.Filter{})
	if err != nil || len(events) != 1 || events[0].Kind != "kept" {
		t.Errorf("events %+v, %v", events, err)
	}
	return db
}

func copies(t *testing.T, path string) []string {
	t.Helper()
	found, err := filepath.Glob(path + ".before-*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Shows S2.
func TestUpgradeKeepsACopy(t *testing.T) {
	path := filled(t)
	if got := copies(t, path); len(got) != 0 {
		t.Errorf("copies of a new database: %v", got)
	}
	steps := map[string]string{}
	for _, name := range []string{"8001_a", "8002_b", "8003_c", "8004_d"} {
		steps[name] = `CREATE TABLE t` + name + ` (n INTEGER) STRICT; INSERT INTO t` + name + ` VALUES (1);`
		db, err := sqlite.OpenWith(t.Context(), path, with(t, maps.Clone(steps)))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Exec(t.Context(), `UPDATE t`+name+` SET n = 2`); err != nil {
			t.Errorf("the step did not run: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got := copies(t, path)
	if len(got) != 3 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "before-8004_d-") }) {
		t.Errorf("copies: %v, want the three newest", got)
	}
	for _, c := range got {
		if mode := modeOf(t, c); mode != 0o600 {
			t.Errorf("%s has mode %o", c, mode)
		}
	}
	oldest := slices.Min(got) // from before 8002: it has 8001 and not 8002
	db, err := sqlite.OpenWith(t.Context(), oldest, with(t, map[string]string{"8001_a": ""}))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Shows S2.
func TestFailedUpgradeLeavesTheOldSchema(t *testing.T) {
	for name, broken := range map[string]string{
		"syntax":        `CREATE TABLE extra (n INTEGER); INSERT INTO nowhere VALUES (1);`,
		"dangling rows": `INSERT INTO job_lines (job, seq, at, level, text) VALUES (99, 1, 1, 'info', 'x');`,
		"own commit":    `CREATE TABLE extra (n INTEGER); BEGIN;`,
	} {
		path := filled(t)
		_, err := sqlite.OpenWith(t.Context(), path, with(t, map[string]string{
			"8001_fine": `CREATE TABLE fine (n INTEGER); DROP TABLE events;`, "8002_broken": broken}))
		refused(t, err, fault.Unavailable, `Step "8002_broken" of the database upgrade failed`)
		if f, _ := fault.Of(err); !strings.Contains(f.Hint, copies(t, path)[0]) {
			t.Errorf("%s: the hint does not name the copy: %s", name, f.Hint)
		}
		db := stillWorks(t, path)
		if err := db.Exec(t.Context(), `SELECT * FROM fine`); err == nil {
			t.Errorf("%s: the step before the broken one stayed", name)
		}
	}
}

func TestUpgradeMayRebuildATableThatOthersReferTo(t *testing.T) {
	path := filled(t)
	db, err := sqlite.OpenWith(t.Context(), path, with(t, map[string]string{"8001_rebuild": `
		INSERT INTO jobs (id, kind, subject, label, status, actor, created_at) VALUES ('j', 'k', 's', 's', 'queued', '', 1);
		INSERT INTO job_lines (job, seq, at, level, text) SELECT seq, 1, 1, 'info', 'x' FROM jobs;
		CREATE TABLE jobs_new AS SELECT * FROM jobs;
		DROP TABLE jobs;
		CREATE TABLE jobs (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT);
		INSERT INTO jobs SELECT seq, id FROM jobs_new;
		DROP TABLE jobs_new;`}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(t.Context(), `DELETE FROM jobs`); err != nil {
		t.Fatal(err)
	}
	if lines, err := db.Lines(t.Context(), "j", 0, 10); err != nil || len(lines) != 0 {
		t.Errorf("foreign keys are off after the upgrade: %d lines, %v", len(lines), err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filled(t)
	db, err := sqlite.OpenWith(t.Context(), path, with(t, map[string]string{"9000_future": `CREATE TABLE future (n INTEGER)`}))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), path)
	refused(t, err, fault.Unavailable, `does not know its schema step "9000_future"`)
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed, %v", err)
	}
}

func TestBackup(t *testing.T) {
	path := filled(t)
	db := openAt(t, path)
	target := filepath.Join(t.TempDir(), "it's a copy.db")
	if err := db.Backup(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	refused(t, db.Backup(t.Context(), target), fault.Conflict, "exists already")
	if mode := modeOf(t, target); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	stillWorks(t, target)
}

// Two migrations of one number would be taken for one: bun knows a migration by its number alone.
func TestMigrationsHaveNumbersOfTheirOwn(t *testing.T) {
	entries, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, entry := range entries {
		number, _, _ := strings.Cut(entry.Name(), "_")
		if other := seen[number]; other != "" {
			t.Errorf("%s and %s have the same number", other, entry.Name())
		}
		seen[number] = entry.Name()
	}
}
