package query

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// rconLink is one connection. A goroutine reads it all the time, so that a close by the server is known
// before the next command is written.
type rconLink struct {
	conn     net.Conn
	password string
	packets  chan Packet
	ended    chan struct{} // closed when nothing more can be read
	quit     chan struct{} // closed when nobody reads packets any more
}

func newRCONLink(conn net.Conn, password string) *rconLink {
	l := &rconLink{
		conn: conn, password: password,
		packets: make(chan Packet), ended: make(chan struct{}), quit: make(chan struct{}),
	}
	go l.read()
	return l
}

func (l *rconLink) read() {
	defer close(l.ended)
	for {
		p, err := ReadPacket(l.conn)
		if err != nil {
			return
		}
		select {
		case l.packets <- p:
		case <-l.quit:
			return
		}
	}
}

func (l *rconLink) close() {
	close(l.quit)
	_ = l.conn.Close()
	<-l.ended
}

func (l *rconLink) alive() bool {
	select {
	case <-l.ended:
		return false
	default:
		return true
	}
}

// next returns the next packet, or ErrLost.
func (l *rconLink) next(ctx context.Context) (Packet, error) {
	select {
	case p := <-l.packets:
		return p, nil
	case <-ctx.Done():
		return Packet{}, ctx.Err()
	case <-l.ended:
		return Packet{}, ErrLost
	}
}

func (l *rconLink) write(ctx context.Context, packets ...Packet) error {
	var buf []byte
	for _, p := range packets {
		buf = p.Append(buf)
	}
	deadline, _ := ctx.Deadline()
	_ = l.conn.SetWriteDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := l.conn.Write(buf); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return ErrLost
	}
	return nil
}

const authID = 1

func (l *rconLink) authenticate(ctx context.Context) error {
	if err := l.write(ctx, Packet{ID: authID, Type: PacketAuth, Body: []byte(l.password)}); err != nil {
		return turnedAway(err)
	}
	for {
		p, err := l.next(ctx)
		switch {
		case err != nil:
			return turnedAway(err)
		case p.Type == PacketAuthResponse && p.ID == authID:
			return nil
		case p.Type == PacketAuthResponse:
			return ErrRefused
		}
		// An empty RESPONSE_VALUE comes before the verdict.
	}
}

func turnedAway(err error) error {
	if errors.Is(err, ErrLost) {
		return ErrTurnedAway
	}
	return err
}

// run sends line with id and, as an end mark, an empty RESPONSE_VALUE with the next id, which the server
// mirrors after everything the command printed. The mirror is followed by one more packet with the mark's
// id; the next run skips it because its id is old.
func (l *rconLink) run(ctx context.Context, id int32, line string) (string, error) {
	mark := id + 1
	err := l.write(ctx,
		Packet{ID: id, Type: PacketExecCommand, Body: []byte(line)},
		Packet{ID: mark, Type: PacketResponseValue})
	if err != nil {
		return "", err
	}
	var body []byte // joined before it is read as UTF-8: the server cuts at bytes
	for {
		p, err := l.next(ctx)
		switch {
		case err != nil:
			return "", err
		case p.Type == PacketAuthResponse:
			return "", ErrLost // the server forgot that we are authenticated
		case p.ID == mark:
			return strings.ToValidUTF8(string(body), "\uFFFD"), nil
		case p.ID == id:
			body = append(body, p.Body...)
		}
		if len(body) > MaxAnswer {
			return "", ErrAnswerTooLong
		}
	}
}
