package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"

	driver "modernc.org/sqlite"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Copy writes a complete copy of a database that another program may be using to target, which must not exist. It
// sees one state of it; writers go on. It works for any SQLite database.
func Copy(ctx context.Context, path, target string) error {
	db, err := sideways(path, "ro")
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(queries{path: path}.explain(err), db.Close())
	}
	err = copyInto(ctx, conn, target)
	return errors.Join(queries{path: path}.explain(err), conn.Close(), db.Close())
}

// sideways opens a database without taking the part of an agent.
func sideways(path, mode string) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {mode}, "_pragma": {"busy_timeout(10000)", "foreign_keys(1)"}}.Encode()}
	connector, err := driver.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

// Recipe is what a database without content needs again.
type Recipe struct {
	Overlays []string // names of those that were built
	Releases []string // versions of the game
	Servers  []string // names
}

// Uproot makes the agent's database at path one that has recipes and no content: what was built counts as not built,
// and no release as installed. It says what that was. No agent may use the database.
func Uproot(ctx context.Context, path string) (out Recipe, err error) {
	db, err := sideways(path, "rw")
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(queries{path: path}.explain(err), db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return out, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // the first error tells more
		}
	}()
	for _, list := range []struct {
		into  *[]string
		query string
	}{
		{&out.Overlays, "SELECT name FROM overlays WHERE revision <> '' ORDER BY name"},
		{&out.Releases, "SELECT version FROM releases ORDER BY created_at"},
		{&out.Servers, "SELECT name FROM servers ORDER BY name"},
	} {
		if *list.into, err = texts(ctx, tx, list.query); err != nil {
			return out, err
		}
	}
	for _, change := range []string{
		"UPDATE overlays SET revision = ''", "DELETE FROM revisions", "DELETE FROM releases",
		// Jobs that ran on the host that is gone.
		"UPDATE jobs SET status = 'interrupted', finished_at = created_at WHERE finished_at IS NULL",
	} {
		if _, err = tx.ExecContext(ctx, change); err != nil {
			return out, err
		}
	}
	return out, tx.Commit()
}

func texts(ctx context.Context, tx *sql.Tx, query string) (out []string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

// Idle fails with a conflict when an agent uses the database at path.
func Idle(path string) error {
	lock, err := acquire(path + ".lock")
	if fault.Is(err, fault.Unavailable) && lock == nil {
		return fault.Wrap(err, fault.Conflict, "An agent is using %s.", path).WithHint("Stop it first: systemctl stop left4me-agent")
	}
	if err != nil {
		return err
	}
	return lock.Close()
}
