package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

const (
	suffix      = ".tx.up.sql"
	keepCopies  = 3          // of the database, from before upgrades
	application = 0x4c344d45 // "L4ME", in the file's header
)

// migrate brings the schema up to date. All steps that are missing run in one transaction together with
// the note that they ran, so a step that fails, or a crash, leaves the schema as it was.
func (db *DB) migrate(ctx context.Context, migrations fs.FS) error {
	names, err := fs.Glob(migrations, "*"+suffix)
	if err != nil {
		return err
	}
	slices.Sort(names)
	conn, err := db.writer.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	applied, err := db.applied(ctx, conn)
	if err != nil {
		return err
	}
	for _, name := range applied {
		if !slices.Contains(names, name) {
			return fault.New(fault.Unavailable, "The database %s is of a newer left4me: this one does not know its schema step %q.", db.path, short(name)).
				WithHint("Install the newer left4me again, or go back to the copy of the database from before the upgrade (%s.before-…).", db.path)
		}
	}
	missing := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(applied, name) })
	if len(missing) == 0 {
		return nil
	}
	var backup string
	if len(applied) > 0 {
		if backup, err = db.copyBefore(ctx, conn, short(missing[0])); err != nil {
			return err
		}
	}
	return upgrade(ctx, conn, migrations, missing, backup)
}

func short(name string) string { return strings.TrimSuffix(name, suffix) }

// applied returns the steps that the database has, none when it is new.
func (db *DB) applied(ctx context.Context, conn *sql.Conn) ([]string, error) {
	var tables, app int
	err := conn.QueryRowContext(ctx, `SELECT count(*), (SELECT application_id FROM pragma_application_id) FROM sqlite_master`).Scan(&tables, &app)
	if err != nil || tables == 0 {
		return nil, err
	}
	if app != application {
		return nil, fault.New(fault.Unavailable, "%s is a database of another program.", db.path).
			WithHint("Move it away, or give the agent another state directory.")
	}
	rows, err := conn.QueryContext(ctx, `SELECT name FROM schema_steps ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// upgrade runs steps. Foreign keys are off meanwhile, because SQLite rebuilds tables to change them, and
// are checked as a whole before the commit.
func upgrade(ctx context.Context, conn *sql.Conn, migrations fs.FS, steps []string, backup string) (err error) {
	if err := exec(ctx, conn, `PRAGMA foreign_keys = OFF`, `BEGIN IMMEDIATE`,
		fmt.Sprintf(`PRAGMA application_id = %d`, application),
		`CREATE TABLE IF NOT EXISTS schema_steps (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT`); err != nil {
		return err
	}
	step := steps[0]
	for _, step = range steps {
		if err = apply(ctx, conn, migrations, step); err != nil {
			break
		}
	}
	if err == nil {
		err = checkReferences(ctx, conn)
	}
	if err == nil {
		err = exec(ctx, conn, `COMMIT`, `PRAGMA foreign_keys = ON`)
	}
	if err == nil {
		return nil
	}
	hint := "Go back to the former left4me, and report the cause from the log of the agent."
	if backup != "" {
		hint += " A copy of the database from before is " + backup + "."
	}
	failure := fault.Wrap(err, fault.Unavailable, "Step %q of the database upgrade failed; the database is as it was before.", short(step)).WithHint("%s", hint)
	return errors.Join(failure, exec(context.WithoutCancel(ctx), conn, `ROLLBACK`))
}

func apply(ctx context.Context, conn *sql.Conn, migrations fs.FS, step string) error {
	statements, err := fs.ReadFile(migrations, step)
	if err != nil {
		return err
	}
	if err := exec(ctx, conn, string(statements)); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `INSERT INTO schema_steps (name, applied_at) VALUES (?, ?)`, step, time.Now().UnixMicro())
	return err
}

func checkReferences(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, `SELECT "table" FROM pragma_foreign_key_check`)
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return err
		}
		return fmt.Errorf("rows of table %s refer to rows that do not exist", table)
	}
	return rows.Err()
}

func exec(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// copyBefore keeps a copy of the database from before the upgrade to step and removes the oldest ones.
func (db *DB) copyBefore(ctx context.Context, conn *sql.Conn, step string) (string, error) {
	target := fmt.Sprintf("%s.before-%s-%s", db.path, step, time.Now().UTC().Format("20060102T150405.000000"))
	if err := copyInto(ctx, conn, target); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The database cannot be copied before its upgrade, so it was left alone.").
			WithHint("Free as much space as %s takes, then start again.", db.path)
	}
	copies, err := filepath.Glob(escapeGlob(db.path) + ".before-*")
	if err != nil {
		return "", err
	}
	age := func(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }
	slices.SortFunc(copies, func(a, b string) int { return strings.Compare(age(a), age(b)) })
	for i := 0; i < len(copies)-keepCopies; i++ {
		if err := os.Remove(copies[i]); err != nil {
			return "", err
		}
	}
	return target, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
