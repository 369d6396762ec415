//go:build !linux

package systemd

import (
	"errors"
	"net/netip"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Config of the sandbox.
type Config struct {
	Network   sandbox.Network
	Denied    []netip.Prefix
	Resolvers []netip.Addr
	Hosts     map[string]netip.Addr
}

// Sandbox is never made here.
type Sandbox struct{ sandbox.Sandbox }

// New fails: systemd is Linux's.
func New(Config) (*Sandbox, error) { return nil, errors.New("scripts run on Linux only") }

// MaybeRun returns: there are no units.
func MaybeRun() {}
