package beneath

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// lockPause is how long a waiter sleeps between two tries. flock has no form that ends with a
// context, and a thread blocked in it could not be called back.
const lockPause = 2 * time.Millisecond

// Lock takes an advisory lock on d, which other open files of the same directory respect, in this
// process and in others. It ends with Unlock, Close, or the process. Each holder opens d itself.
func (d *Dir) Lock(ctx context.Context, exclusive bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	for {
		err := unix.Flock(d.FD(), how|unix.LOCK_NB)
		switch err {
		case nil:
			return nil
		case unix.EWOULDBLOCK, unix.EINTR:
		default:
			return fmt.Errorf("lock %s: %w", d.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock of %s: %w", d.Name(), context.Cause(ctx))
		case <-time.After(lockPause):
		}
	}
}

// TryLock takes the exclusive lock if nobody has one.
func (d *Dir) TryLock() bool { return unix.Flock(d.FD(), unix.LOCK_EX|unix.LOCK_NB) == nil }

// Unlock gives the lock back.
func (d *Dir) Unlock() error { return unix.Flock(d.FD(), unix.LOCK_UN) }

// StillAt reports whether name below parent is the directory d: after waiting for its lock, it may
// have been moved away.
func (d *Dir) StillAt(parent *Dir, name string) bool {
	mine, err := d.StatSelf()
	if err != nil {
		return false
	}
	there, err := parent.Stat(name)
	return err == nil && mine.Dev == there.Dev && mine.Ino == there.Ino
}
