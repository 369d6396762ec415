package systemd

import (
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// Parts of the names of units. Servers' ids need no escaping in them.
const (
	unitPrefix = "left4me-server@"
	unitSuffix = ".service"
	unitGlob   = unitPrefix + "*" + unitSuffix
	// Template is the unit file that must be installed.
	Template = unitPrefix + unitSuffix
	// probeServer is an instance that is never started: it tells what the template holds, and who may do what.
	probeServer = "left4me-probe"
)

const objectRoot = "/org/freedesktop/systemd1/unit/"

func unitName(serverID string) string { return unitPrefix + serverID + unitSuffix }

// serverOf returns the server of a unit; ok is false for units of others.
func serverOf(unit string) (serverID string, ok bool) {
	rest, ok := strings.CutPrefix(unit, unitPrefix)
	if !ok {
		return "", false
	}
	serverID, ok = strings.CutSuffix(rest, unitSuffix)
	return serverID, ok && id.ValidName(serverID) && serverID != probeServer
}

// objectOf returns the D-Bus path of a unit.
func objectOf(serverID string) godbus.ObjectPath {
	return godbus.ObjectPath(objectRoot + dbus.PathBusEscape(unitName(serverID)))
}

// objectServer returns the server whose unit has this path. Escaping is bijective for valid ids, which hold nothing
// to escape but "-" and "_".
func objectServer(path godbus.ObjectPath) (serverID string, ok bool) {
	rest, ok := strings.CutPrefix(string(path), objectRoot)
	if !ok || !strings.HasPrefix(rest, dbus.PathBusEscape(unitPrefix)) {
		return "", false
	}
	serverID, ok = serverOf(unescape(rest))
	return serverID, ok && objectOf(serverID) == path
}

// unescape reverses dbus.PathBusEscape: "_2d" is "-".
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '_' && i+2 < len(text) {
			high, low := hex(text[i+1]), hex(text[i+2])
			if high >= 0 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

func validServer(serverID string) bool { return id.ValidName(serverID) && serverID != probeServer }

func unknownServer() error {
	return fault.New(fault.Invalid, "This is no id of a server.").WithField("server").WithHint("Use the id from the list of servers.")
}
