// Package demo runs everything on one machine for a person who wants to look: agent, plugins, panel, a
// simulated game and a stand-in for the Steam Workshop, all on loopback, with its state in one directory.
//
// It works in namespaces of its own: a mount namespace, so that no mount reaches the host; a PID namespace, so
// that nothing outlives it, whatever kills it; and, without root, a user namespace in which it may mount at
// all. The outer process only passes signals on and cleans up.
package demo

import (
	"fmt"
	"time"
)

// Options of Run. All paths may be relative.
type Options struct {
	State string // directory for everything that stays; made when absent
	Bin   string // directory of the built programs
	Seed  string // directory of the script overlays to seed; "" = none
	Panel string // address of the panel, "127.0.0.1:27080"
}

// How long parts may take to come up or to end before that counts as a failure.
const (
	startWithin = 60 * time.Second
	stopWithin  = 45 * time.Second
)

// Exit is returned when the inner half ended with an exit code after telling the person why.
type Exit struct{ Code int }

// Error names the code.
func (e *Exit) Error() string { return fmt.Sprintf("exit code %d", e.Code) }
