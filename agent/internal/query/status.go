package query

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrNotStatus says that a text is no answer to `status`.
var ErrNotStatus = errors.New("not an answer to status")

// Status is the answer to the console command `status`.
type Status struct {
	Hostname    string
	Version     string // as printed: "2.2.4.3 10097 secure  (unknown)"
	Secure      bool   // VAC runs
	LocalAddr   string // "0.0.0.0:27020"
	PublicAddr  string // "" when unknown; LocalAddr when printed as "same"
	Map         string
	Humans      int
	Bots        int
	MaxPlayers  int
	Hibernating bool
	Reservation string // cookie of a lobby that reserved the server, or ""
	Players     []StatusPlayer
}

// StatusPlayer is one row of Status. A bot has only UserID, Name and State.
type StatusPlayer struct {
	UserID    int
	Name      string // as the player chose it; may imitate anything
	Bot       bool
	SteamID   string // "STEAM_1:0:12345678", or what stands there while it is pending
	SteamID64 uint64 // 0 when SteamID is none
	Connected time.Duration
	Ping      int // ms
	Loss      int // percent
	State     string
	Rate      int    // bytes per second
	Addr      string // "1.2.3.4:27005"; "" when the asker may not see it
}

// maxStatusPlayers is far above the 32 slots of the engine, and bounds what a hostile answer costs.
const maxStatusPlayers = 256

var (
	statusPlayersLine = regexp.MustCompile(`^(\d{1,4}) humans, (\d{1,4}) bots \((\d{1,4}) max\)(.*)$`)
	statusAddrLine    = regexp.MustCompile(`^(\S+)(?: +\[ public (\S+) \])?`)
	statusRowHead     = regexp.MustCompile(`^# *(\d{1,9}) (?:\d{1,4} )?"`)
	statusHumanTail   = regexp.MustCompile(`^ (\S+) (\d{1,6}(?::\d\d){1,2}) (\d{1,9}) (\d{1,9}) ([a-z]+) (\d{1,9})(?: (\S+))?$`)
	statusBotTail     = regexp.MustCompile(`^ BOT ([a-z]+)$`)
)

// ParseStatus reads the answer to `status`. Lines it does not know are skipped: the console mixes other
// output in. It fails with ErrNotStatus when hostname, map or players are missing.
func ParseStatus(text string) (Status, error) {
	var s Status
	seen := map[string]bool{}
	rows := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case rows:
			if p, ok := parseStatusRow(line); ok && len(s.Players) < maxStatusPlayers {
				s.Players = append(s.Players, p)
			}
		case strings.HasPrefix(line, "# userid "):
			rows = true
		default:
			key, value, ok := strings.Cut(line, ":")
			key = strings.TrimRight(key, " ")
			if ok && !seen[key] && s.setHeader(key, strings.TrimSpace(value)) {
				seen[key] = true
			}
		}
		if line == "#end" {
			break
		}
	}
	if !seen["hostname"] || !seen["players"] || !seen["map"] {
		return Status{}, ErrNotStatus
	}
	return s, nil
}

// setHeader takes one line above the table and reports whether it was understood.
func (s *Status) setHeader(key, value string) bool {
	switch key {
	case "hostname":
		s.Hostname = value
	case "version":
		s.Version = value
		s.Secure = strings.Contains(value, " secure")
	case "udp/ip":
		m := statusAddrLine.FindStringSubmatch(value)
		if m == nil {
			return false
		}
		s.LocalAddr, s.PublicAddr = m[1], m[2]
		if s.PublicAddr == "same" {
			s.PublicAddr = s.LocalAddr
		}
	case "map":
		s.Map, _, _ = strings.Cut(value, " ")
	case "players":
		return s.setPlayers(value)
	default:
		return false
	}
	return true
}

func (s *Status) setPlayers(value string) bool {
	m := statusPlayersLine.FindStringSubmatch(value)
	if m == nil {
		return false
	}
	s.Humans, s.Bots, s.MaxPlayers = atoi(m[1]), atoi(m[2]), atoi(m[3])
	s.Hibernating = strings.Contains(m[4], "(hibernating)")
	if _, rest, ok := strings.Cut(m[4], "(reserved "); ok {
		s.Reservation, _, _ = strings.Cut(rest, ")")
	}
	return true
}

// parseStatusRow reads a row from both ends: what stands before the first quote and after the last one is
// written by the engine and holds no quotes, so everything between is the name.
func parseStatusRow(line string) (StatusPlayer, bool) {
	head := statusRowHead.FindStringSubmatch(line)
	if head == nil {
		return StatusPlayer{}, false
	}
	first, last := len(head[0]), strings.LastIndexByte(line, '"')
	if last < first {
		return StatusPlayer{}, false
	}
	p := StatusPlayer{UserID: atoi(head[1]), Name: line[first:last]}
	tail := line[last+1:]
	if m := statusBotTail.FindStringSubmatch(tail); m != nil {
		p.Bot, p.State = true, m[1]
		return p, true
	}
	m := statusHumanTail.FindStringSubmatch(tail)
	if m == nil {
		return StatusPlayer{}, false
	}
	p.SteamID, p.Connected, p.Ping, p.Loss = m[1], clockDuration(m[2]), atoi(m[3]), atoi(m[4])
	p.State, p.Rate, p.Addr = m[5], atoi(m[6]), m[7]
	p.SteamID64, _ = SteamID64(p.SteamID)
	return p, true
}

// clockDuration reads m:ss and h:mm:ss, which the caller has matched.
func clockDuration(s string) time.Duration {
	seconds := 0
	for part := range strings.SplitSeq(s, ":") {
		seconds = seconds*60 + atoi(part)
	}
	return time.Duration(seconds) * time.Second
}

// atoi reads digits that a pattern has matched and bounded.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
