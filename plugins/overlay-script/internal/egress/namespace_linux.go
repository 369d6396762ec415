package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Plan is what the namespace of one script needs. It crosses a process boundary as JSON.
type Plan struct {
	Ports     []uint16       // TCP ports that are relayed
	Resolvers []netip.Addr   // addresses whose UDP port 53 is relayed
	Denied    []netip.Prefix // prohibited by route
	Exempt    []netip.Addr   // opened by redirects, inside denied networks
	IPv6      bool           // the host reaches the internet by IPv6
}

// NewPlan makes the plan that goes with policy.
func NewPlan(policy Policy, ports []uint16, resolvers []netip.Addr) Plan {
	all := map[uint16]bool{53: true}
	for _, port := range ports {
		all[port] = true
	}
	plan := Plan{Resolvers: resolvers, Exempt: policy.exempt(), IPv6: hostHasIPv6()}
	for from := range policy.Redirects {
		all[from.Port()] = true
		plan.IPv6 = plan.IPv6 || from.Addr().Unmap().Is6()
	}
	for port := range all {
		plan.Ports = append(plan.Ports, port)
	}
	plan.Denied = append(Denied(), policy.Denied...)
	return plan
}

// hostHasIPv6 says whether a route to a public IPv6 address exists. Connecting a UDP socket only
// looks up the route; nothing is sent.
func hostHasIPv6() bool {
	connection, err := net.Dial("udp6", "[2606:4700:4700::1111]:53")
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// Enter turns the calling process's network namespace, which it must own and which must be fresh,
// into one without a way out but the sockets it returns. They stay open in the caller.
func Enter(plan Plan) ([]*os.File, []*os.File, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, nil, fmt.Errorf("find lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, nil, fmt.Errorf("set lo up: %w", err)
	}
	if err := dropAddresses(lo); err != nil {
		return nil, nil, err
	}
	_, err = os.Stat("/proc/sys/net/ipv6")
	ipv6 := plan.IPv6 && err == nil
	if err := addRoutes(lo, plan, ipv6); err != nil {
		return nil, nil, err
	}
	return openSockets(plan, ipv6)
}

// dropAddresses removes 127.0.0.1 and ::1: with them the relay's listeners would seem to be
// services on loopback.
func dropAddresses(lo netlink.Link) error {
	addresses, err := netlink.AddrList(lo, netlink.FAMILY_ALL)
	if err != nil {
		return fmt.Errorf("list addresses of lo: %w", err)
	}
	for _, address := range addresses {
		if err := netlink.AddrDel(lo, &address); err != nil {
			return fmt.Errorf("remove %s from lo: %w", address.IPNet, err)
		}
	}
	return nil
}

func addRoutes(lo netlink.Link, plan Plan, ipv6 bool) error {
	everything := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	if ipv6 {
		everything = append(everything, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
		// A private source address: names with both kinds of address then prefer IPv4.
		source, err := netlink.ParseAddr("fd6c:346d:6500::1/128")
		if err != nil {
			return err
		}
		source.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(lo, source); err != nil {
			return fmt.Errorf("give lo an address: %w", err)
		}
	}
	for _, address := range plan.Exempt {
		if address.Is4() || ipv6 {
			everything = append(everything, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	for _, prefix := range everything {
		if err := addRoute(lo, prefix, unix.RTN_LOCAL); err != nil {
			return err
		}
	}
	for _, prefix := range plan.Denied {
		// Mapped addresses are IPv4 on the wire, so they have no IPv6 route.
		if prefix.Addr().Is4In6() || prefix.Addr().Is6() && !ipv6 || isExempt(plan, prefix) {
			continue
		}
		if err := addRoute(lo, prefix, unix.RTN_PROHIBIT); err != nil {
			return err
		}
	}
	return nil
}

func isExempt(plan Plan, prefix netip.Prefix) bool {
	for _, address := range plan.Exempt {
		if prefix == netip.PrefixFrom(address, address.BitLen()) {
			return true
		}
	}
	return false
}

func addRoute(lo netlink.Link, prefix netip.Prefix, kind int) error {
	route := netlink.Route{
		Dst:   &net.IPNet{IP: prefix.Masked().Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())},
		Table: unix.RT_TABLE_LOCAL, Type: kind,
	}
	if kind == unix.RTN_LOCAL {
		route.LinkIndex, route.Scope = lo.Attrs().Index, netlink.SCOPE_HOST
	}
	// The kernel adds some multicast routes of its own, so a route may be there already.
	if err := netlink.RouteReplace(&route); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add the route to %s: %w", prefix, err)
	}
	return nil
}

func openSockets(plan Plan, ipv6 bool) (listeners, packets []*os.File, err error) {
	wildcards := []string{"tcp4", "tcp6"}
	if !ipv6 {
		wildcards = wildcards[:1]
	}
	config := net.ListenConfig{Control: freeBind}
	for _, port := range plan.Ports {
		for _, network := range wildcards {
			listener, err := config.Listen(context.Background(), network, ":"+strconv.Itoa(int(port)))
			if err != nil {
				return nil, nil, fmt.Errorf("listen on port %d: %w", port, err)
			}
			file, err := listener.(*net.TCPListener).File()
			_ = listener.Close()
			if err != nil {
				return nil, nil, err
			}
			listeners = append(listeners, file)
		}
	}
	for _, resolver := range plan.Resolvers {
		if resolver.Is6() && !ipv6 {
			continue
		}
		packet, err := config.ListenPacket(context.Background(), "udp", netip.AddrPortFrom(resolver, 53).String())
		if err != nil {
			return nil, nil, fmt.Errorf("listen for questions to %s: %w", resolver, err)
		}
		file, err := packet.(*net.UDPConn).File()
		_ = packet.Close()
		if err != nil {
			return nil, nil, err
		}
		packets = append(packets, file)
	}
	return listeners, packets, nil
}

// freeBind lets a socket bind to an address that no interface has.
func freeBind(network, _ string, connection syscall.RawConn) error {
	var failure error
	err := connection.Control(func(fd uintptr) {
		level, option := unix.SOL_IP, unix.IP_FREEBIND
		if network == "tcp6" || network == "udp6" {
			level, option = unix.SOL_IPV6, unix.IPV6_FREEBIND
		}
		failure = unix.SetsockoptInt(int(fd), level, option, 1)
	})
	return errors.Join(err, failure)
}
