// Package sqlite keeps what the agent records in one SQLite file: intent, jobs with their logs, and
// events. It implements the stores that the domain packages declare.
//
// All writing goes through one connection, so transactions never meet; readers have connections of their
// own and do not wait for it (write-ahead log). After a power cut the last transactions may be gone, but
// whole ones and from the end only. A DB holds a lock next to its file: one agent per state directory.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync/atomic"

	"github.com/uptrace/bun"

	"github.com/left4me/left4me/agent/internal/event"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	queries // by the readers

	lock    *os.File
	writer  *bun.DB
	reader  *bun.DB
	writing chan struct{} // holds one token while a transaction writes
	publish atomic.Pointer[func([]event.Event)]
}

// Tx is one writing transaction. It must not be used after the function that got it has returned, nor by
// two goroutines at once. It reads what it has written.
type Tx struct {
	queries
	events []event.Event // added so far
}

// queries reads, by itself or inside a transaction. All its errors are faults or those of the context.
type queries struct {
	idb  bun.IDB
	path string // of the database, for messages
}

// OnEvents names who is told of the events of each transaction after its commit, in the order of their
// ids. publish must be quick and must not write to the database. It replaces the former one.
func (db *DB) OnEvents(publish func([]event.Event)) { db.publish.Store(&publish) }

// Update runs change in one transaction and commits it; an error or a panic rolls everything back.
// Transactions run one after another: change must not call Update, or anything that does, itself.
func (db *DB) Update(ctx context.Context, change func(*Tx) error) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	sqlTx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return db.explain(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // says ErrTxDone after the commit
	tx := &Tx{queries: queries{idb: sqlTx, path: db.path}}
	if err := change(tx); err != nil {
		return db.explain(err)
	}
	if err := sqlTx.Commit(); err != nil {
		return db.explain(err)
	}
	if publish := db.publish.Load(); publish != nil && len(tx.events) > 0 {
		(*publish)(tx.events)
	}
	return nil
}

// View runs read on one unchanging state of the database.
func (db *DB) View(ctx context.Context, read func(*Tx) error) error {
	sqlTx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return db.explain(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // nothing was written
	return db.explain(read(&Tx{queries: queries{idb: sqlTx, path: db.path}}))
}

func (db *DB) enter(ctx context.Context) error {
	select {
	case db.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (db *DB) leave() { <-db.writing }

// Close waits for the transaction that writes, closes the file and gives up the lock.
func (db *DB) Close() error {
	db.writing <- struct{}{} // never given back: later updates wait for their context
	return errors.Join(closeAll(db.reader, db.writer), db.lock.Close())
}

func closeAll(pools ...*bun.DB) error {
	var err error
	for _, pool := range pools {
		if pool != nil {
			err = errors.Join(err, pool.Close())
		}
	}
	return err
}
