package host_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/test/hostrig"
)

const (
	examples = "/usr/share/doc/left4me/examples/" // of the provisioned host
	gamePort = "27015"
	query    = "\xff\xff\xff\xffTSource Engine Query\x00"
)

// testFirewall loads the example of nftables as a person would, and sees what it does from both sides.
func testFirewall(t *testing.T, h *hostrig.Host) {
	internet := h.Internet(t)
	rcon, other := h.Listen(t, "tcp", "0.0.0.0:"+gamePort), h.Listen(t, "tcp", "0.0.0.0:27014")
	for _, listener := range []net.Listener{rcon, other} {
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				_ = connection.Close()
			}
		}()
	}
	game := h.ListenUDP(t, hostrig.HostAddress+":"+gamePort)
	player := newPlayer(t, internet, hostrig.PrivateAddress+":0", unix.IPPROTO_IP, unix.IP_RECVTOS)
	game6 := h.ListenUDP(t, "["+hostrig.HostAddressV6+"]:"+gamePort)
	player6 := newPlayer(t, internet, "[fd00::9]:0", unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS)
	download := h.ListenUDP(t, hostrig.HostAddress+":0")

	// Without it, so that the rest means something.
	if err := dial(t, internet.Dial, hostrig.HostAddress+":"+gamePort); err != nil {
		t.Fatalf("without the firewall RCON is closed: %v", err)
	}
	if is := player.class(t, game); is != 0 {
		t.Fatalf("without the firewall a packet has class %#x", is)
	}
	if arrived := flood(t, player.socket, game); arrived != floodSize {
		t.Fatalf("without the firewall %d of %d queries arrive", arrived, floodSize)
	}
	for range 2 { // it may be loaded again
		h.Output(t, "nft", "-f", examples+"left4me.nft")
	}

	if err := dial(t, internet.Dial, hostrig.HostAddress+":"+gamePort); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("RCON from outside: %v", err)
	}
	for what, err := range map[string]error{
		"RCON on loopback":             dial(t, h.Dial, "127.0.0.1:"+gamePort),
		"RCON on the host's own":       dial(t, h.Dial, hostrig.HostAddress+":"+gamePort),
		"another service from outside": dial(t, internet.Dial, hostrig.HostAddress+":27014"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	const cs4 = 0x80 // the six bits of DSCP 32 and two of ECN
	for what, c := range map[string]struct{ is, want int }{
		"a game's packet": {player.class(t, game), cs4}, "a game's packet by IPv6": {player6.class(t, game6), cs4}, "another": {player.class(t, download), 0},
	} {
		if c.is != c.want {
			t.Errorf("%s has class %#x, want %#x", what, c.is, c.want)
		}
	}
	// Sixty at once are let in and thirty a second after that, so a slow machine may need more than one flood.
	await(t, "queries of one address are limited", func() (bool, string) {
		arrived := flood(t, player.socket, game)
		return arrived < floodSize, "all of them arrive"
	})
	neighbour := internet.ListenUDP(t, "192.168.1.1:0")
	if arrived := send(t, neighbour, game, 1); arrived != 1 {
		t.Error("another address is limited for what the first did")
	}
	h.Output(t, "nft", "delete", "table", "inet", "left4me")
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func dial(t *testing.T, from dialer, address string) error {
	t.Helper()
	connection, err := from(t.Context(), "tcp", address)
	if err == nil {
		_ = connection.Close()
	}
	return err
}

// player is a socket that is told the class of the packets it gets.
type player struct{ socket *net.UDPConn }

func newPlayer(t *testing.T, internet *hostrig.Internet, address string, level, option int) player {
	t.Helper()
	socket := internet.ListenUDP(t, address)
	raw, err := socket.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return player{socket}
}

// class sends a packet from a socket of the host and returns the class it arrives with: DSCP and ECN.
func (p player) class(t *testing.T, from *net.UDPConn) int {
	t.Helper()
	if _, err := from.WriteTo([]byte("a game's packet"), p.socket.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	_ = p.socket.SetReadDeadline(time.Now().Add(patience))
	data, control := make([]byte, 1500), make([]byte, 512)
	_, n, _, _, err := p.socket.ReadMsgUDP(data, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	return int(messages[0].Data[0])
}

// floodSize is twice what comes in at once, and fits into the buffer of a socket.
const floodSize = 120

func flood(t *testing.T, from, game *net.UDPConn) int { return send(t, from, game, floodSize) }

// send sends queries and then a player's packet, which no limit holds back, and returns how many queries arrived.
func send(t *testing.T, from, game *net.UDPConn, queries int) int {
	t.Helper()
	for i := range queries + 1 {
		packet := []byte(query)
		if i == queries {
			packet = []byte("a player's packet")
		}
		if _, err := from.WriteTo(packet, game.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	_ = game.SetReadDeadline(time.Now().Add(patience))
	data := make([]byte, 1500)
	for arrived := 0; ; arrived++ {
		n, err := game.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data[:n], []byte(query)) {
			return arrived
		}
	}
}

// testSysctl holds the example against what this kernel knows. Its settings are those of the whole machine, so the host,
// which is a container, cannot set them.
func testSysctl(t *testing.T, h *hostrig.Host) {
	file := examples + "sysctl-left4me.conf"
	h.Output(t, "sysctl", "--ignore", "--dry-run", "--load="+file) // a network namespace lacks some
	setting := regexp.MustCompile(`(?m)^([a-z0-9_.]+) = (\d+)$`)
	settings := setting.FindAllStringSubmatch(string(h.Read(t, file)), -1)
	if len(settings) != 8 {
		t.Errorf("settings: %v", settings)
	}
	for _, found := range settings {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(found[1], ".", "/"))
		text, err := os.ReadFile(path)
		if _, numeric := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || numeric != nil {
			t.Errorf("%s holds %q: %v", path, text, err)
		}
	}
}

// testGameCores reserves a core with its two threads for games, on a processor that shows four threads, and gives it back.
func testGameCores(t *testing.T, h *hostrig.Host) {
	const real, shown = "/sys/devices/system/cpu", "/root/cpu"
	for cpu, siblings := range []string{"0,2", "1,3", "0,2", "1,3"} {
		h.Put(t, shown+"/cpu"+strconv.Itoa(cpu)+"/topology/thread_siblings_list", []byte(siblings+"\n"), 0o644)
	}
	h.Output(t, "mount", "--bind", shown, real)
	allowed := func() string {
		var out []string
		for _, slice := range []string{"left4me-game.slice", "left4me-build.slice"} {
			out = append(out, h.Properties(t, slice, "AllowedCPUs")["AllowedCPUs"])
		}
		return strings.Join(out, " and ")
	}
	if said := provision(t, h, "--game-cores", "1"); !strings.Contains(said, "left4me-game.slice.d/50-cpus.conf") {
		t.Errorf("nothing is said about the slices:\n%s", said)
	}
	if is := allowed(); is != "1 3 and 0 2" {
		t.Errorf("games and builds may use CPUs %s", is)
	}
	if again := provision(t, h, "--game-cores", "1"); !strings.HasPrefix(again, nothing) {
		t.Errorf("the same again changes\n%s", again)
	}
	if again := provision(t, h); !strings.HasPrefix(again, nothing) {
		t.Errorf("a run that says nothing of cores changes\n%s", again)
	}
	if said, code := try(t, h, "left4me", "provision", "--game-cores", "2"); code == 0 || !strings.Contains(said, "one must be left") {
		t.Errorf("all cores for games: exit code %d: %s", code, said)
	}
	h.Output(t, "umount", real)
	testEffectiveCores(t, h)
	provision(t, h, "--game-cores", "-1")
	if is := allowed(); is != " and " {
		t.Errorf("after it was taken back: %s", is)
	}
}

// testEffectiveCores looks at what the kernel makes of it, where groups of version 2 have cpusets.
func testEffectiveCores(t *testing.T, h *hostrig.Host) {
	t.Helper()
	controllers, _ := try(t, h, "cat", "/sys/fs/cgroup/cgroup.controllers")
	cpus := strings.Fields(h.Output(t, "nproc", "--all"))
	if !strings.Contains(controllers, "cpuset") || cpus[0] == "1" {
		t.Logf("the kernel's side is not seen here: controllers of version 2: %q, CPUs: %v", controllers, cpus)
		return
	}
	provision(t, h, "--game-cores", "1")
	want := h.Properties(t, "left4me-game.slice", "AllowedCPUs")["AllowedCPUs"]
	h.Output(t, "systemctl", "start", "left4me-game.slice")
	if is := h.Properties(t, "left4me-game.slice", "EffectiveCPUs")["EffectiveCPUs"]; is != want {
		t.Errorf("games may use CPUs %s, want %s", is, want)
	}
}
