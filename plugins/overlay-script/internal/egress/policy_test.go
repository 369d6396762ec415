package egress_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
)

func own() ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("93.184.216.1"), netip.MustParseAddr("2606:2800:220::1%eth0")}, nil
}

func TestPolicyDeniesEverythingButThePublicInternet(t *testing.T) {
	policy := egress.Policy{Own: own, Denied: []netip.Prefix{netip.MustParsePrefix("93.184.217.0/24")}}
	for _, address := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1",
		"2001::1", "2001:db8::1", "2002:a00:1::", "fc00::1", "fdff::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1",
		"93.184.216.1", "::ffff:93.184.216.1", "2606:2800:220::1", "93.184.217.9",
	} {
		if target, err := policy.Target(netip.AddrPortFrom(netip.MustParseAddr(address), 80)); err == nil {
			t.Errorf("%s is let through to %s", address, target)
		}
	}
	for _, address := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.0.1", "172.15.0.1", "172.32.0.1",
		"192.167.0.1", "192.169.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "93.184.216.34", "2606:4700:4700::1111", "2a01::1",
	} {
		want := netip.AddrPortFrom(netip.MustParseAddr(address), 443)
		if target, err := policy.Target(want); err != nil || target != want {
			t.Errorf("%s: %s, %v", address, target, err)
		}
	}
	// The form of an address does not matter.
	if target, err := policy.Target(netip.MustParseAddrPort("[::ffff:1.1.1.1]:443")); err != nil || target.String() != "1.1.1.1:443" {
		t.Errorf("mapped: %s, %v", target, err)
	}
}

func TestPolicyFailsClosed(t *testing.T) {
	policy := egress.Policy{Own: func() ([]netip.Addr, error) { return nil, errors.New("no netlink") }}
	if target, err := policy.Target(netip.MustParseAddrPort("1.1.1.1:80")); err == nil || !strings.Contains(err.Error(), "no netlink") {
		t.Errorf("%s, %v", target, err)
	}
}

func TestPolicyRedirectsOnlyWhatTheOperatorNamed(t *testing.T) {
	policy := egress.Policy{Own: own, Redirects: map[netip.AddrPort]netip.AddrPort{
		netip.MustParseAddrPort("198.51.100.7:80"): netip.MustParseAddrPort("127.0.0.1:8090"),
	}}
	if target, err := policy.Target(netip.MustParseAddrPort("[::ffff:198.51.100.7]:80")); err != nil || target.String() != "127.0.0.1:8090" {
		t.Errorf("%s, %v", target, err)
	}
	for _, closed := range []string{"198.51.100.7:81", "198.51.100.8:80", "127.0.0.1:8090"} {
		if target, err := policy.Target(netip.MustParseAddrPort(closed)); err == nil {
			t.Errorf("%s is let through to %s", closed, target)
		}
	}
}

// FuzzPolicy: whatever is let through is a global unicast address that is not private.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		address, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		target, err := egress.Policy{Own: own}.Target(netip.AddrPortFrom(address, 80))
		if err != nil {
			return
		}
		a := target.Addr()
		if a.Is4In6() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsGlobalUnicast() {
			t.Errorf("%s is let through as %s", address, a)
		}
	})
}
