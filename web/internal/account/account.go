package account

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Roles.
const (
	RoleAdmin = "admin"
	RoleUser  = "user"
)

// Unlimited is a limit that is none.
const Unlimited = -1

// Limits are how many of each a person may own on each host: [Unlimited], or 0 and more.
type Limits struct {
	Servers    int `bun:"max_servers"`
	Overlays   int `bun:"max_overlays"`
	Blueprints int `bun:"max_blueprints"`
}

// String says l in words.
func (l Limits) String() string {
	number := func(n int, what string) string {
		switch n {
		case Unlimited:
			return "any number of " + what + "s"
		case 1:
			return "1 " + what
		}
		return strconv.Itoa(n) + " " + what + "s"
	}
	return number(l.Servers, "server") + ", " + number(l.Overlays, "overlay") + ", " + number(l.Blueprints, "blueprint")
}

// NoLimits is for people who may own any number.
func NoLimits() Limits { return Limits{Unlimited, Unlimited, Unlimited} }

// Account is one person.
type Account struct {
	bun.BaseModel `bun:"table:accounts"`

	ID        int64     `bun:"id,pk,autoincrement"`
	Name      string    `bun:"name"`
	Password  string    `bun:"password"` // argon2id hash
	Role      string    `bun:"role"`
	Epoch     int64     `bun:"epoch"` // sessions of an older epoch are signed out
	CreatedAt time.Time `bun:"created_at"`
	Limits
	TOTPSecret string     `bun:"totp_secret"` // base32; "" = sign-in needs the password alone
	TOTPStep   int64      `bun:"totp_step"`
	TOTPSince  *time.Time `bun:"totp_since"` // nil = not confirmed yet
	DisabledAt *time.Time `bun:"disabled_at"`
	DeletedAt  *time.Time `bun:"deleted_at"`
}

// Admin reports whether a has the role of an administrator.
func (a Account) Admin() bool { return a.Role == RoleAdmin }

// TwoFactor reports whether a signs in with a code, too.
func (a Account) TwoFactor() bool { return a.TOTPSince != nil }

// Errors that a person can do something about.
var (
	ErrNotFound  = errors.New("no such account")
	ErrTaken     = errors.New("the name is taken")
	ErrDisabled  = errors.New("the account is disabled")
	ErrLastAdmin = errors.New("this is the last administrator")
)

// name keeps to what the agents take as an actor. A colon is left out: names with one are the agents' own.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// ValidName reports whether s can be an account's name: it stands in the agents' records as owner and actor.
func ValidName(s string) bool {
	return name.MatchString(s) && !slices.Contains([]string{"system", "agent", "token", "local"}, strings.ToLower(s))
}

// Create adds an account without limits. The name and password must have been checked.
func (s *Store) Create(ctx context.Context, name, password, role string) (Account, error) {
	return s.create(ctx, s.db, Account{Name: name, Role: role, Limits: NoLimits()}, password)
}

func (s *Store) create(ctx context.Context, db bun.IDB, a Account, password string) (Account, error) {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	a.Password, a.CreatedAt = hash, time.Now().UTC()
	_, err = db.NewInsert().Model(&a).Exec(ctx)
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
	return one(ctx, s.db.NewSelect().Where("id = ?", id))
}

// Find returns the account with name, or ErrNotFound.
func (s *Store) Find(ctx context.Context, name string) (Account, error) {
	return one(ctx, s.db.NewSelect().Where("name = ?", plain(name)))
}

// Known returns the account with a name, also one that was deleted: its DeletedAt says so. Names are never given again.
func (s *Store) Known(ctx context.Context, name string) (Account, error) {
	var a Account
	err := s.db.NewSelect().Model(&a).Where("name = ?", plain(name)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}

// List returns all accounts by name.
func (s *Store) List(ctx context.Context) ([]Account, error) {
	var out []Account
	err := s.db.NewSelect().Model(&out).Where("deleted_at IS NULL").OrderExpr("name").Scan(ctx)
	return out, err
}

// one returns the account that query selects, unless it was deleted.
func one(ctx context.Context, query *bun.SelectQuery) (Account, error) {
	var a Account
	err := query.Model(&a).Where("deleted_at IS NULL").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNotFound
	}
	return a, err
}

// Empty reports whether there never was an account.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	exists, err := s.db.NewSelect().Model((*Account)(nil)).Exists(ctx)
	return !exists, err
}

// Authenticate returns the account when the password is right, else ErrNotFound: for a wrong password and an
// unknown name alike, after the same work. ErrDisabled is for people who know the password.
func (s *Store) Authenticate(ctx context.Context, name, password string) (Account, error) {
	a, err := s.Find(ctx, name)
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
	if a.DisabledAt != nil {
		return Account{}, ErrDisabled
	}
	return a, nil
}

// SetPassword changes a password and signs every session of the account out.
func (s *Store) SetPassword(ctx context.Context, id int64, password string) (Account, error) {
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	err = s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewUpdate().Model((*Account)(nil)).Set("password = ?", hash).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		return signOut(ctx, tx, id)
	})
	if err != nil {
		return Account{}, err
	}
	return s.Get(ctx, id)
}
