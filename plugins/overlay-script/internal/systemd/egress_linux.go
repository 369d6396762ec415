package systemd

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
	"github.com/left4me/left4me/plugins/overlay-script/internal/watch"
)

// settle is how long the service that follows the host's addresses may be behind.
const settle = 2 * time.Second

// checkEgress makes sure that the unit and its slice deny what a script must not reach: the networks that are not
// public, those of the settings, and the host's own addresses, which change. Nothing else stands before them.
func (s *Sandbox) checkEgress(ctx context.Context, b *bus, unit string) error {
	settled, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for {
		err := s.egressHolds(ctx, b, unit)
		if err == nil || !watch.Pause(settled, 100*time.Millisecond) {
			return err
		}
	}
}

func (s *Sandbox) egressHolds(ctx context.Context, b *bus, unit string) error {
	var denied []netip.Prefix
	for name, owner := range map[string]string{unit: serviceInterface, slice: sliceInterface} {
		object, err := b.load(ctx, name)
		if err != nil {
			return err
		}
		allowed, err := prefixes(ctx, object, owner, "IPAddressAllow")
		if err != nil {
			return err
		}
		if len(allowed) > 0 {
			return fmt.Errorf("%s has IPAddressAllow=, which wins over its IPAddressDeny=: take it out", name)
		}
		list, err := prefixes(ctx, object, owner, "IPAddressDeny")
		if err != nil {
			return err
		}
		denied = append(denied, list...)
	}
	own, err := ownAddresses()
	if err != nil {
		return fmt.Errorf("read the host's own addresses: %w", err)
	}
	for _, wanted := range [][]netip.Prefix{egress.Denied(), s.config.Denied, own} {
		for _, network := range wanted {
			if !covered(network, denied) {
				return fmt.Errorf("scripts could reach %s: it is not in IPAddressDeny= of %s or %s; look at left4me-sandbox-egress.service, and put networks of your own into /etc/left4me/denied-networks", network, unit, slice)
			}
		}
	}
	return nil
}

func covered(network netip.Prefix, denied []netip.Prefix) bool {
	for _, prefix := range denied {
		if prefix.Bits() <= network.Bits() && prefix.Contains(network.Addr()) {
			return true
		}
	}
	return false
}

// prefixes reads a list of type a(iayu): family, address, length.
func prefixes(ctx context.Context, object dbus.BusObject, owner, name string) ([]netip.Prefix, error) {
	type entry struct {
		Family  int32
		Address []byte
		Bits    uint32
	}
	list, err := property[[]entry](ctx, object, owner, name)
	if err != nil {
		return nil, err
	}
	out := make([]netip.Prefix, 0, len(list))
	for _, e := range list {
		address, ok := netip.AddrFromSlice(e.Address)
		if !ok {
			return nil, fmt.Errorf("%s has an address of %d bytes", name, len(e.Address))
		}
		out = append(out, netip.PrefixFrom(address, int(e.Bits)))
	}
	return out, nil
}

func ownAddresses() ([]netip.Prefix, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []netip.Prefix
	for _, entry := range list {
		prefix, err := netip.ParsePrefix(entry.String())
		if err != nil {
			return nil, err
		}
		address := prefix.Addr().Unmap().WithZone("")
		out = append(out, netip.PrefixFrom(address, address.BitLen()))
	}
	return out, nil
}
