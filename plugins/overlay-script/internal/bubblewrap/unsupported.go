//go:build !linux

package bubblewrap

import (
	"errors"
	"net/netip"

	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Config of the sandbox.
type Config struct {
	Bwrap        string
	User, Group  int
	Network      sandbox.Network
	Policy       egress.Policy
	Ports        []uint16
	Resolvers    []netip.Addr
	Hosts        map[string]netip.Addr
	Certificates []byte
	Cgroup       string
}

// Sandbox is never made here.
type Sandbox struct{ sandbox.Sandbox }

// New fails: namespaces are Linux's.
func New(Config) (*Sandbox, error) { return nil, errors.New("scripts run on Linux only") }

// MaybeChild returns: there are no children.
func MaybeChild() {}
