package query_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

// a2sFixture returns the packet whose description starts with "S name" or "C name".
func a2sFixture(t testing.TB, name string) []byte {
	t.Helper()
	for line := range strings.Lines(fixture(t, "a2s/packets.hex.txt")) {
		i := strings.LastIndex(line, ": ")
		if i > 2 && strings.HasPrefix(line[2:i], name) {
			data, err := hex.DecodeString(strings.TrimSpace(line[i+2:]))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no packet %q", name)
	return nil
}

func TestRequestsAreAsRecorded(t *testing.T) {
	const challenge = 0x04030201
	for name, got := range map[string][]byte{
		"A2S_INFO request (no challenge)": query.InfoRequest(query.NoChallenge),
		"A2S_INFO request with challenge": query.InfoRequest(challenge),
		"A2S_PLAYER challenge request":    query.PlayersRequest(query.NoChallenge),
		"A2S_PLAYER with challenge":       query.PlayersRequest(challenge),
		"A2S_RULES challenge request":     query.RulesRequest(query.NoChallenge),
	} {
		if diff := cmp.Diff(a2sFixture(t, name), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if c, ok := query.ParseChallenge(a2sFixture(t, "challenge reply to A2S_INFO")); !ok || c != challenge {
		t.Errorf("challenge %x, %v", c, ok)
	}
}

func TestInfoAnswers(t *testing.T) {
	got, err := query.ParseInfo(a2sFixture(t, "A2S_INFO answer, empty"))
	if err != nil {
		t.Fatal(err)
	}
	want := query.Info{Protocol: 17, Name: "Crone_vanilla_A", Map: "c1m1_hotel", Folder: "left4dead2", Game: "Left 4 Dead 2",
		AppID: 550, MaxPlayers: 4, ServerType: 'd', OS: 'l', VAC: true, Version: "2.2.4.3", Port: 27020,
		SteamID: got.SteamID, Keywords: []string{"coop", "empty", "secure"}}
	if diff := cmp.Diff(want, got); diff != "" || got.SteamID == 0 {
		t.Error(diff)
	}
	got, err = query.ParseInfo(a2sFixture(t, "A2S_INFO answer, 2 humans"))
	if err != nil || got.Players != 2 || got.MaxPlayers != 8 || got.Map != "c2m1_highway" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPlayerAnswers(t *testing.T) {
	got, err := query.ParsePlayers(a2sFixture(t, "A2S_PLAYER answer"))
	want := []query.PlayerInfo{
		{Name: "CroneKorkN", Score: 12, Connected: 90 * time.Second},
		{Name: "桐喵Six", Connected: 3723500 * time.Millisecond},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	got, err = query.ParsePlayers(a2sFixture(t, "A2S_PLAYER real sample"))
	if err != nil || len(got) != 2 || got[1].Name != "Killer !!!" || got[1].Score != 5 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRuleAnswersWholeAndSplit(t *testing.T) {
	whole, err := query.ParseRules(a2sFixture(t, "A2S_RULES answer"))
	if err != nil || len(whole) != 6 || whole[3] != (query.Rule{Name: "z_difficulty", Value: "Normal"}) {
		t.Fatalf("%+v, %v", whole, err)
	}
	one, two := a2sFixture(t, "the same answer split, part 1"), a2sFixture(t, "the same answer split, part 2")
	for name, order := range map[string][][]byte{"in order": {one, two}, "swapped": {two, one}, "repeated": {one, one, two}} {
		var parts query.Assembler
		var data []byte
		for _, p := range order {
			if data, err = parts.Add(p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		rules, err := query.ParseRules(data)
		if diff := cmp.Diff(whole, rules); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestAssemblerRefusesNonsense(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "short": "feffffff2a0000000200", "no parts": "feffffff2a0000000000e004ff", "number": "feffffff2a0000000202e004ff",
		"many parts": "feffffff2a000000ff00e004ff", "compressed": "feffffff2a0000800200e004ff", "joined without header": "feffffff2a0000000100e00401020304",
	} {
		raw, _ := hex.DecodeString(data)
		var parts query.Assembler
		if out, err := parts.Add(raw); !errors.Is(err, query.ErrA2S) {
			t.Errorf("%s: %x, %v", name, out, err)
		}
	}
}

func TestCutAnswersAreRefusedAtEveryLength(t *testing.T) {
	info, players := a2sFixture(t, "A2S_INFO answer, empty"), a2sFixture(t, "A2S_PLAYER answer")
	edf := len(info) - 2 - 8 - len("coop,empty,secure\x00") - 8 - 1 // an answer without extra data is whole
	for n := range info {
		if _, err := query.ParseInfo(info[:n]); (err == nil) != (n == edf) {
			t.Errorf("info of %d bytes: %v", n, err)
		}
	}
	for n := range players {
		if _, err := query.ParsePlayers(players[:n]); err == nil {
			t.Errorf("players of %d bytes pass", n)
		}
	}
}

// udpServer answers on loopback as script says, until the test ends.
func udpServer(t *testing.T, answer func(request []byte, n int) [][]byte) query.A2S {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for n := 0; ; n++ {
			size, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, reply := range answer(buf[:size], n) {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return query.A2S{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), Resend: 20 * time.Millisecond}
}

func TestClientFollowsChallengesLossStraysAndSplits(t *testing.T) {
	challenge := a2sFixture(t, "challenge reply")
	want := query.RulesRequest(0x04030201)
	q := udpServer(t, func(request []byte, n int) [][]byte {
		switch {
		case n == 0:
			return nil // lost
		case string(request) != string(want):
			return [][]byte{{0xff}, a2sFixture(t, "A2S_INFO answer, empty"), challenge}
		}
		return [][]byte{a2sFixture(t, "the same answer split, part 2"), a2sFixture(t, "the same answer split, part 1")}
	})
	rules, err := q.Rules(t.Context())
	if err != nil || len(rules) != 6 {
		t.Fatalf("%v, %v", rules, err)
	}
}

func TestClientEndsWithItsContext(t *testing.T) {
	q := udpServer(t, func([]byte, int) [][]byte { return nil })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	if _, err := q.Info(ctx); !errors.Is(err, query.ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestClientGivesUpOnEndlessChallenges(t *testing.T) {
	q := udpServer(t, func(_ []byte, n int) [][]byte {
		return [][]byte{binary.LittleEndian.AppendUint32([]byte("\xff\xff\xff\xffA"), uint32(n))}
	})
	if _, err := q.Players(t.Context()); !errors.Is(err, query.ErrA2S) {
		t.Fatal(err)
	}
}

func FuzzA2S(f *testing.F) {
	for _, name := range []string{"A2S_INFO answer, empty", "A2S_PLAYER answer", "A2S_RULES answer", "the same answer split, part 1"} {
		f.Add(a2sFixture(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var parts query.Assembler
		if whole, err := parts.Add(data); err == nil && whole != nil {
			data = whole
		}
		_, _ = query.ParseInfo(data)
		_, _ = query.ParseRules(data)
		players, err := query.ParsePlayers(data)
		if err == nil && len(players)*10 > len(data) {
			t.Errorf("%d players in %d bytes", len(players), len(data))
		}
		for _, p := range players {
			if p.Connected < 0 {
				t.Error(fmt.Sprint(p))
			}
		}
	})
}
