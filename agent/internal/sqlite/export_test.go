package sqlite

import (
	"context"
	"io/fs"
)

// OpenWith is Open with other migrations.
func OpenWith(ctx context.Context, path string, migrations fs.FS) (*DB, error) {
	return open(ctx, path, migrations)
}

// Embedded are the migrations of this version.
func Embedded() (fs.FS, error) { return fs.Sub(embedded, "migrations") }

// ReadOnlyExec runs a statement on a connection of the readers.
func (db *DB) ReadOnlyExec(ctx context.Context, statement string) error {
	_, err := db.reader.ExecContext(ctx, statement)
	return db.explain(err)
}

// Exec runs a statement on the writer.
func (db *DB) Exec(ctx context.Context, statement string) error {
	_, err := db.writer.ExecContext(ctx, statement)
	return db.explain(err)
}
