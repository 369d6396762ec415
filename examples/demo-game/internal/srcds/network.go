package srcds

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// portTries is how many ports the engine tries without -strictportbind.
const portTries = 100

// listen opens the game's port for UDP and TCP, on the address that was asked for or on the primary one
// alone, which leaves loopback closed.
func (g *Game) listen() error {
	if g.opts.ip == "" || g.opts.ip == "localhost" {
		g.opts.ip = primaryAddress()
	}
	for port := g.opts.port; port < g.opts.port+portTries; port++ {
		err := g.listenOn(port)
		if err == nil {
			g.opts.port = port
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("Network: cannot bind %s:%d", g.opts.ip, port) //nolint:staticcheck // the engine's words
		}
		if g.opts.strictPort {
			return fmt.Errorf("Couldn't allocate dedicated server IP port %d", port) //nolint:staticcheck // the engine's words
		}
	}
	return errors.New("Couldn't allocate any server IP port") //nolint:staticcheck // the engine's words
}

func (g *Game) listenOn(port int) error {
	address := net.JoinHostPort(g.opts.ip, strconv.Itoa(port))
	udp, err := net.ListenPacket("udp4", address)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp4", address)
	if err != nil {
		_ = udp.Close()
		return err
	}
	g.queries = newQueryServer(g, udp)
	g.rcon = newRCONServer(g, tcp)
	return nil
}

func (g *Game) serve() {
	go g.queries.serve()
	g.rcon.serve()
}

// primaryAddress is the first address that is not loopback.
func primaryAddress() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}
