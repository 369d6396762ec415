package query_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

// rconPeer plays the server's side of one connection after the other; it counts connections.
type rconPeer struct {
	dials atomic.Int32
	wg    sync.WaitGroup
}

func (p *rconPeer) dial(serve func(n int, c net.Conn)) query.DialFunc {
	return func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		n := int(p.dials.Add(1))
		p.wg.Go(func() { defer server.Close(); serve(n, server) })
		return client, nil
	}
}

// expect reads one packet and returns it; send writes packets.
func expect(c net.Conn) query.Packet { p, _ := query.ReadPacket(c); return p }

func send(c net.Conn, packets ...query.Packet) {
	var buf []byte
	for _, p := range packets {
		buf = p.Append(buf)
	}
	_, _ = c.Write(buf)
}

func accept(c net.Conn) {
	p := expect(c)
	send(c, query.Packet{ID: p.ID}, query.Packet{ID: p.ID, Type: query.PacketAuthResponse})
}

// reply answers one command with its end mark, as the engine does, in pieces of at most 4086 bytes.
func reply(c net.Conn, text string) query.Packet {
	cmd, mark := expect(c), expect(c)
	for len(text) > 4086 {
		send(c, query.Packet{ID: cmd.ID, Body: []byte(text[:4086])})
		text = text[4086:]
	}
	send(c, query.Packet{ID: cmd.ID, Body: []byte(text)},
		query.Packet{ID: mark.ID}, query.Packet{ID: mark.ID, Body: []byte{0, 1, 0, 0}})
	return cmd
}

func TestRCONPacketsOfTheTranscripts(t *testing.T) {
	n := 0
	for line := range strings.Lines(fixture(t, "rcon/transcripts.hex.txt")) {
		fields := strings.Fields(line)
		if len(fields) < 2 || (fields[0] != "C" && fields[0] != "S") {
			continue
		}
		raw, err := hex.DecodeString(fields[1])
		if err != nil {
			continue // a described packet, not a recorded one
		}
		p, err := query.ReadPacket(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if diff := cmp.Diff(raw, p.Append(nil)); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
		n++
	}
	if n < 16 {
		t.Errorf("only %d packets read", n)
	}
}

// The whole conversation "command with sentinel" of the transcripts, byte by byte.
func TestRCONAnswerEndsAtTheMirroredMark(t *testing.T) {
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(_ int, c net.Conn) {
		accept(c)
		for {
			if reply(c, "hostname: x\n...").Type != query.PacketExecCommand {
				return
			}
		}
	}), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	for range 3 { // the trailing packet of one command must not end the next
		text, err := c.Command(t.Context(), "status")
		if err != nil || text != "hostname: x\n..." {
			t.Fatalf("%q, %v", text, err)
		}
	}
	if n := peer.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestRCONJoinsLongAnswersBeforeDecoding(t *testing.T) {
	want := strings.Repeat("桐", 5000) // 15000 bytes, cut inside characters
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(_ int, c net.Conn) { accept(c); reply(c, want) }), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	if got, err := c.Command(t.Context(), "cvarlist"); err != nil || got != want {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

func TestRCONNeverRepeatsARefusedPassword(t *testing.T) {
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(n int, c net.Conn) {
		if n > 1 {
			accept(c)
			reply(c, "fine")
			return
		}
		p := expect(c)
		send(c, query.Packet{ID: p.ID}, query.Packet{ID: -1, Type: query.PacketAuthResponse})
	}), "wrong")
	defer peer.wg.Wait()
	defer c.Close()
	for range 20 {
		if _, err := c.Query(t.Context(), "status"); !errors.Is(err, query.ErrRefused) {
			t.Fatal(err)
		}
	}
	c.SetPassword("wrong")
	if _, err := c.Query(t.Context(), "status"); !errors.Is(err, query.ErrRefused) || peer.dials.Load() != 1 {
		t.Fatalf("%v after %d connections", err, peer.dials.Load())
	}
	c.SetPassword("right")
	if text, err := c.Query(t.Context(), "status"); err != nil || text != "fine" {
		t.Fatal(text, err)
	}
}

func TestRCONSaysWhenItIsTurnedAway(t *testing.T) {
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(_ int, c net.Conn) { expect(c) }), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	if _, err := c.Query(t.Context(), "status"); !errors.Is(err, query.ErrTurnedAway) || peer.dials.Load() != 1 {
		t.Fatalf("%v after %d connections", err, peer.dials.Load())
	}
}

func TestRCONReconnectsWhenTheServerClosed(t *testing.T) {
	var peer rconPeer
	closed := make(chan struct{})
	c := query.NewRCON(peer.dial(func(n int, c net.Conn) {
		accept(c)
		reply(c, "one")
		if n == 1 {
			c.Close()
			close(closed)
		}
	}), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	if _, err := c.Command(t.Context(), "status"); err != nil {
		t.Fatal(err)
	}
	<-closed
	if text, err := c.Query(t.Context(), "status"); err != nil || text != "one" {
		t.Fatal(text, err)
	}
}

func TestRCONCommandsThatMayHaveRunAreNotRepeated(t *testing.T) {
	var peer rconPeer
	var seen atomic.Int32
	serve := func(_ int, c net.Conn) {
		accept(c)
		if expect(c).Type == query.PacketExecCommand {
			seen.Add(1)
		}
	}
	c := query.NewRCON(peer.dial(serve), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	if _, err := c.Command(t.Context(), "kickid 5"); !errors.Is(err, query.ErrLost) || seen.Load() != 1 {
		t.Fatalf("%v, ran %d times", err, seen.Load())
	}
	if _, err := c.Query(t.Context(), "status"); !errors.Is(err, query.ErrLost) || seen.Load() != 3 {
		t.Fatalf("%v, ran %d times", err, seen.Load())
	}
}

func TestRCONHungServerEndsWithTheContext(t *testing.T) {
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(_ int, c net.Conn) { accept(c); _, _ = io.Copy(io.Discard, c) }), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Command(ctx, "status"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestRCONAnswersStayWithTheirCommandsUnderConcurrency(t *testing.T) {
	var peer rconPeer
	c := query.NewRCON(peer.dial(func(_ int, c net.Conn) {
		accept(c)
		for {
			cmd, mark := expect(c), expect(c)
			if mark.ID == 0 {
				return
			}
			send(c, query.Packet{ID: cmd.ID, Body: cmd.Body}, query.Packet{ID: mark.ID},
				query.Packet{ID: mark.ID, Body: []byte{0, 1, 0, 0}})
		}
	}), "secret")
	defer peer.wg.Wait()
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			line := strings.Repeat("x", i+1)
			if got, err := c.Command(t.Context(), line); err != nil || got != line {
				t.Errorf("%q: %q, %v", line, got, err)
			}
		})
	}
	wg.Wait()
}

func TestRCONRefusesUnsendableCommands(t *testing.T) {
	c := query.NewRCON(func(context.Context) (net.Conn, error) { t.Fatal("connected"); return nil, nil }, "x")
	for _, line := range []string{"a\nb", "a\x00b", "a\rb", strings.Repeat("x", query.MaxCommand+1)} {
		if _, err := c.Command(t.Context(), line); !errors.Is(err, query.ErrCommand) {
			t.Errorf("%.20q: %v", line, err)
		}
	}
	_ = c.Close()
	if _, err := c.Command(t.Context(), "status"); !errors.Is(err, query.ErrClosed) {
		t.Error(err)
	}
}

func TestReadPacketRefusesNonsense(t *testing.T) {
	for data, want := range map[string]error{
		"": io.EOF, "0a00": io.ErrUnexpectedEOF, "09000000": query.ErrPacket, "ffffffff": query.ErrPacket,
		"ffffff7f": query.ErrPacket, "0a000000000000": io.ErrUnexpectedEOF, "0a00000001000000000000000001": query.ErrPacket,
	} {
		raw, _ := hex.DecodeString(data)
		if _, err := query.ReadPacket(bytes.NewReader(raw)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", data, err, want)
		}
	}
}

func FuzzReadPacket(f *testing.F) {
	f.Add(query.Packet{ID: 1, Type: 3, Body: []byte("secret")}.Append(nil))
	f.Add([]byte{0x0e, 0, 0, 0, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := query.ReadPacket(bytes.NewReader(data))
		if err != nil {
			return
		}
		if out := p.Append(nil); !bytes.HasPrefix(data, out) {
			t.Errorf("%x became %x", data, out)
		}
	})
}
