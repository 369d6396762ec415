package srcds

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

const splitSize = 1248

// queryServer answers the server queries on the UDP side of the port.
type queryServer struct {
	game   *Game
	conn   net.PacketConn
	secret uint32 // of the challenges
	nextID uint32 // of split answers
}

func newQueryServer(g *Game, conn net.PacketConn) *queryServer {
	return &queryServer{game: g, conn: conn, secret: rand.Uint32()}
}

func (q *queryServer) close() { _ = q.conn.Close() }

func (q *queryServer) serve() {
	buf := make([]byte, 2048)
	for {
		n, from, err := q.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		request, ok := bytes.CutPrefix(buf[:n], []byte("\xff\xff\xff\xff"))
		if !ok || len(request) == 0 {
			continue
		}
		var reply []byte
		if !q.game.call(func() { reply = q.answer(request, from) }) {
			return
		}
		q.send(reply, from)
	}
}

// challenge depends on the asker, so that a forged source address cannot use it.
func (q *queryServer) challenge(from net.Addr) uint32 {
	h := q.secret
	for _, b := range []byte(from.String()) {
		h = (h ^ uint32(b)) * 16777619
	}
	return h &^ 0x80000000
}

func (q *queryServer) answer(request []byte, from net.Addr) []byte {
	if q.game.mapName == "" {
		return nil // without a map there is nothing to tell
	}
	kind, rest := request[0], request[1:]
	if kind == 'T' {
		var ok bool
		if rest, ok = bytes.CutPrefix(rest, []byte("Source Engine Query\x00")); !ok {
			return nil
		}
	} else if kind != 'U' && kind != 'V' {
		return nil
	}
	challenge := q.challenge(from)
	if len(rest) < 4 || binary.LittleEndian.Uint32(rest) != challenge {
		return binary.LittleEndian.AppendUint32([]byte("\xff\xff\xff\xffA"), challenge)
	}
	switch kind {
	case 'T':
		return q.game.queryInfo()
	case 'U':
		return q.game.queryPlayers()
	}
	return q.game.queryRules()
}

// send splits what does not fit one datagram.
func (q *queryServer) send(reply []byte, to net.Addr) {
	if len(reply) <= splitSize+12 {
		if len(reply) > 0 {
			_, _ = q.conn.WriteTo(reply, to)
		}
		return
	}
	q.nextID = (q.nextID + 1) &^ 0x80000000
	total := (len(reply) + splitSize - 1) / splitSize
	for i := range total {
		part := []byte("\xfe\xff\xff\xff")
		part = binary.LittleEndian.AppendUint32(part, q.nextID)
		part = append(part, byte(total), byte(i))
		part = binary.LittleEndian.AppendUint16(part, splitSize)
		part = append(part, reply[i*splitSize:min((i+1)*splitSize, len(reply))]...)
		_, _ = q.conn.WriteTo(part, to)
	}
}

func appendText(dst []byte, texts ...string) []byte {
	for _, s := range texts {
		dst = append(append(dst, s...), 0)
	}
	return dst
}

func (g *Game) queryInfo() []byte {
	humans := len(g.humans())
	out := append([]byte("\xff\xff\xff\xffI"), 17)
	out = appendText(out, g.text("hostname"), g.mapName, g.opts.game, "Left 4 Dead 2")
	out = binary.LittleEndian.AppendUint16(out, 550)
	out = append(out, byte(len(g.players)), byte(g.maxPlayers()), byte(len(g.players)-humans), 'd', 'l')
	out = append(out, byte(btoi(g.text("sv_password") != "")), byte(btoi(g.secure)))
	out = appendText(out, g.version)
	out = append(out, 0x80|0x10|0x20|0x01)
	out = binary.LittleEndian.AppendUint16(out, uint16(g.opts.port))
	out = binary.LittleEndian.AppendUint64(out, 90071992547409920+uint64(g.opts.port))
	out = appendText(out, g.keywords(humans))
	return binary.LittleEndian.AppendUint64(out, 550)
}

func (g *Game) keywords(humans int) string {
	words := []string{g.text("mp_gamemode")}
	if humans == 0 {
		words = append(words, "empty")
	}
	if g.secure {
		words = append(words, "secure")
	}
	if tags := g.text("sv_tags"); tags != "" {
		words = append(words, tags)
	}
	return strings.Join(words, ",")
}

func (g *Game) queryPlayers() []byte {
	out := append([]byte("\xff\xff\xff\xffD"), byte(len(g.players)))
	for _, p := range g.players {
		out = append(out, 0) // the index is 0 for all
		out = appendText(out, p.name)
		out = binary.LittleEndian.AppendUint32(out, uint32(p.score))
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(time.Since(p.joined).Seconds())))
	}
	return out
}

func (g *Game) queryRules() []byte {
	out := []byte("\xff\xff\xff\xffE\x00\x00")
	n := 0
	for _, v := range g.sortedCvars() {
		if v.public {
			out = appendText(out, v.name, v.value)
			n++
		}
	}
	binary.LittleEndian.PutUint16(out[5:], uint16(n))
	return out
}
