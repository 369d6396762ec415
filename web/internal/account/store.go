// Package account keeps the people who may use the panel, and their sessions, in the panel's own SQLite file.
//
// Passwords are stored as argon2id hashes (RFC 9106). The first account is made with a one-time token that
// lies in a file only the panel's user can read; see [Store.SetupToken].
package account

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // also registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed schema.sql
var schema string

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

// migrate brings the schema to version 1. A newer schema is refused: its data may mean something else.
func (s *Store) migrate(ctx context.Context) error {
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read account database: %w", err)
	}
	switch {
	case version == 1:
		return nil
	case version > 1:
		return fmt.Errorf("the account database has schema %d, this panel knows 1; use the newer panel", version)
	}
	return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, schema+"; PRAGMA user_version = 1"); err != nil {
			return fmt.Errorf("make account database: %w", err)
		}
		return nil
	})
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Roles.
const (
	RoleAdmin = "admin"
	RoleUser  = "user"
)

// Account is one person.
type Account struct {
	bun.BaseModel `bun:"table:accounts"`

	ID        int64     `bun:"id,pk,autoincrement"`
	Name      string    `bun:"name"`
	Password  string    `bun:"password"` // argon2id hash
	Role      string    `bun:"role"`
	Epoch     int64     `bun:"epoch"` // sessions of an older epoch are signed out
	CreatedAt time.Time `bun:"created_at"`
}

// Errors that a person can do something about.
var (
	ErrNotFound = errors.New("no such account")
	ErrTaken    = errors.New("the name is taken")
)

// Create adds an account. The name and password must have been checked.
func (s *Store) Create(ctx context.Context, name, password, role string) (Account, error) {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	a := Account{Name: name, Password: hash, Role: role, CreatedAt: time.Now().UTC()}
	_, err = s.db.NewInsert().Model(&a).Exec(ctx)
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return Account{}, ErrTaken
	}
	return a, err
}

func (s *Store) hash(ctx context.Context, password string) (string, error) {
	done, err := s.hashing.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return hashPassword(password)
}

// Get returns the account with id, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id int64) (Account, error) {
	return s.one(ctx, s.db.NewSelect().Where("id = ?", id))
}

func (s *Store) one(ctx context.Context, query *bun.SelectQuery) (Account, error) {
	var a Account
	err := query.Model(&a).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}

// Empty reports whether there is no account yet.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	exists, err := s.db.NewSelect().Model((*Account)(nil)).Exists(ctx)
	return !exists, err
}

// Authenticate returns the account when the password is right, else ErrNotFound: for a wrong password and an
// unknown name alike, after the same work.
func (s *Store) Authenticate(ctx context.Context, name, password string) (Account, error) {
	a, err := s.one(ctx, s.db.NewSelect().Where("name = ?", name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return a, err
	}
	hash := a.Password
	if err != nil {
		hash = decoyHash
	}
	done, waited := s.hashing.turn(ctx)
	if waited != nil {
		return Account{}, waited
	}
	defer done()
	if !checkPassword(hash, password) || err != nil {
		return Account{}, ErrNotFound
	}
	return a, nil
}

// SetPassword changes a password and signs every session of the account out.
func (s *Store) SetPassword(ctx context.Context, id int64, password string) (Account, error) {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	_, err = s.db.NewUpdate().Model((*Account)(nil)).Set("password = ?", hash).Set("epoch = epoch + 1").Where("id = ?", id).Exec(ctx)
	if err != nil {
		return Account{}, err
	}
	return s.Get(ctx, id)
}

// SignOutEverywhere ends all sessions of an account.
func (s *Store) SignOutEverywhere(ctx context.Context, id int64) error {
	_, err := s.db.NewUpdate().Model((*Account)(nil)).Set("epoch = epoch + 1").Where("id = ?", id).Exec(ctx)
	return err
}
