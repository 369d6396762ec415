package sqlite

import (
	"context"
	"errors"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/left4me/left4me/agent/internal/fault"
)

// explain turns an error of the driver into a fault. Faults, errors of contexts and all others stay as they are.
func (q queries) explain(err error) error {
	if err == nil {
		return nil
	}
	if _, known := fault.Of(err); known || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return taken(err)
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY, codes.SQLITE_CONSTRAINT_TRIGGER:
		return fault.Wrap(err, fault.Precondition, "Something else still refers to this, or what it refers to does not exist.")
	}
	return outage(err, e.Code()&0xff, q.path)
}

// outage explains what is wrong with the file or the disk, by the primary result code.
func outage(err error, code int, path string) error {
	say := func(format, hint string) error {
		return fault.Wrap(err, fault.Unavailable, format, path).WithHint("%s", hint)
	}
	switch code {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return say("The database %s is in use by another program.", "End whatever else has it open, then try again.")
	case codes.SQLITE_FULL:
		return say("The disk of the database %s is full.", "Free some space; what was asked for was not done.")
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN, codes.SQLITE_PERM:
		return say("The database %s cannot be written.", "Give it, its -wal and -shm files and its directory to the user of the agent, and check that the disk is not mounted read-only.")
	case codes.SQLITE_IOERR:
		return say("The disk of the database %s fails.", "Look for disk errors and free space with dmesg and df.")
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return say("The database %s is damaged.", "Stop the agent and put back a backup, or a copy from before an upgrade (*.before-*).")
	}
	return err
}

// taken explains that a value is not unique any more. The driver names the columns in its message.
func taken(err error) error {
	_, columns, _ := strings.Cut(err.Error(), "constraint failed: ")
	columns, _, _ = strings.Cut(columns, " (")
	if _, list, found := strings.Cut(columns, "failed: "); found {
		columns = list
	}
	_, field, _ := strings.Cut(columns, ".")
	field, _, _ = strings.Cut(field, ",")
	return fault.Wrap(err, fault.Conflict, "This %s is taken.", field).WithField(field)
}
