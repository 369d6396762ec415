package systemd

import (
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/server"
)

// What the tests look at from outside.

// ParseEntry reads an entry of the journal as a line of a console.
func ParseEntry(data []byte) (line server.Line, isLine bool, err error) {
	e, err := parseEntry(data)
	if err != nil {
		return line, false, err
	}
	line, isLine = e.line()
	return line, isLine, nil
}

// ExitOf tells how a unit with these properties ended.
func ExitOf(properties map[string]godbus.Variant) server.Exit { return seen{}.apply(properties).exit() }

// WhyNotStarted explains an exit code of systemd or of the program inside a unit.
func WhyNotStarted(status int32) (message, hint string) {
	why := whyNotStarted(status, unitName("x"))
	return why.message, why.hint
}

// ServerOf returns the server of a unit, by name and by D-Bus path.
func ServerOf(unit string) (byName, byPath string) {
	if serverID, ok := serverOf(unit); ok {
		byName = serverID
	}
	if serverID, ok := objectServer(godbus.ObjectPath(unit)); ok {
		byPath = serverID
	}
	return byName, byPath
}

// ObjectOf returns the D-Bus path of a server's unit.
func ObjectOf(serverID string) string { return string(objectOf(serverID)) }

// Properties are limits as systemd takes them.
func Properties(limits blueprint.Limits) map[string]any { return properties(limits) }

// Newer returns the lines after a cursor.
func Newer(lines []server.Line, cursor string) []server.Line { return newer(lines, cursor) }

// Moment is a time of D-Bus.
func Moment(microseconds uint64) time.Time { return moment(microseconds) }

// RunInside does what ExecMain does, with other directories.
func RunInside(plans, home, serverID string, check bool) (code int, err error) {
	err = inside{plans: plans, home: home, check: check}.run(serverID)
	if failure, ok := err.(insideError); ok {
		return failure.code, err
	}
	return 0, err
}
