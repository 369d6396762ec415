package egress

import (
	"fmt"
	"net"
	"net/netip"
)

// Denied returns the networks that no script reaches: everything that is not the public internet.
// Sources: the IANA special-purpose address registries for IPv4 and IPv6.
func Denied() []netip.Prefix {
	names := []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
		"2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	}
	out := make([]netip.Prefix, len(names))
	for i, name := range names {
		out[i] = netip.MustParsePrefix(name)
	}
	return out
}

// Policy decides which addresses a script reaches. It is safe for concurrent use once made.
type Policy struct {
	// Denied networks, besides those of the function Denied.
	Denied []netip.Prefix
	// Redirects are openings that the operator made by hand: a script that connects to the key gets
	// the value, whatever the deny list says. For mirrors in the same house, and for tests.
	Redirects map[netip.AddrPort]netip.AddrPort
	// Own lists the host's addresses. Nil means those of its interfaces at the time of the call.
	Own func() ([]netip.Addr, error)
}

// Target returns where a connection to destination goes, or an error that says why it goes nowhere.
func (p Policy) Target(destination netip.AddrPort) (netip.AddrPort, error) {
	address := destination.Addr().Unmap().WithZone("")
	destination = netip.AddrPortFrom(address, destination.Port())
	if target, ok := p.Redirects[destination]; ok {
		return target, nil
	}
	for _, list := range [][]netip.Prefix{Denied(), p.Denied} {
		for _, prefix := range list {
			if prefix.Contains(address) {
				return netip.AddrPort{}, fmt.Errorf("%s is in %s, which is not the public internet", address, prefix)
			}
		}
	}
	own, err := p.own()
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("the host's own addresses cannot be read: %w", err)
	}
	for _, mine := range own {
		if mine.Unmap().WithZone("") == address {
			return netip.AddrPort{}, fmt.Errorf("%s is an address of this host", address)
		}
	}
	return destination, nil
}

func (p Policy) own() ([]netip.Addr, error) {
	if p.Own != nil {
		return p.Own()
	}
	return interfaceAddresses()
}

func interfaceAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	out := make([]netip.Addr, 0, len(list))
	for _, entry := range list {
		prefix, err := netip.ParsePrefix(entry.String())
		if err != nil {
			return nil, err
		}
		out = append(out, prefix.Addr())
	}
	return out, nil
}

// exempt returns the addresses that redirects open, so that routes can let them through.
func (p Policy) exempt() []netip.Addr {
	out := make([]netip.Addr, 0, len(p.Redirects))
	for from := range p.Redirects {
		out = append(out, from.Addr().Unmap())
	}
	return out
}
