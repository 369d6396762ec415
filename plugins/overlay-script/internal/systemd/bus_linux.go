package systemd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/plugins/overlay-script/internal/watch"
)

const (
	busName          = "org.freedesktop.systemd1"
	managerInterface = busName + ".Manager"
	unitInterface    = busName + ".Unit"
	serviceInterface = busName + ".Service"
	sliceInterface   = busName + ".Slice"
)

// bus is a connection to systemd for one purpose.
type bus struct {
	connection *dbus.Conn
	manager    dbus.BusObject
	signals    chan *dbus.Signal
}

func connect(ctx context.Context) (*bus, error) {
	connection, err := dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return nil, fmt.Errorf("connect to the system bus: %w", err)
	}
	b := &bus{connection: connection, manager: connection.Object(busName, "/org/freedesktop/systemd1"), signals: make(chan *dbus.Signal, 64)}
	return b, nil
}

func (b *bus) close() { _ = b.connection.Close() }

// load makes systemd read a unit, and returns its object.
func (b *bus) load(ctx context.Context, unit string) (dbus.BusObject, error) {
	var path dbus.ObjectPath
	if err := b.manager.CallWithContext(ctx, managerInterface+".LoadUnit", 0, unit).Store(&path); err != nil {
		return nil, fmt.Errorf("look at %s: %w", unit, err)
	}
	return b.connection.Object(busName, path), nil
}

func property[T any](ctx context.Context, object dbus.BusObject, owner, name string) (T, error) {
	var value dbus.Variant
	var out T
	err := object.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, owner, name).Store(&value)
	if err == nil {
		err = value.Store(&out)
	}
	if err != nil {
		return out, fmt.Errorf("read %s of %s: %w", name, object.Path(), err)
	}
	return out, nil
}

// watch asks for the signals about a unit and about jobs. It must come before start.
func (b *bus) watch(ctx context.Context, unit dbus.ObjectPath) error {
	b.connection.Signal(b.signals)
	for _, options := range [][]dbus.MatchOption{
		{dbus.WithMatchObjectPath(unit), dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged")},
		{dbus.WithMatchInterface(managerInterface), dbus.WithMatchMember("JobRemoved")},
		{dbus.WithMatchInterface(managerInterface), dbus.WithMatchMember("UnitRemoved")},
	} {
		if err := b.connection.AddMatchSignalContext(ctx, options...); err != nil {
			return fmt.Errorf("ask for signals: %w", err)
		}
	}
	if err := b.manager.CallWithContext(ctx, managerInterface+".Subscribe", 0).Err; err != nil {
		return fmt.Errorf("ask systemd for signals: %w", err)
	}
	return nil
}

// start queues the start of a unit and returns its job. A stop that is still queued, by a plugin that was killed a
// moment ago, is waited for.
func (b *bus) start(ctx context.Context, unit string) (dbus.ObjectPath, error) {
	for {
		var job dbus.ObjectPath
		err := b.manager.CallWithContext(ctx, managerInterface+".StartUnit", 0, unit, "fail").Store(&job)
		failure, ok := errors.AsType[dbus.Error](err)
		if !ok || failure.Name != busName+".TransactionIsDestructive" || !watch.Pause(ctx, 20*time.Millisecond) {
			return job, permission(unit, err)
		}
	}
}

// stop queues the stop of a unit. It does not wait, and a unit that is not there is no error.
func (b *bus) stop(ctx context.Context, unit string) error {
	err := b.manager.CallWithContext(ctx, managerInterface+".StopUnit", 0, unit, "replace").Err
	if failure, ok := errors.AsType[dbus.Error](err); ok && failure.Name == busName+".NoSuchUnit" {
		return nil
	}
	return permission(unit, err)
}

// end ends a unit that could not be set up, within the time that systemd may take.
func (b *bus) end(ctx context.Context, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	return b.clear(ctx, unit)
}

// clear stops a unit and returns when it is down: before a run, it is what a plugin that was killed may have left.
func (b *bus) clear(ctx context.Context, unit string) error {
	for {
		object, err := b.load(ctx, unit)
		if err != nil {
			return err
		}
		state, err := property[string](ctx, object, unitInterface, "ActiveState")
		if err != nil || state == "inactive" || state == "failed" {
			return err
		}
		if err := b.stop(ctx, unit); err != nil {
			return err
		}
		if !watch.Pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("%s does not end: %w", unit, ctx.Err())
		}
	}
}

// errForbidden means that polkit does not let this user do it.
var errForbidden = errors.New("systemd does not let this user start and stop left4me-sandbox@ units: the polkit rule 50-left4me-sandbox.rules is missing or polkit does not run")

func permission(unit string, err error) error {
	failure, ok := errors.AsType[dbus.Error](err)
	switch {
	case err == nil:
		return nil
	case ok && (strings.HasSuffix(failure.Name, ".AccessDenied") || strings.HasSuffix(failure.Name, ".InteractiveAuthorizationRequired")):
		return errForbidden
	}
	return fmt.Errorf("%s: %w", unit, err)
}
