//go:build !linux

package egress

import "net/netip"

// Plan is what the namespace of one script needs. Network namespaces are Linux's.
type Plan struct{}

// NewPlan returns an empty plan: there are no network namespaces here.
func NewPlan(Policy, []uint16, []netip.Addr) Plan { return Plan{} }
