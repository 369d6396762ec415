package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// check finds out whether this host is set up for running servers as units, and says what is missing.
func check(ctx context.Context, conn *dbus.Conn, opts Options) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	service, err := checkTemplate(ctx, conn)
	if err == nil {
		err = checkPermission(ctx, conn)
	}
	if err == nil {
		err = checkTimeout(service, opts)
	}
	if err == nil {
		err = checkRuntimeDir(opts)
	}
	if err != nil {
		return err
	}
	return checkPlansDir(filepath.Join(opts.RuntimeDir, filepath.Base(plansDir)))
}

// checkTemplate looks at an instance that is never started, and returns what is set in its Service section.
func checkTemplate(ctx context.Context, conn *dbus.Conn) (map[string]any, error) {
	unit, err := conn.GetUnitPropertiesContext(ctx, unitName(probeServer))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "systemd does not answer.").WithSource("systemd").WithHint("Check: systemctl status")
	}
	switch state := unit["LoadState"]; state {
	case "loaded":
	case "masked":
		return nil, fault.New(fault.Precondition, "The unit %s is masked.", Template).WithSource("systemd").
			WithHint("Unmask it: systemctl unmask %s", Template)
	default:
		return nil, noTemplate(fmt.Errorf("load state %v", state))
	}
	service, err := conn.GetUnitTypePropertiesContext(ctx, unitName(probeServer), "Service")
	if err != nil {
		return nil, noTemplate(err)
	}
	return service, nil
}

// checkTimeout: systemd must not kill before the agent would.
func checkTimeout(service map[string]any, opts Options) error {
	limit, ok := service["TimeoutStopUSec"].(uint64)
	most := time.Duration(limit) * time.Microsecond
	if !ok || limit == unlimited || most >= opts.StopTimeout {
		return nil
	}
	return fault.New(fault.Precondition, "The unit %s kills games after %s, before the stop_timeout of %s is over.", Template, most, opts.StopTimeout).
		WithSource("systemd").WithHint("Set TimeoutStopSec=%d with: systemctl edit %s", int(opts.StopTimeout.Seconds())+30, Template)
}

// checkRuntimeDir: a unit file cannot know another place for plans.
func checkRuntimeDir(opts Options) error {
	if opts.RuntimeDir == filepath.Dir(plansDir) {
		return nil
	}
	return fault.New(fault.Precondition, "With systemd the runtime_dir must be %s, because units read their plans there.", filepath.Dir(plansDir)).
		WithHint("Take runtime_dir out of the config.")
}

// checkShown finds out whether a unit shows its game the tree that it shall run in. A unit that shows everything is an
// operator's own choice.
func checkShown(ctx context.Context, l *link, plan server.LaunchPlan) error {
	property, err := l.conn.GetServicePropertyContext(ctx, unitName(plan.Server), "BindPaths")
	if err != nil {
		return explainCall(err, "start", plan.Name)
	}
	binds, ok := property.Value.Value().([][]any) // a(ssbt): source, target, whether it may be missing, flags
	if !ok || len(binds) == 0 {
		return nil
	}
	for _, bind := range binds {
		if target, ok := bind[1].(string); ok && target == plan.Tree {
			return nil
		}
	}
	return fault.New(fault.Precondition, "Cannot start server %q: its unit does not show the game the tree %s.", plan.Name, plan.Tree).WithSource("systemd").
		WithHint("With: systemctl edit %s, add to [Service]: BindPaths=%s", Template, strings.ReplaceAll(plan.Tree, plan.Server, "%i"))
}

// checkPermission tries what changes nothing: the unit does not run, has not failed, and no property is set.
func checkPermission(ctx context.Context, conn *dbus.Conn) error {
	name := unitName(probeServer)
	for _, try := range []func() error{
		func() error { _, err := conn.StopUnitContext(ctx, name, "replace", nil); return err },
		func() error { return conn.ResetFailedUnitContext(ctx, name) },
		func() error { return conn.SetUnitPropertiesContext(ctx, name, true) },
	} {
		refused, ok := errors.AsType[godbus.Error](try())
		if ok && (refused.Name == "org.freedesktop.DBus.Error.AccessDenied" || refused.Name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") {
			return notAllowed(refused)
		}
	}
	return nil
}

// checkPlansDir: what is written there must be readable inside the units, by the group that it hands down.
func checkPlansDir(dir string) error {
	err := os.MkdirAll(dir, 0o750)
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return fault.Wrap(err, fault.Precondition, "The directory %s for launch plans cannot be used.", dir).
			WithHint("Run: systemd-tmpfiles --create left4me.conf")
	}
	return nil
}

func noTemplate(err error) error {
	return fault.Wrap(err, fault.Precondition, "The unit %s is not installed, or systemd cannot read it.", Template).WithSource("systemd").
		WithHint("Install it below /usr/lib/systemd/system and run: systemctl daemon-reload. Look into: systemctl status %s", unitName(probeServer))
}

func notAllowed(err error) error {
	return fault.Wrap(err, fault.Precondition, "systemd does not let the agent start and stop game servers.").WithSource("systemd").
		WithHint("Install polkitd and the rule 50-left4me-server.rules below /usr/share/polkit-1/rules.d; the agent must run as user left4me.")
}
