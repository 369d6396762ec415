// Package account keeps the people who may use the panel, and their sessions, in the panel's own SQLite file.
//
// Passwords are stored as argon2id hashes (RFC 9106). The first account is made with a one-time token that
// lies in a file only the panel's user can read; see [Store.SetupToken].
package account

import (
	"context"
	"database/sql"
	_ "embed" // schemas
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed schema.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

// Store keeps accounts and sessions. It is safe for concurrent use.
type Store struct {
	db      *bun.DB
	dir     string
	hashing hashing
}

// Open opens or makes the store in dir, which gets mode 0750; files get 0640 or tighter (S12).
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	path := filepath.Join(dir, "panel.db")
	// SQLite gives its sidecars the mode of the database, so that is what must be right.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open account database: %w", err)
	}
	if err := errors.Join(file.Chmod(0o640), file.Close()); err != nil {
		return nil, fmt.Errorf("protect account database: %w", err)
	}
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"+
		"&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open account database: %w", err)
	}
	pool.SetMaxOpenConns(4)
	s := &Store{db: bun.NewDB(pool, sqlitedialect.New()), dir: dir, hashing: newHashing()}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// migrate brings the schema up to date, one version after the other. A newer schema is refused: its data may
// mean something else.
func (s *Store) migrate(ctx context.Context) error {
	steps := []string{schema1, schema2}
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read account database: %w", err)
	}
	if version > len(steps) {
		return fmt.Errorf("the account database has schema %d, this panel knows %d; use the newer panel", version, len(steps))
	}
	for ; version < len(steps); version++ {
		err := s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA user_version = %d", steps[version], version+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("bring account database to schema %d: %w", version+1, err)
		}
	}
	return nil
}

// plain makes text of strangers fit for the driver, which fails on NUL bytes.
func plain(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\ufffd")
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }
