package hostrig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"testing"
)

// Addresses of the small internet. Nothing of it leaves the namespaces that the rig made, so they may look public.
const (
	ResolverAddress = "1.1.1.1"          // where the DNS stand-in listens; 8.8.8.8 is another one
	HostAddress     = "93.184.216.1"     // the host's own public address
	HostAddressV6   = "2606:2800:220::1" // the same for IPv6
	HostLANAddress  = "192.168.1.10"     // the host's private address
	PrivateName     = "private.example"  // a name that resolves to PrivateAddress
	PrivateAddress  = "10.0.0.1"         // a neighbour of the host that answers HTTP
	caPath          = "/usr/local/share/ca-certificates/left4me-test.crt"
	firstPublic     = "93.184.216.34"
	firstPublicV6   = "2606:2800:220::34"
	privateGreeting = "BROKEN: this is the private network"
)

// privateAddresses lead to neighbours that a script must not reach.
func privateAddresses() []string {
	return []string{PrivateAddress, "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.169.254", "fd00::9"}
}

// Internet is a network namespace joined to the host's by a cable. It has public-looking addresses with the test's
// stand-ins behind real names, private ones that must not be reached, and a DNS server.
type Internet struct {
	world *namespace
	ca    *authority

	mu    sync.Mutex
	names map[string][]netip.Addr
	next  [2]netip.Addr // for IPv4 and IPv6
}

// Internet gives the host its internet, once: later calls return the same. Its certificate authority is in the host's
// trust store, and the host's resolv.conf names its DNS server.
func (h *Host) Internet(t testing.TB) *Internet {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.internet != nil {
		return h.internet
	}
	world, err := h.join()
	if err != nil {
		t.Fatalf("make the internet: %v", err)
	}
	ca, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	i := &Internet{
		world: world, ca: ca, names: map[string][]netip.Addr{},
		next: [2]netip.Addr{netip.MustParseAddr(firstPublic), netip.MustParseAddr(firstPublicV6)},
	}
	i.names[PrivateName] = []netip.Addr{netip.MustParseAddr(PrivateAddress)}
	if err := i.serveNames(); err != nil {
		t.Fatalf("serve names: %v", err)
	}
	if err := i.serveNeighbours(); err != nil {
		t.Fatalf("serve the private network: %v", err)
	}
	h.Put(t, caPath, ca.PEM(), 0o644)
	h.Output(t, "update-ca-certificates")
	h.internet = i
	return i
}

// join lays the cable between the host and a new namespace.
func (h *Host) join() (*namespace, error) {
	world, err := newNamespace()
	if err != nil {
		return nil, err
	}
	steps := []struct {
		in        *namespace
		arguments string
	}{
		{world, "link add in type veth peer name wan netns " + h.network.path()},
		{h.network, "link set wan up"}, {world, "link set in up"},
	}
	for _, address := range []string{HostAddress + "/32", HostLANAddress + "/32", HostAddressV6 + "/128 nodad"} {
		steps = append(steps, struct {
			in        *namespace
			arguments string
		}{h.network, "address add " + address + " dev wan"})
	}
	for _, address := range append(privateAddresses(), ResolverAddress, "8.8.8.8") {
		steps = append(steps, struct {
			in        *namespace
			arguments string
		}{world, "address add " + single(address) + " dev in"})
	}
	for _, n := range []struct {
		in   *namespace
		name string
	}{{h.network, "wan"}, {world, "in"}} {
		for _, family := range []string{"-4", "-6"} {
			steps = append(steps, struct {
				in        *namespace
				arguments string
			}{n.in, family + " route add default dev " + n.name})
		}
	}
	for _, step := range steps {
		if err := step.in.ip(strings.Fields(step.arguments)...); err != nil {
			return nil, err
		}
	}
	return world, nil
}

// single is the address as a network of itself, for ip(8).
func single(address string) string {
	if strings.Contains(address, ":") {
		return address + "/128 nodad"
	}
	return address + "/32"
}

// Name makes a name resolve to addresses, on top of what it had. Nothing has to listen there.
func (i *Internet) Name(name string, addresses ...netip.Addr) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.names[strings.ToLower(name)] = append(i.names[strings.ToLower(name)], addresses...)
}

// Serve puts handler behind name, on public addresses of its own for IPv4 and IPv6, at ports 80 and 443, until the
// test ends. The handler runs in the test's process.
func (i *Internet) Serve(t testing.TB, name string, handler http.Handler) (v4, v6 netip.Addr) {
	t.Helper()
	i.mu.Lock()
	v4, v6 = i.next[0], i.next[1]
	i.next = [2]netip.Addr{v4.Next(), v6.Next()}
	i.mu.Unlock()
	for _, address := range []netip.Addr{v4, v6} {
		if err := i.world.ip(strings.Fields("address add " + single(address.String()) + " dev in")...); err != nil {
			t.Fatal(err)
		}
		certificate, err := i.ca.issue(name, address)
		if err != nil {
			t.Fatal(err)
		}
		listeners, err := i.serve(address.String(), handler, &certificate)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			for _, listener := range listeners {
				_ = listener.Close()
			}
		})
	}
	i.Name(name, v4, v6)
	return v4, v6
}

// ListenTCP opens a listener on any address of the internet until the test ends, for protocols other than HTTP.
func (i *Internet) ListenTCP(t testing.TB, address string) net.Listener {
	t.Helper()
	listener, err := i.world.listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func (i *Internet) serve(address string, handler http.Handler, certificate *tls.Certificate) ([]net.Listener, error) {
	plain, err := i.world.listen("tcp", net.JoinHostPort(address, "80"))
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(plain) }() // ends with its listener
	if certificate == nil {
		return []net.Listener{plain}, nil
	}
	secure, err := i.world.listen("tcp", net.JoinHostPort(address, "443"))
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	go func() {
		_ = server.Serve(tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{*certificate}}))
	}()
	return []net.Listener{plain, secure}, nil
}

// serveNeighbours answers HTTP on the private addresses, so that a filter has something to keep away.
func (i *Internet) serveNeighbours() error {
	greet := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, privateGreeting) })
	for _, address := range privateAddresses() {
		if _, err := i.serve(address, greet, nil); err != nil {
			return err
		}
	}
	return nil
}

// Client is an HTTP client that stands on the internet, for tests of what the host shows to it. It trusts the test's
// authority and finds the host by its addresses.
func (i *Internet) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: i.Dial, TLSClientConfig: &tls.Config{RootCAs: i.ca.pool()}}}
}

// Dial connects from the internet to an address given as numbers, for example one of the host's.
func (i *Internet) Dial(ctx context.Context, network, address string) (connection net.Conn, err error) {
	err = i.world.do(func() error {
		connection, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return connection, err
}

// CAPath is where the host has the certificate of the test's authority.
func (i *Internet) CAPath() string { return path.Clean(caPath) }
