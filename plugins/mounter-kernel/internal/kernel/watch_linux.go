package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/sdk/mounter"
)

// Watch implements mounter.Stacker. It sleeps until the kernel says that the mount table has changed.
func (m *Mounter) Watch(ctx context.Context, report func(mounter.Event, mounter.Mount) error) error {
	e, err := m.engine()
	if err != nil {
		return err
	}
	w, err := newTableWatch()
	if err != nil {
		return err
	}
	defer w.close()
	stop := context.AfterFunc(ctx, w.wake)
	defer stop()
	known, err := e.mounts()
	if err != nil {
		return err
	}
	for _, mount := range known {
		if err := report(mounter.EventCurrent, mount); err != nil {
			return err
		}
	}
	for {
		if err := w.wait(ctx); err != nil {
			return err
		}
		now, err := e.mounts()
		if err != nil {
			return err
		}
		if err := reportChanges(known, now, report); err != nil {
			return err
		}
		known = now
	}
}

func reportChanges(before, after []mounter.Mount, report func(mounter.Event, mounter.Mount) error) error {
	for _, list := range []struct {
		event     mounter.Event
		here, not []mounter.Mount
	}{{mounter.EventGone, before, after}, {mounter.EventAppeared, after, before}} {
		for _, mount := range list.here {
			if slices.ContainsFunc(list.not, func(m mounter.Mount) bool { return sameMount(m, mount) }) {
				continue
			}
			if err := report(list.event, mount); err != nil {
				return err
			}
		}
	}
	return nil
}

func sameMount(a, b mounter.Mount) bool {
	return a.Server == b.Server && a.Fingerprint == b.Fingerprint && a.Foreign == b.Foreign
}

// tableWatch waits for changes of the mount table: proc(5) says that mountinfo then polls as an
// exceptional condition.
type tableWatch struct {
	table         *os.File
	awake, waking *os.File // a pipe that ends the wait
}

func newTableWatch() (*tableWatch, error) {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	awake, waking, err := os.Pipe()
	if err != nil {
		table.Close()
		return nil, err
	}
	return &tableWatch{table: table, awake: awake, waking: waking}, nil
}

func (w *tableWatch) close() {
	for _, f := range []*os.File{w.table, w.awake, w.waking} {
		f.Close()
	}
}

func (w *tableWatch) wake() { _, _ = w.waking.Write([]byte{0}) } // fails only when nobody waits any more

func (w *tableWatch) wait(ctx context.Context) error {
	fds := []unix.PollFd{
		{Fd: int32(w.table.Fd()), Events: unix.POLLPRI},
		{Fd: int32(w.awake.Fd()), Events: unix.POLLIN},
	}
	for {
		_, err := unix.Poll(fds, -1)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch the mount table: %w", err)
		}
	}
}
