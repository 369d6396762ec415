package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Backup writes a complete, compact copy of the database to target, which must not exist. Readers go on
// meanwhile, writers wait.
func (db *DB) Backup(ctx context.Context, target string) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	conn, err := db.writer.DB.Conn(ctx)
	if err != nil {
		return db.explain(err)
	}
	defer conn.Close()
	err = copyInto(ctx, conn, target)
	if errors.Is(err, os.ErrExist) {
		return fault.Wrap(err, fault.Conflict, "The backup %s exists already.", target).WithHint("Name another file.")
	}
	return db.explain(err)
}

// copyInto makes the file first, because VACUUM INTO would let others read it; an empty one is accepted.
func copyInto(ctx context.Context, conn *sql.Conn, target string) (err error) {
	file, err := os.OpenFile(target, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(target))
		}
	}()
	if _, err := conn.ExecContext(ctx, `VACUUM INTO ?`, target); err != nil {
		return err
	}
	return file.Sync()
}
