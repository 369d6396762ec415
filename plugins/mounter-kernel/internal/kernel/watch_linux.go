package kernel

import (
	"context"
	"errors"
	"fmt"
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
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { w.wake(); close(woken) })
	defer func() {
		if !stop() {
			<-woken
		}
	}()
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

// tableWatch waits for changes of the mount table: proc_pid_mountinfo(5) says that the table then
// polls as an exceptional condition. Its descriptor stays away from Go's own poller, which would take
// the one notification there is.
type tableWatch struct {
	table, wakeup int
}

func newTableWatch() (*tableWatch, error) {
	table, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the mount table: %w", err)
	}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(table)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &tableWatch{table: table, wakeup: wakeup}, nil
}

func (w *tableWatch) close() {
	unix.Close(w.table)
	unix.Close(w.wakeup)
}

// wake ends the wait. It must not run after close.
func (w *tableWatch) wake() {
	one := [8]byte{0: 1, 7: 1}          // not zero in either byte order
	_, _ = unix.Write(w.wakeup, one[:]) // it cannot block, and one wake-up is as good as two
}

func (w *tableWatch) wait(ctx context.Context) error {
	fds := []unix.PollFd{
		{Fd: int32(w.table), Events: unix.POLLPRI},
		{Fd: int32(w.wakeup), Events: unix.POLLIN},
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
