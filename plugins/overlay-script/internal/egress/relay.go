package egress

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxConnections = 256
	maxQueries     = 64
	maxNotes       = 20
	dialTimeout    = 20 * time.Second
	queryTimeout   = 5 * time.Second
	maxDNSMessage  = 65535
)

// Relay carries connections of one script to where Policy lets them go.
type Relay struct {
	policy Policy
	note   func(string)
	cancel context.CancelFunc
	done   sync.WaitGroup
	slots  chan struct{}

	mu      sync.Mutex
	noted   map[string]bool
	closers []io.Closer
}

// NewRelay serves the sockets until Close, which closes them. Note is told, once each, about
// connections that were refused or failed; it is called from several goroutines.
func NewRelay(sockets Sockets, policy Policy, note func(string)) *Relay {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{policy: policy, note: note, cancel: cancel, slots: make(chan struct{}, maxConnections), noted: map[string]bool{}}
	for _, listener := range sockets.Listeners {
		r.closers = append(r.closers, listener)
		r.done.Go(func() { r.accept(ctx, listener) })
	}
	for _, packets := range sockets.Packets {
		r.closers = append(r.closers, packets)
		r.done.Go(func() { r.answer(ctx, packets) })
	}
	return r
}

// Close ends every connection and returns when no goroutine is left.
func (r *Relay) Close() {
	r.cancel()
	for _, closer := range r.closers {
		_ = closer.Close()
	}
	r.done.Wait()
}

func (r *Relay) accept(ctx context.Context, listener net.Listener) {
	for {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		connection, err := listener.Accept()
		if err != nil {
			<-r.slots
			if ctx.Err() != nil {
				return
			}
			if !pause(ctx) {
				return
			}
			continue
		}
		r.done.Go(func() {
			defer func() { <-r.slots }()
			r.carry(ctx, connection.(*net.TCPConn))
		})
	}
}

// pause waits a little after a failed accept, for example when file descriptors ran out.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(50 * time.Millisecond):
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Relay) carry(ctx context.Context, inner *net.TCPConn) {
	defer inner.Close()
	destination := inner.LocalAddr().(*net.TCPAddr).AddrPort()
	outer, err := r.dial(ctx, destination)
	if err != nil {
		r.say(destination, err)
		_ = inner.SetLinger(0) // a reset, not a clean end: nothing was there
		return
	}
	defer outer.Close()
	stop := context.AfterFunc(ctx, func() { _ = inner.Close(); _ = outer.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pipe(outer, inner) })
	both.Go(func() { pipe(inner, outer) })
	both.Wait()
}

// pipe copies until the source ends, and hands the end on. A broken source resets the target, so
// that a cut download does not look complete.
func pipe(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = to.CloseWrite()
}

func (r *Relay) dial(ctx context.Context, destination netip.AddrPort) (*net.TCPConn, error) {
	target, err := r.policy.Target(destination)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", target.String())
	if err != nil {
		return nil, err
	}
	return connection.(*net.TCPConn), nil
}

// answer relays DNS questions that arrived for the address the socket is bound to.
func (r *Relay) answer(ctx context.Context, packets net.PacketConn) {
	resolver := packets.LocalAddr().(*net.UDPAddr).AddrPort()
	slots := make(chan struct{}, maxQueries)
	buffer := make([]byte, maxDNSMessage)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil || !pause(ctx) {
				return
			}
			continue
		}
		query := append([]byte(nil), buffer[:n]...)
		select {
		case slots <- struct{}{}:
		default:
			continue // as a full resolver does: the asker tries again
		}
		r.done.Go(func() {
			defer func() { <-slots }()
			reply, err := r.ask(ctx, resolver, query)
			if err != nil {
				r.say(resolver, err)
				return
			}
			_, _ = packets.WriteTo(reply, from)
		})
	}
}

func (r *Relay) ask(ctx context.Context, resolver netip.AddrPort, query []byte) ([]byte, error) {
	target, err := r.policy.Target(resolver)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: queryTimeout}
	connection, err := dialer.DialContext(ctx, "udp", target.String())
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	_ = connection.SetDeadline(time.Now().Add(queryTimeout))
	if _, err := connection.Write(query); err != nil {
		return nil, err
	}
	reply := make([]byte, maxDNSMessage)
	n, err := connection.Read(reply)
	return reply[:n], err
}

func (r *Relay) say(destination netip.AddrPort, cause error) {
	text := fmt.Sprintf("No connection to %s: %s.", destination, cause)
	r.mu.Lock()
	known := r.noted[text] || len(r.noted) >= maxNotes
	if !known {
		r.noted[text] = true
	}
	r.mu.Unlock()
	if !known && r.note != nil {
		r.note(text)
	}
}
