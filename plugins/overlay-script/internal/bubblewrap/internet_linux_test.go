package bubblewrap_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandboxtest"
)

// A small internet: one network namespace with public and private addresses, a web server on all of
// them and a DNS server, and another namespace, where the plugin is, joined by a veth pair. Nothing
// of it reaches the machine's own network.

const (
	hostAddress   = "93.184.216.1" // the plugin's host, publicly reachable itself
	serverAddress = "93.184.216.34"
	mapsV6        = "2606:2800:220::34"
	privateV4     = "10.9.9.1"
	resolver      = "9.9.9.9"
)

// Shows S11.
func TestInternet(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv("LEFT4ME_TEST_VARIANT") != "" {
		t.Skip("needs root")
	}
	again := exec.Command("/proc/self/exe", "-test.run=^TestInside", "-test.v")
	again.Env = append(os.Environ(), "LEFT4ME_TEST_VARIANT=internet")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	out, err := again.CombinedOutput()
	if n := strings.Count(string(out), "--- PASS"); err != nil || n < 1 {
		t.Errorf("%v, %d passed\n%s", err, n, out)
	}
}

// TestInsideInternet runs in a network namespace of its own.
func TestInsideInternet(t *testing.T) {
	if os.Getenv("LEFT4ME_TEST_VARIANT") != "internet" {
		t.Skip("runs inside TestInternet")
	}
	joinInternet(t)
	wanted := config(sandboxtest.Options{Ports: []uint16{80, 443}})
	wanted.Resolvers = []netip.Addr{netip.MustParseAddr(resolver)}
	wanted.Policy.Denied = []netip.Prefix{netip.MustParsePrefix("93.184.217.0/24")}
	box := newSandbox(t, wanted)
	host, err := net.Listen("tcp", "["+"::"+"]:80")
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(host, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "BROKEN host") }))
	t.Cleanup(func() { _ = host.Close() })
	for _, address := range []string{hostAddress, serverAddress, privateV4, "93.184.217.5"} {
		if response, err := http.Get("http://" + address + "/"); err != nil {
			t.Fatalf("the plugin's host does not reach %s: %v", address, err)
		} else {
			_ = response.Body.Close()
		}
	}
	got := sandboxtest.Try(t, backend(), box, fmt.Sprintf(`
get() { curl -sS --noproxy '*' --max-time 5 "$@" 2>&1; }
get http://%[1]s/file; get http://maps.example/by-name; get "http://[%[2]s]/v6"; get "http://[::ffff:%[1]s]/mapped"
get http://six.example/by-name-v6
get http://private.example/ ; get http://mapped.example/; get http://%[3]s/ ; get http://%[4]s/ ; get http://[::ffff:%[4]s]/ ; get http://93.184.217.5/; get http://[fd00::9]/
get http://%[1]s:8123/ ; getent hosts absent.example
get http://%[1]s/cut -o cut && echo BROKEN cut download succeeded
get http://%[1]s/large -o large; ls -l large | awk '{print $5}'
get http://%[1]s/count -T large
echo end`, serverAddress, mapsV6, privateV4, hostAddress))
	sandboxtest.Unbroken(t, got)
	for _, want := range []string{"internet /file", "internet /by-name", "internet /v6", "internet /mapped", "internet /by-name-v6", "33554432\n", "counted 33554432"} {
		if !strings.Contains(got.Out, want+"") {
			t.Errorf("%q is not in the output", want)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s\n%q", got.Out, got.Err, got.Notes)
	}
	if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, hostAddress+" is an address of this host") {
		t.Errorf("notes %q", notes)
	}
	none := newSandbox(t, config(sandboxtest.Options{Network: sandbox.NetworkNone}))
	if got := sandboxtest.Try(t, backend(), none, fmt.Sprintf("curl -sS --max-time 3 http://%s/ && echo BROKEN; echo end", serverAddress)); got.Out != "end\n" {
		t.Errorf("without egress: %q", got.Out)
	}
}

// joinInternet starts the other namespace and connects this one to it.
func joinInternet(t *testing.T) {
	t.Helper()
	internet := exec.Command("/proc/self/exe")
	internet.Env = append(os.Environ(), "LEFT4ME_TEST_ROLE=internet")
	internet.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	internet.Stderr = os.Stderr
	in, err := internet.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := internet.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := internet.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = internet.Process.Kill(); _ = internet.Wait() })
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "out"}, PeerName: "in"}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(netlink.LinkAdd(pair))
	peer, err := netlink.LinkByName("in")
	check(err)
	check(netlink.LinkSetNsPid(peer, internet.Process.Pid))
	check(configure("lo"))
	check(configure("out", hostAddress+"/32", "2606:2800:220::1/128"))
	_, err = io.WriteString(in, "go\n")
	check(err)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "serving\n" {
		t.Fatalf("the internet said %q, %v", line, err)
	}
}

// configure sets a link up, with addresses, and routes everything to it unless it is lo.
func configure(name string, addresses ...string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	for _, text := range addresses {
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		if address.IP.To4() == nil {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return err
		}
	}
	if name == "lo" {
		return nil
	}
	for _, everything := range []string{"0.0.0.0/0", "::/0"} {
		_, network, err := net.ParseCIDR(everything)
		if err != nil {
			return err
		}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: network, Scope: netlink.SCOPE_LINK}); err != nil {
			return err
		}
	}
	return nil
}

// serveInternet is the role of the other namespace.
func serveInternet() {
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil {
		err = errors.Join(configure("lo"), configure("in", serverAddress+"/32", "93.184.217.5/32", privateV4+"/32", resolver+"/32", mapsV6+"/128", "fd00::9/128"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "internet:", err)
		os.Exit(1)
	}
	web, err := net.Listen("tcp", ":80")
	if err == nil {
		var dns net.PacketConn
		if dns, err = net.ListenPacket("udp4", resolver+":53"); err == nil {
			go answerNames(dns)
			fmt.Println("serving")
			err = http.Serve(web, http.HandlerFunc(answerWeb))
		}
	}
	fmt.Fprintln(os.Stderr, "internet:", err)
	os.Exit(1)
}

func answerWeb(w http.ResponseWriter, r *http.Request) {
	local := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	switch {
	case local.IP.String() == privateV4 || local.IP.String() == "93.184.217.5" || local.IP.String() == "fd00::9":
		fmt.Fprintln(w, "BROKEN", local.IP)
	case r.URL.Path == "/cut":
		w.Header().Set("Content-Length", "1000000")
		fmt.Fprint(w, strings.Repeat("x", 100_000))
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/large":
		_, _ = w.Write(make([]byte, 32<<20))
	case strings.HasPrefix(r.URL.Path, "/count"):
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, "counted", n)
	default:
		fmt.Fprintln(w, "internet", r.URL.Path)
	}
}

// answerNames answers one question per packet, as RFC 1035 has it.
func answerNames(socket net.PacketConn) {
	names := map[string][]string{
		"maps.example": {serverAddress, mapsV6}, "six.example": {mapsV6}, "private.example": {privateV4}, "mapped.example": {"::ffff:" + privateV4},
	}
	for buffer := make([]byte, 1500); ; {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		query := buffer[:n]
		var labels []string
		at := 12
		for at < n && query[at] != 0 {
			end := at + 1 + int(query[at])
			labels = append(labels, string(query[at+1:end]))
			at = end
		}
		question := query[12 : at+5]
		kind := binary.BigEndian.Uint16(query[at+1:])
		var answers []byte
		count := 0
		addresses, known := names[strings.Join(labels, ".")]
		for _, text := range addresses {
			address := netip.MustParseAddr(text)
			if address.Is4() == (kind == 1) && (kind == 1 || kind == 28) {
				answers = append(answers, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(address.BitLen()/8))
				answers = append(answers, address.AsSlice()...)
				count++
			}
		}
		status := byte(0x80)
		if !known {
			status |= 3 // no such name
		}
		reply := append([]byte{query[0], query[1], 0x81, status, 0, 1, 0, byte(count), 0, 0, 0, 0}, question...)
		_, _ = socket.WriteTo(append(reply, answers...), from)
	}
}
