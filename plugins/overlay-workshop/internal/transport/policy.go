// Package transport decides where the plugin connects to, and how politely.
//
// Workshop answers name download addresses, and servers redirect; both come from outside. A [Policy] lets through
// https to the host names that the operator allows and nothing else: no other scheme, no address that a
// name resolves to inside the operator's own network. For stand-ins the operator can allow plain http to loopback
// addresses, and only to these.
package transport

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// SteamHosts are the suffixes of the hosts that serve Workshop content.
func SteamHosts() []string {
	return []string{".steamusercontent.com", ".steamcontent.com", ".steamstatic.com", ".akamaihd.net"}
}

// ErrRefused is wrapped by the errors about addresses that a policy does not let through.
var ErrRefused = errors.New("address refused")

// Policy says which addresses downloads may come from.
type Policy struct {
	// Hosts are names ("cdn.example.org") and suffixes (".example.org").
	Hosts []string
	// Loopback lets http and https to loopback addresses through, whatever Hosts says.
	Loopback bool
}

// Address checks a download address and returns it in the form to use: http becomes https.
func (p Policy) Address(raw string) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Host == "" || parsed.User != nil {
		return nil, fmt.Errorf("%w: %q is not the address of a download", ErrRefused, raw)
	}
	if p.Loopback && isLoopback(parsed.Hostname()) && (parsed.Scheme == "http" || parsed.Scheme == "https") {
		return parsed, nil
	}
	if parsed.Scheme == "http" && parsed.Port() == "" {
		parsed.Scheme = "https"
	}
	if parsed.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q is not https", ErrRefused, raw)
	}
	if !p.allows(parsed.Hostname()) {
		return nil, fmt.Errorf("%w: %q is not one of the allowed hosts", ErrRefused, parsed.Hostname())
	}
	return parsed, nil
}

func (p Policy) allows(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, allowed := range p.Hosts {
		allowed = strings.ToLower(allowed)
		if host == allowed || strings.HasPrefix(allowed, ".") && strings.HasSuffix(host, allowed) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// dialed refuses a connection to an address that is not on the public internet, at the moment it is made,
// so that a name cannot point to one address when it is checked and to another when it is used.
func (p Policy) dialed(_, address string, _ syscall.RawConn) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", ErrRefused, address)
	}
	ip := parsed.Addr().Unmap()
	if ip.IsLoopback() && p.Loopback || isPublic(ip) {
		return nil
	}
	return fmt.Errorf("%w: %s is not on the public internet", ErrRefused, ip)
}

func isPublic(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, reserved := range [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10), // carrier NAT
		netip.PrefixFrom(netip.AddrFrom4([4]byte{0, 0, 0, 0}), 8),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 0, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, 0}), 15),         // benchmarks
		netip.PrefixFrom(netip.AddrFrom4([4]byte{240, 0, 0, 0}), 4),           // reserved
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b}), 64), // NAT64 of any IPv4
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x02}), 16),          // 6to4 of any IPv4
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0, 0}), 32),    // Teredo
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0xc0}), 10),          // site local, old
	} {
		if reserved.Contains(ip) {
			return false
		}
	}
	return true
}

// DownloadClient returns a client for content. It follows redirects only to addresses that the policy lets through,
// uses no proxy, and has no overall time limit: the caller watches for stalls. courtesy nil asks without restraint.
func (p Policy) DownloadClient(courtesy *Courtesy) *http.Client {
	dialer := &net.Dialer{Timeout: 15 * time.Second, Control: p.dialed}
	var through http.RoundTripper = &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true, ReadBufferSize: 64 << 10,
		ForceAttemptHTTP2: true,
	}
	if courtesy != nil {
		through = courtesy.Wrap(through)
	}
	return &http.Client{
		Transport: through,
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			if len(via) >= 5 {
				return fmt.Errorf("%w: more than 5 redirects", ErrRefused)
			}
			checked, err := p.Address(request.URL.String())
			if err != nil {
				return err
			}
			request.URL = checked
			return nil
		},
	}
}

// APIClient returns a client for the Web API, whose address only the operator sets. It follows no redirects.
func APIClient() *http.Client {
	return &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 15 * time.Second}).DialContext, TLSHandshakeTimeout: 15 * time.Second,
			ResponseHeaderTimeout: 45 * time.Second, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// APIAddress checks the address of the Web API: https, or http to loopback if that is allowed.
func APIAddress(raw string, loopback bool) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	switch {
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, fmt.Errorf("%w: %q is not an address such as https://api.steampowered.com", ErrRefused, raw)
	case parsed.Scheme == "https", parsed.Scheme == "http" && loopback && isLoopback(parsed.Hostname()):
		return parsed, nil
	}
	return nil, fmt.Errorf("%w: %q is not https", ErrRefused, raw)
}
