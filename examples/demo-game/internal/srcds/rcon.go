package srcds

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	rconResponse     = 0
	rconExec         = 2
	rconAuthResponse = 2
	rconAuth         = 3
	rconOverhead     = 10
	rconMaxBody      = 4096 - rconOverhead
)

// rconServer is the TCP side of the port. Connections read and write on their own goroutines; what they ask
// for runs in the engine.
type rconServer struct {
	game     *Game
	listener net.Listener

	mu       sync.Mutex
	conns    map[net.Conn]bool // true when authenticated
	banned   map[string]bool
	failures map[string][]time.Time
}

func newRCONServer(g *Game, l net.Listener) *rconServer {
	return &rconServer{
		game: g, listener: l, conns: map[net.Conn]bool{}, banned: map[string]bool{}, failures: map[string][]time.Time{},
	}
}

func (s *rconServer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.converse(conn)
	}
}

func (s *rconServer) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// dropAll closes the authenticated connections.
func (s *rconServer) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, authenticated := range s.conns {
		if authenticated {
			_ = c.Close()
		}
	}
}

func (s *rconServer) ban(ip string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.banned[ip] = true
}

func (s *rconServer) unban(ip string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.banned[ip]
	delete(s.banned, ip)
	delete(s.failures, ip)
	return was
}

func (s *rconServer) bans() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.banned))
}

func hostOf(conn net.Conn) string {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	return host
}

func (s *rconServer) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.banned[hostOf(conn)] {
		return false
	}
	s.conns[conn] = false
	return true
}

func (s *rconServer) converse(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if !s.admit(conn) {
		return
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
	}()
	for {
		id, kind, body, err := readRCON(conn)
		if err != nil {
			return
		}
		var reply []byte
		closing := false
		if !s.game.call(func() { reply, closing = s.answer(conn, id, kind, body) }) {
			return
		}
		if _, err := conn.Write(reply); err != nil || closing {
			return
		}
	}
}

// readRCON reads one request; sizes above sv_rcon_maxpacketsize of the real server end the connection.
func readRCON(r io.Reader) (id, kind int32, body string, err error) {
	var head [12]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, "", err
	}
	size := int32(binary.LittleEndian.Uint32(head[:]))
	if size < rconOverhead || size > 1024 {
		return 0, 0, "", fmt.Errorf("packet of %d bytes", size)
	}
	rest := make([]byte, size-8)
	if _, err = io.ReadFull(r, rest); err != nil {
		return 0, 0, "", err
	}
	body, _, _ = strings.Cut(string(rest), "\x00")
	return int32(binary.LittleEndian.Uint32(head[4:])), int32(binary.LittleEndian.Uint32(head[8:])), body, nil
}

func appendRCON(dst []byte, id, kind int32, body string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rconOverhead+len(body)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(kind))
	return append(append(dst, body...), 0, 0)
}

// answer runs in the engine.
func (s *rconServer) answer(conn net.Conn, id, kind int32, body string) (reply []byte, closing bool) {
	s.mu.Lock()
	authenticated := s.conns[conn]
	s.mu.Unlock()
	switch {
	case kind == rconAuth:
		return s.authenticate(conn, id, body)
	case !authenticated:
		return appendRCON(nil, -1, rconAuthResponse, ""), false
	case kind == rconExec:
		return s.execute(conn, id, body), false
	case kind == rconResponse:
		// A client's end mark is mirrored, with one more packet after it.
		return appendRCON(appendRCON(nil, id, rconResponse, ""), id, rconResponse, "\x00\x01\x00\x00"), false
	}
	return nil, false
}

func (s *rconServer) authenticate(conn net.Conn, id int32, password string) (reply []byte, closing bool) {
	want := s.game.text("rcon_password")
	if want == "" {
		return nil, true // RCON is off
	}
	reply = appendRCON(nil, id, rconResponse, "")
	if password == want {
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		return appendRCON(reply, id, rconAuthResponse, ""), false
	}
	if s.game.number("sv_rcon_log") != 0 {
		s.game.log.linef("rcon from \"%s\": Bad Password", conn.RemoteAddr())
	}
	if s.fail(hostOf(conn)) {
		s.game.consoleOnly("Banning " + hostOf(conn) + " for rcon hacking attempts\n")
		return nil, true
	}
	return appendRCON(reply, -1, rconAuthResponse, ""), false
}

// fail counts a wrong password and reports whether it brought a ban.
func (s *rconServer) fail(ip string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.failures[ip] = append(s.failures[ip], now)
	window := time.Duration(s.game.number("sv_rcon_minfailuretime")) * time.Second
	recent := 0
	for _, at := range s.failures[ip] {
		if now.Sub(at) < window {
			recent++
		}
	}
	if recent >= s.game.number("sv_rcon_minfailures") || len(s.failures[ip]) >= s.game.number("sv_rcon_maxfailures") {
		s.banned[ip] = true
		return true
	}
	return false
}

func (s *rconServer) execute(conn net.Conn, id int32, line string) []byte {
	g := s.game
	if g.number("sv_rcon_log") != 0 {
		g.log.linef("rcon from \"%s\": command \"%s\"", conn.RemoteAddr(), line)
	}
	var out strings.Builder
	g.capture = &out
	g.run(line)
	g.capture = nil
	text := out.String()
	var reply []byte
	for {
		n := min(len(text), rconMaxBody) // cut at bytes, also inside a character
		reply = appendRCON(reply, id, rconResponse, text[:n])
		if text = text[n:]; text == "" {
			return reply
		}
	}
}
