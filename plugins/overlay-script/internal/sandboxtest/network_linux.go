package sandboxtest

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

func (s suite) escapeNetwork(t *testing.T) {
	// The listener's port is one that the relay serves: only the policy stands before it.
	port, heard := listenEverywhere(t)
	b := s.box(t, Options{Ports: []uint16{port}})
	var script strings.Builder
	targets := []string{
		"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "169.254.169.254", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "255.255.255.255",
		"::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fc00::1", "fd00::1", "ff02::1",
		"localhost", "2130706433", "0x7f.1", "127.1",
	}
	for _, address := range targets {
		fmt.Fprintf(&script, "timeout 3 bash -c 'exec 3<>/dev/tcp/%s/%d; head -c 1 <&3 | grep -q .' 2>/dev/null && echo BROKEN tcp %s &\n", address, port, address)
		fmt.Fprintf(&script, "timeout 3 bash -c 'echo x >/dev/udp/%s/%d' 2>/dev/null &\n", address, port)
	}
	script.WriteString("wait\n") // a filter that drops answers nothing, so all of them wait at once
	// Around the routes: a socket bound to the interface.
	fmt.Fprintf(&script, `timeout 5 perl -MSocket -e '
		for my $a ("127.0.0.1", "10.0.0.1", "169.254.169.254") {
			socket(my $s, PF_INET, SOCK_STREAM, 0) or die; setsockopt($s, SOL_SOCKET, 25, "lo\0");
			$SIG{ALRM} = sub { die }; eval { alarm 1; connect($s, pack_sockaddr_in(%d, inet_aton($a))) and sysread($s, my $x, 1) and print "BROKEN bound $a\n"; alarm 0 };
		}'`+"\n", port)
	script.WriteString("grep -v -E 'lo:|Inter|face' /proc/net/dev && echo BROKEN interface\ncat /proc/net/unix | grep -q @canary && echo BROKEN abstract sockets seen\necho end\n")
	many := func(spec *sandbox.Spec) { spec.Limits.Tasks = 500 }
	unbroken(t, b.run(script.String(), many))
	if n := heard(); n != 0 {
		t.Errorf("the host's listeners heard %d connections or packets", n)
	}
	unbroken(t, b.run(script.String(), many, func(spec *sandbox.Spec) { spec.Network = false }))
	if n := heard(); n != 0 {
		t.Errorf("without a network: the host's listeners heard %d connections or packets", n)
	}
}

// listenEverywhere opens one port on loopback for TCP and UDP, IPv4 and IPv6, and an abstract socket,
// and returns how to ask what they heard. A client that gets through reads one byte.
func listenEverywhere(t *testing.T) (uint16, func() int) {
	t.Helper()
	heard := make(chan struct{}, 1000)
	tcp, err := net.Listen("tcp", "[::]:0") // both families
	if err != nil {
		t.Fatal(err)
	}
	port := tcp.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenPacket("udp", fmt.Sprintf("[::]:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	abstract, err := net.Listen("unix", fmt.Sprintf("@canary-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, listener := range []net.Listener{tcp, abstract} {
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				heard <- struct{}{}
				_, _ = connection.Write([]byte("x"))
				_ = connection.Close()
			}
		}()
	}
	go func() {
		for buffer := make([]byte, 100); ; {
			if _, _, err := udp.ReadFrom(buffer); err != nil {
				return
			}
			heard <- struct{}{}
		}
	}()
	t.Cleanup(func() { _ = tcp.Close(); _ = udp.Close(); _ = abstract.Close() })
	// The listeners do hear: otherwise silence would prove nothing.
	connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.Close()
	<-heard
	return uint16(port), func() int { return len(heard) }
}
