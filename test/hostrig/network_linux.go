package hostrig

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace that lives as long as this process holds it. The host keeps it over a reboot, as a
// machine keeps its cables.
type namespace struct{ file *os.File }

func newNamespace() (*namespace, error) {
	made := make(chan error, 1)
	n := &namespace{}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return n, n.ip("link", "set", "lo", "up")
}

func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

func (n *namespace) close() { _ = n.file.Close() }

// ip runs ip(8) in the namespace.
func (n *namespace) ip(arguments ...string) error {
	command := exec.Command("nsenter", append([]string{"--net=" + n.path(), "--", "ip"}, arguments...)...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %q: %w: %s", arguments, err, out)
	}
	return nil
}

// do calls f in the namespace. A socket that f makes stays there.
func (n *namespace) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter a network namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

func (n *namespace) listen(network, address string) (listener net.Listener, err error) {
	err = n.do(func() error {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Dial connects from the host's network to an address given as numbers, as a program on the host would. It fits
// net/http.Transport.DialContext.
func (h *Host) Dial(ctx context.Context, network, address string) (connection net.Conn, err error) {
	err = h.network.do(func() error {
		connection, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return connection, err
}

// Listen opens a listener in the host's network until the test ends, as a service of the host would. The process that
// accepts is the test.
func (h *Host) Listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	listener, err := h.network.listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// ListenUDP opens a UDP socket in the host's network until the test ends, as a game on the host would.
func (h *Host) ListenUDP(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	return h.network.listenUDP(t, address)
}

// ListenUDP opens a UDP socket on an address of the internet until the test ends.
func (i *Internet) ListenUDP(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	return i.world.listenUDP(t, address)
}

func (n *namespace) listenUDP(t testing.TB, address string) (socket *net.UDPConn) {
	t.Helper()
	err := n.do(func() error {
		own, err := net.ResolveUDPAddr("udp", address)
		if err == nil {
			socket, err = net.ListenUDP("udp", own)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}
