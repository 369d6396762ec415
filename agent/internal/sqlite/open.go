package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	driver "modernc.org/sqlite"

	"github.com/left4me/left4me/agent/internal/fault"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o640
	readers              = 4 // connections
)

//go:embed migrations/*.tx.up.sql
var embedded embed.FS

// Open opens the database at path, makes it with its directory if it is missing, and brings its schema up
// to date; before that it keeps a copy next to it. Faults: Unavailable when another agent uses it, it
// cannot be read or written, it is damaged, or it is of a newer left4me.
func Open(ctx context.Context, path string) (*DB, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, path, migrations)
}

func open(ctx context.Context, path string, migrations fs.FS) (_ *DB, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The state directory %s cannot be made.", filepath.Dir(path)).
			WithHint("Make it and give it to the user of the agent.")
	}
	db := &DB{queries: queries{path: path}, writing: make(chan struct{}, 1)}
	if db.lock, err = acquire(path + ".lock"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(db.reader, db.writer), db.lock.Close())
		}
	}()
	if err := prepare(path); err != nil {
		return nil, err
	}
	if err := db.connect(ctx, migrations); err != nil {
		return nil, db.explain(err)
	}
	return db, tightenOpen(path) // now that there are sidecars
}

// connect opens the writer, migrates, and opens the readers.
func (db *DB) connect(ctx context.Context, migrations fs.FS) (err error) {
	// busy_timeout comes first: the pragmas after it may have to wait already.
	shared := []string{"busy_timeout(5000)", "foreign_keys(1)"}
	write := append(shared, "journal_mode(WAL)", "synchronous(NORMAL)", "journal_size_limit(67108864)")
	if db.writer, err = pool(db.path, 1, "immediate", write...); err != nil {
		return err
	}
	if err := db.migrate(ctx, migrations); err != nil {
		return err
	}
	read := append(shared[:2:2], "query_only(1)")
	if db.reader, err = pool(db.path, readers, "deferred", read...); err != nil {
		return err
	}
	db.idb = db.reader
	return db.reader.PingContext(ctx)
}

func pool(path string, connections int, txlock string, pragmas ...string) (*bun.DB, error) {
	query := url.Values{"_pragma": pragmas, "_txlock": {txlock}}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	connector, err := driver.NewConnector(dsn.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// prepare makes the file, and takes from it and its sidecars every right that others have. SQLite gives
// sidecars the mode of the file.
func prepare(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		flags := os.O_RDWR
		if name == path {
			flags |= os.O_CREATE
		}
		if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return fault.New(fault.Unavailable, "The database %s is not a regular file.", name).WithHint("Move it away and start again.")
		}
		file, err := os.OpenFile(name, flags, fileMode)
		if errors.Is(err, fs.ErrNotExist) && name != path {
			continue
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The database file %s cannot be written.", name).
				WithHint("Give it and its directory to the user of the agent, and check that the disk is not mounted read-only.")
		}
		if err := errors.Join(tighten(file), file.Close()); err != nil {
			return fault.Wrap(err, fault.Unavailable, "The mode of the database file %s cannot be set.", name).
				WithHint("Give it to the user of the agent.")
		}
	}
	return nil
}

// tightenOpen is what prepare does about modes, for a database that is open. It must not open the files: with the
// first close of a file, a process loses all its locks on it, and any other program that looks into the
// database would take it for one that nobody uses, and throw away the log that the agent writes to.
func tightenOpen(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Mode().Perm()&^fileMode == 0 {
			continue
		}
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a regular file")
		}
		if err == nil {
			err = os.Chmod(name, info.Mode().Perm()&fileMode)
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The mode of the database file %s cannot be set.", name).
				WithHint("Give it to the user of the agent.")
		}
	}
	return nil
}

func tighten(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Mode().Perm()&^fileMode == 0 {
		return err
	}
	return file.Chmod(info.Mode().Perm() & fileMode)
}
