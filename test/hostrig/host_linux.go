package hostrig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// Options of a host.
type Options struct {
	Release  string   // Debian release: "bookworm" (the default) or "trixie"
	Packages []string // Debian packages besides those that every host has; each set makes a base of its own
	Name     string   // hostname; "host" by default
}

func (o Options) withDefaults() Options {
	if o.Release == "" {
		o.Release = "bookworm"
	}
	if o.Name == "" {
		o.Name = "host"
	}
	return o
}

// Host is a booted Debian. Its methods are safe for concurrent use, except Reboot and Crash.
type Host struct {
	options Options
	id      string
	lock    *os.File // held as long as the host lives: a later process takes an unlocked one for left over
	dirs    directories
	groups  cgroups
	network *namespace
	running *machine

	closed   sync.Once
	closeErr error

	mu       sync.Mutex
	internet *Internet
	tests    map[string]string // paths of test binaries by module and package
}

// bootTime is how long a boot may take before the test fails. A boot takes about two seconds.
const bootTime = 2 * time.Minute

// Boot boots a host and ends it with the test. It skips the test where that cannot be done (see [Needs]).
func Boot(t testing.TB, options Options) *Host {
	t.Helper()
	Needs(t)
	h, err := boot(t.Context(), options)
	if err != nil {
		t.Fatalf("boot a host: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			h.tell(t)
		}
		if err := h.close(); err != nil {
			t.Errorf("end the host: %v", err)
		}
	})
	return h
}

// Shared is one host for many tests of a package. It boots when the first test asks for it.
type Shared struct {
	options Options
	once    sync.Once
	host    *Host
	err     error
}

// NewShared returns a host that is not booted yet. TestMain makes it, and closes it after m.Run.
func NewShared(options Options) *Shared { return &Shared{options: options} }

// Host returns the host, booted. It skips the test where that cannot be done.
func (s *Shared) Host(t testing.TB) *Host {
	t.Helper()
	Needs(t)
	s.once.Do(func() { s.host, s.err = boot(context.Background(), s.options) })
	if s.err != nil {
		t.Fatalf("boot a host: %v", s.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.host.tell(t)
		}
	})
	return s.host
}

// Close ends the host if one was booted.
func (s *Shared) Close() error {
	if s.host == nil {
		return nil
	}
	return s.host.close()
}

func boot(ctx context.Context, options Options) (*Host, error) {
	options = options.withDefaults()
	base, err := ensureBase(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := sweep(); err != nil {
		return nil, fmt.Errorf("clean up after an earlier run: %w", err)
	}
	h := &Host{options: options, tests: map[string]string{}}
	if err := h.prepare(base); err != nil {
		return nil, errors.Join(err, h.close())
	}
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	if err := h.start(ctx); err != nil {
		err = fmt.Errorf("%w\n%s", err, h.console())
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// close ends all processes of the host and removes what it left on the machine.
func (h *Host) close() error {
	h.closed.Do(func() {
		var found []error
		if h.running != nil {
			found = append(found, h.running.kill())
		}
		if h.network != nil {
			h.network.close()
		}
		if h.id != "" {
			found = append(found, remove(h.id))
		}
		if h.lock != nil {
			_ = h.lock.Close()
		}
		h.closeErr = errors.Join(found...)
	})
	return h.closeErr
}

// Reboot restarts the host as an administrator does, and returns when it is up again. Units that fail in the new boot
// are logged.
func (h *Host) Reboot(t testing.TB) {
	t.Helper()
	_, _ = h.Run(t.Context(), nil, "systemctl", "reboot") // the answer may be cut off
	h.again(t)
}

// Crash restarts the host as a power cut does: no process gets a word, and what was not written is lost. The disk is
// that of the machine, so what was written but not synced is kept.
func (h *Host) Crash(t testing.TB) {
	t.Helper()
	if err := h.running.kill(); err != nil {
		t.Fatal(err)
	}
	h.again(t)
}

func (h *Host) again(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	if err := h.running.wait(ctx); err != nil {
		t.Fatalf("the host does not go down: %v\n%s", err, h.console())
	}
	if err := h.start(ctx); errors.Is(err, errDegraded) {
		t.Logf("after the boot: %v", err) // units of the test may fail on purpose
	} else if err != nil {
		t.Fatalf("boot the host again: %v\n%s", err, h.console())
	}
}
