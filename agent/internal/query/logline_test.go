package query_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

func TestEveryLineOfTheMixedLog(t *testing.T) {
	type short struct {
		Kind         query.LogKind
		Name, Text   string
		ID           uint64
		Ambiguous    bool
		UserID       int
		Team, Source string
	}
	castor := uint64(76561197982371106)
	amour := uint64(76561199014394259)
	want := []short{
		{Kind: query.LogFileStarted, Text: "logs/L127_000_001_001_27015_201112260214_000.log"},
		{Kind: query.LogMapLoading, Text: "c4m2_sugarmill_a"},
		{Kind: query.LogMapStarted, Text: "c4m2_sugarmill_a"},
		{Kind: query.LogServerName, Text: "Manapot Server"},
		{Kind: query.LogConnected, Name: "Castortube", UserID: 85, ID: castor, Text: "217.186.55.239:27005"},
		{Kind: query.LogValidated, Name: "Castortube", UserID: 85, ID: castor},
		{Kind: query.LogEntered, Name: "Castortube", UserID: 85, ID: castor},
		{Kind: query.LogSay, Name: "amour plastique", UserID: 273, ID: amour, Team: "Infected", Text: "gl"},
		{Kind: query.LogJoinedTeam, Name: "(S)Amour Plastique", UserID: 273, ID: amour, Team: "Spectator"},
		{Kind: query.LogKilled, Name: "Smoker", UserID: 3, Team: "Infected", Text: "x"},
		{Kind: query.LogKilled, Name: "Cee", UserID: 1101, ID: 76561197965658195, Team: "Survivor", Text: "infected"},
		{Kind: query.LogOther, Text: "SetModelFromClass: Survivor Tom changed model from  to models/survivors/survivor_mechanic.mdl via SetModelFromClass"},
		{Kind: query.LogOther, Text: `"Francis<37><BOT><Survivor><Biker>" used pills on "Francis`},
		{Kind: query.LogSay, Name: "(S)Mal", UserID: 3, ID: amour, Text: "x", Ambiguous: true},
		{Kind: query.LogRCON, Text: "status", Source: "127.0.0.1:51234"},
		{Kind: query.LogRCONRefused, Source: "203.0.113.7:40001"},
		{Kind: query.LogDisconnected, Name: "Castortube", UserID: 85, ID: castor, Team: "Survivor", Text: "Disconnect by user."},
		{Kind: query.LogOther, Text: "server cvars start"},
		{Kind: query.LogOther, Text: "server cvars end"},
		{Kind: query.LogFileClosed},
	}
	var got []short
	for line := range strings.Lines(fixture(t, "logs/l4d2-mixed.log")) {
		for _, e := range query.ParseLog(line) {
			if e.Stamp.IsZero() {
				t.Errorf("no stamp in %q", line)
			}
			got = append(got, short{Kind: e.Kind, Name: e.Player.Name, Text: e.Text, ID: e.Player.SteamID64,
				Ambiguous: e.Ambiguous, UserID: e.Player.UserID, Team: e.Player.Team, Source: e.From})
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogStampIsTheWallClock(t *testing.T) {
	e := query.ParseLog("L 09/21/2026 - 02:37:21: x")
	if len(e) != 1 || !e[0].Stamp.Equal(time.Date(2026, 9, 21, 2, 37, 21, 0, time.UTC)) {
		t.Errorf("%+v", e)
	}
}

// The victim is STEAM_1:0:1; the attacker, user 9 with STEAM_1:1:7, writes it into his name or his chat.
// Either the event names the attacker, or it is marked.
func TestForgedLogLinesNeverPassForTheVictimUnmarked(t *testing.T) {
	const stamp, tag = "L 05/15/2026 - 10:00:00: ", `<9><STEAM_1:1:7><Survivor>"`
	for _, line := range []string{
		`"x<1><STEAM_1:0:1><>" say "hi` + tag + ` entered the game`,
		`"x<1><STEAM_1:0:1><>" entered the game` + tag + ` say "hi"`,
		`"x<1><STEAM_1:0:1><>" say "` + tag + ` say "hi"`,
		`"x` + tag + ` say "<1><STEAM_1:0:1><>" say "boo"`,
		`"x` + tag + ` say "<1><STEAM_1:0:1><>" connected, address "1.2.3.4:5"`,
		`"x` + tag + ` say_team "<1><STEAM_1:0:1><>" joined team "Infected"`,
		`"x` + tag + ` say "L 05/15/2026 - 10:00:00: rcon from "1.1.1.1:1": command "quit""`,
		`"x` + tag + ` say "L 05/15/2026 - 10:00:00: "v<1><STEAM_1:0:1><>" entered the game"`,
		`"x` + tag + ` weird "L 05/15/2026 - 10:00:00: "v<1><STEAM_1:0:1><>" entered the game`,
	} {
		for _, e := range query.ParseLog(stamp + line) {
			if e.Player.SteamID == "STEAM_1:0:1" && !e.Ambiguous {
				t.Errorf("%s: passes for the victim: %+v", line, e)
			}
			if e.Kind == query.LogRCON && !e.Ambiguous {
				t.Errorf("%s: passes for an rcon command: %+v", line, e)
			}
		}
	}
}

func TestLogLinesWithoutStampAreNone(t *testing.T) {
	for _, line := range []string{"", "x", "L 1/2/3: x", ` L 05/15/2026 - 10:00:00: x`, `say "L 05/15/2026 - 10:00:00: x"`} {
		if e := query.ParseLog(line); e != nil {
			t.Errorf("%q: %+v", line, e)
		}
	}
}

func TestLogDatagrams(t *testing.T) {
	for name, wantSecret := range map[string]uint64{
		"logaddress datagram (no sv_logsecret)":       0,
		"logaddress datagram (with sv_logsecret 123)": 123,
	} {
		line, secret, ok := query.ParseLogDatagram(a2sFixture(t, name))
		if !ok || secret != wantSecret {
			t.Errorf("%s: %q, %d, %v", name, line, secret, ok)
			continue
		}
		if e := query.ParseLog(line); len(e) != 1 || e[0].Kind != query.LogEntered || e[0].Player.Name != "a" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	for _, bad := range []string{"", "ffffffff", "ffffffff52", "ffffffff53", "ffffffff534c", "ffffffff5378784c", "ffffffff5100"} {
		data, _ := hex.DecodeString(bad)
		if line, _, ok := query.ParseLogDatagram(data); ok {
			t.Errorf("%s: %q", bad, line)
		}
	}
}

func FuzzParseLog(f *testing.F) {
	for line := range strings.Lines(fixture(f, "logs/l4d2-mixed.log")) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		events := query.ParseLog(line)
		for i, e := range events {
			if i > 0 && !e.Ambiguous {
				t.Errorf("event %d of %q is not marked: %+v", i, line, e)
			}
			if e.Player.Bot && e.Player.SteamID64 != 0 {
				t.Errorf("bot with an id: %+v", e)
			}
		}
	})
}

func FuzzParseLogDatagram(f *testing.F) {
	f.Add([]byte("\xff\xff\xff\xffRL x\n\x00"))
	f.Add([]byte("\xff\xff\xff\xffS123L x\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if line, _, ok := query.ParseLogDatagram(data); ok && !strings.HasPrefix(line, "L ") {
			t.Errorf("%q", line)
		}
	})
}

func BenchmarkParseLog(b *testing.B) {
	lines := strings.Split(fixture(b, "logs/l4d2-mixed.log"), "\n")
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, l := range lines {
			query.ParseLog(l)
		}
	}
	b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds(), "lines/s")
}
