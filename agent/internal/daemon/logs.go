package daemon

import (
	"context"
	"net"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// receiveLogs takes the logs that games send by UDP, if an address is configured for them.
func (a *Agent) receiveLogs(ctx context.Context) error {
	address := a.config.Servers.LogListen
	if address == "" {
		return nil
	}
	socket, err := new(net.ListenConfig).ListenPacket(ctx, "udp", address)
	if err != nil {
		return fault.Wrap(err, fault.Precondition, "The address %s for the logs of games cannot be listened on: %v.", address, err).
			WithHint("Change log_listen in the servers block to a free address of this host.")
	}
	go func() {
		<-ctx.Done()
		_ = socket.Close()
	}()
	datagram := make([]byte, 64<<10)
	warned := time.Time{}
	for {
		n, _, err := socket.ReadFrom(datagram)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = a.servers.TakeLog(ctx, datagram[:n])
		}
		if err != nil && time.Since(warned) > time.Minute {
			warned = time.Now()
			a.log.Warn("take a log line", "error", err)
		}
	}
}
