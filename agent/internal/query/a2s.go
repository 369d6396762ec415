package query

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// ErrA2S says that a datagram is no valid answer to a query.
var ErrA2S = errors.New("not a valid A2S answer")

// Bytes that tell the requests and answers apart.
const (
	a2sInfo      = 0x54
	a2sPlayers   = 0x55
	a2sRules     = 0x56
	a2sChallenge = 0x41
	a2sInfoReply = 0x49
	a2sPlayReply = 0x44
	a2sRuleReply = 0x45
)

// NoChallenge asks for a challenge.
const NoChallenge uint32 = 0xffffffff

var simpleHeader = []byte{0xff, 0xff, 0xff, 0xff}

// Info is the answer to A2S_INFO. A2S knows neither SteamIDs nor whether a server hibernates.
type Info struct {
	Protocol   int
	Name       string
	Map        string
	Folder     string // "left4dead2"
	Game       string // "Left 4 Dead 2"
	AppID      uint64
	Players    int // bots included
	MaxPlayers int
	Bots       int
	ServerType byte // 'd' dedicated, 'l' listen
	OS         byte // 'l', 'w', 'm'
	Password   bool
	VAC        bool
	Version    string // "2.2.4.3"
	Port       int    // 0 when not told
	SteamID    uint64
	Keywords   []string
}

// PlayerInfo is one entry of the answer to A2S_PLAYER.
type PlayerInfo struct {
	Name      string // empty while connecting
	Score     int
	Connected time.Duration
}

// Rule is one public console variable, in the order the server sent it.
type Rule struct{ Name, Value string }

// InfoRequest returns an A2S_INFO request; challenge NoChallenge leaves it out, as clients did before
// servers asked for one.
func InfoRequest(challenge uint32) []byte {
	out := append(append([]byte{}, simpleHeader...), a2sInfo)
	out = append(out, "Source Engine Query\x00"...)
	if challenge != NoChallenge {
		out = binary.LittleEndian.AppendUint32(out, challenge)
	}
	return out
}

// PlayersRequest returns an A2S_PLAYER request.
func PlayersRequest(challenge uint32) []byte { return challengeRequest(a2sPlayers, challenge) }

// RulesRequest returns an A2S_RULES request.
func RulesRequest(challenge uint32) []byte { return challengeRequest(a2sRules, challenge) }

func challengeRequest(kind byte, challenge uint32) []byte {
	out := append(append([]byte{}, simpleHeader...), kind)
	return binary.LittleEndian.AppendUint32(out, challenge)
}

// ParseChallenge returns the challenge that data carries; ok is false when it is something else.
func ParseChallenge(data []byte) (challenge uint32, ok bool) {
	c, err := answer(data, a2sChallenge)
	if err != nil {
		return 0, false
	}
	challenge = c.uint32()
	return challenge, !c.bad
}

func answer(data []byte, kind byte) (*cursor, error) {
	rest, ok := bytes.CutPrefix(data, simpleHeader)
	if !ok || len(rest) == 0 || rest[0] != kind {
		return nil, fmt.Errorf("%w: header", ErrA2S)
	}
	return &cursor{data: rest[1:]}, nil
}

// ParseInfo reads an answer to A2S_INFO.
func ParseInfo(data []byte) (Info, error) {
	c, err := answer(data, a2sInfoReply)
	if err != nil {
		return Info{}, err
	}
	in := Info{
		Protocol: int(c.byte()), Name: c.text(), Map: c.text(), Folder: c.text(), Game: c.text(),
		AppID:   uint64(c.uint16()),
		Players: int(c.byte()), MaxPlayers: int(c.byte()), Bots: int(c.byte()),
		ServerType: c.byte(), OS: c.byte(), Password: c.byte() != 0, VAC: c.byte() != 0,
		Version: c.text(),
	}
	if c.bad {
		return Info{}, fmt.Errorf("%w: info is cut", ErrA2S)
	}
	if len(c.data) > 0 {
		in.readExtra(c)
	}
	if c.bad {
		return Info{}, fmt.Errorf("%w: extra data of info is cut", ErrA2S)
	}
	return in, nil
}

// readExtra reads the fields that the extra data flag announces, in their fixed order.
func (in *Info) readExtra(c *cursor) {
	flag := c.byte()
	if flag&0x80 != 0 {
		in.Port = int(c.uint16())
	}
	if flag&0x10 != 0 {
		in.SteamID = c.uint64()
	}
	if flag&0x40 != 0 { // SourceTV
		c.uint16()
		_ = c.text()
	}
	if flag&0x20 != 0 {
		in.Keywords = splitKeywords(c.text())
	}
	if flag&0x01 != 0 {
		in.AppID = c.uint64() & 0xffffff // the upper bits are no app id
	}
}

func splitKeywords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// ParsePlayers reads an answer to A2S_PLAYER. The index byte of each entry is 0 for all on Left 4 Dead 2
// and ignored.
func ParsePlayers(data []byte) ([]PlayerInfo, error) {
	c, err := answer(data, a2sPlayReply)
	if err != nil {
		return nil, err
	}
	players := make([]PlayerInfo, 0, 8)
	for range int(c.byte()) {
		c.byte()
		p := PlayerInfo{Name: c.text(), Score: int(int32(c.uint32())), Connected: seconds(c.float32())}
		if c.bad {
			return nil, fmt.Errorf("%w: players are cut", ErrA2S)
		}
		players = append(players, p)
	}
	if c.bad {
		return nil, fmt.Errorf("%w: no player count", ErrA2S)
	}
	return players, nil
}

// seconds guards against NaN, negative and absurd values.
func seconds(f float32) time.Duration {
	if math.IsNaN(float64(f)) || f < 0 || f > 1e9 {
		return 0
	}
	return time.Duration(float64(f) * float64(time.Second))
}

// ParseRules reads an answer to A2S_RULES. The engine announces more rules than fit and then cuts the
// answer, so a cut one gives the whole rules that are there.
func ParseRules(data []byte) ([]Rule, error) {
	c, err := answer(data, a2sRuleReply)
	if err != nil {
		return nil, err
	}
	count := int(c.uint16())
	if c.bad {
		return nil, fmt.Errorf("%w: no rule count", ErrA2S)
	}
	var rules []Rule
	for range count {
		r := Rule{Name: c.text(), Value: c.text()}
		if c.bad {
			break
		}
		rules = append(rules, r)
	}
	return rules, nil
}
