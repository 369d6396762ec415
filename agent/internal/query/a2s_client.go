package query

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// A2S asks one server over UDP. The zero values of its fields but Addr are usable; it holds no socket
// between queries and is safe for concurrent use.
type A2S struct {
	Addr netip.AddrPort
	// Resend is how long one request waits before it is sent again; 0 means one second. A server that is
	// asked too often answers with silence, so keep it long.
	Resend time.Duration
}

// ErrNoAnswer says that nothing valid came back in time.
var ErrNoAnswer = errors.New("no answer to the server query")

// maxDatagram is above the engine's 1400 bytes; longer datagrams are cut and then fail to parse.
const maxDatagram = 4096

// Info asks for A2S_INFO until ctx ends. Give ctx a deadline.
func (q A2S) Info(ctx context.Context) (Info, error) {
	return ask(ctx, q, InfoRequest, a2sInfoReply, ParseInfo)
}

// Players asks for A2S_PLAYER until ctx ends.
func (q A2S) Players(ctx context.Context) ([]PlayerInfo, error) {
	return ask(ctx, q, PlayersRequest, a2sPlayReply, ParsePlayers)
}

// Rules asks for A2S_RULES until ctx ends.
func (q A2S) Rules(ctx context.Context) ([]Rule, error) {
	return ask(ctx, q, RulesRequest, a2sRuleReply, ParseRules)
}

// ask runs one query. The socket is not connected: a server that listens on every address may answer from
// another one than it was asked at. Datagrams from another port are ignored.
func ask[T any](
	ctx context.Context, q A2S, request func(uint32) []byte, kind byte, parse func([]byte) (T, error),
) (T, error) {
	var none T
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return none, fmt.Errorf("open query socket: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()

	data, err := converse(ctx, conn, q, request, kind)
	if err != nil {
		return none, err
	}
	return parse(data)
}

func converse(
	ctx context.Context, conn *net.UDPConn, q A2S, request func(uint32) []byte, kind byte,
) ([]byte, error) {
	resend := q.Resend
	if resend == 0 {
		resend = time.Second
	}
	challenge, challenged := NoChallenge, 0
	for ctx.Err() == nil {
		if _, err := conn.WriteToUDPAddrPort(request(challenge), q.Addr); err != nil {
			return nil, fmt.Errorf("send server query: %w", err)
		}
		data, err := receive(ctx, conn, q.Addr.Port(), time.Now().Add(resend), kind)
		if err != nil {
			return nil, err
		}
		if next, ok := ParseChallenge(data); ok {
			challenge = next
			if challenged++; challenged > 8 {
				return nil, fmt.Errorf("%w: only challenges", ErrA2S)
			}
		} else if data != nil {
			return data, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrNoAnswer, ctx.Err())
}

// receive returns the next challenge or whole answer of kind, or nil at deadline.
func receive(ctx context.Context, conn *net.UDPConn, port uint16, deadline time.Time, kind byte) ([]byte, error) {
	_ = conn.SetReadDeadline(deadline)
	var parts Assembler
	buf := make([]byte, maxDatagram)
	for ctx.Err() == nil {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("receive server answer: %w", err)
		case from.Port() != port:
			continue
		}
		data, err := parts.Add(buf[:n])
		if err != nil || len(data) < 5 || (data[4] != kind && data[4] != a2sChallenge) {
			continue // a stray or forged datagram must not end the query
		}
		return data, nil
	}
	return nil, nil
}
