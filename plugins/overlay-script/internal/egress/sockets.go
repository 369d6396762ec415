package egress

import (
	"net"
	"os"
)

// Sockets are the two ends of a script's namespace that the plugin holds.
type Sockets struct {
	Listeners []net.Listener
	Packets   []net.PacketConn
}

// OpenSockets takes over the files, which it closes. The first listeners of them are TCP listeners,
// the rest are UDP sockets.
func OpenSockets(files []*os.File, listeners int) (Sockets, error) {
	var out Sockets
	var failure error
	for i, file := range files {
		if failure == nil {
			failure = out.take(file, i < listeners)
		}
		_ = file.Close()
	}
	if failure != nil {
		out.Close()
	}
	return out, failure
}

func (s *Sockets) take(file *os.File, stream bool) error {
	if stream {
		listener, err := net.FileListener(file)
		if err == nil {
			s.Listeners = append(s.Listeners, listener)
		}
		return err
	}
	packets, err := net.FilePacketConn(file)
	if err == nil {
		s.Packets = append(s.Packets, packets)
	}
	return err
}

// Close closes all sockets that were not handed to a relay.
func (s *Sockets) Close() {
	for _, listener := range s.Listeners {
		_ = listener.Close()
	}
	for _, packets := range s.Packets {
		_ = packets.Close()
	}
}
