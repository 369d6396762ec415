package query_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestStatusOfARealServerWithMixedPlayers(t *testing.T) {
	got, err := query.ParseStatus(fixture(t, "srcds/status.real-mixed.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := query.Status{
		Hostname: "求生之路2 - 10人合作服", Version: "2.2.4.3 10097 secure  (unknown)", Secure: true,
		LocalAddr: "10.0.0.4:27015", PublicAddr: "124.222.200.66:27015", Map: "c2m1_highway",
		Humans: 2, Bots: 5, MaxPlayers: 12,
		Players: []query.StatusPlayer{
			{UserID: 26, Name: "桐喵Six", SteamID: "STEAM_1:0:12345678", SteamID64: 76561197984957084,
				Connected: 5*time.Minute + 40*time.Second, Ping: 99, State: "active", Rate: 30000, Addr: "1.2.3.4:44563"},
			{UserID: 27, Name: "Coach", Bot: true, State: "active"},
			{UserID: 45, Name: "Spitter Bot", Bot: true, State: "active"},
			{UserID: 116, Name: `a "quoted" name`, SteamID: "STEAM_1:1:87654321", SteamID64: 76561198135574371,
				Connected: time.Hour + 2*time.Minute + 33*time.Second, Ping: 45, Loss: 2, State: "spawning",
				Rate: 30000, Addr: "5.6.7.8:27005"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusVariants(t *testing.T) {
	for name, check := range map[string]func(query.Status) bool{
		"srcds/status.empty-hibernating.txt": func(s query.Status) bool {
			return s.Hibernating && s.MaxPlayers == 4 && len(s.Players) == 0 && s.LocalAddr == "0.0.0.0:27020"
		},
		"srcds/status.reserved.txt": func(s query.Status) bool {
			return !s.Hibernating && s.Reservation == "186000047cf0fd8" && len(s.Players) == 4
		},
		"srcds/status.real-sir-p.txt": func(s query.Status) bool {
			return s.Hostname == "6" && len(s.Players) == 2 && s.Players[0].Addr == "" && s.Players[0].Rate == 100000
		},
	} {
		s, err := query.ParseStatus(fixture(t, name))
		if err != nil || !check(s) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestStatusOfSameAddressAndInsecureServer(t *testing.T) {
	text := "hostname: a: b\nversion : 2.2.4.3 10097 insecure (secure mode enabled, disconnected from Steam3)\n" +
		"udp/ip  : 1.2.3.4:27015 [ public same ]\nmap     : c1m1_hotel at: 0 x, 0 y, 0 z\nplayers : 0 humans, 0 bots (4 max)\n"
	s, err := query.ParseStatus(text)
	if err != nil || s.PublicAddr != "1.2.3.4:27015" || s.Secure || s.Map != "c1m1_hotel" || s.Hostname != "a: b" {
		t.Errorf("%+v, %v", s, err)
	}
}

// A player's name can imitate every field of its row, and a whole row of another kind.
func TestStatusKeepsFieldsWhenNamesForgeThem(t *testing.T) {
	for _, name := range []string{
		`x" STEAM_1:0:1 00:01 1 0 active 30000 9.9.9.9:1`, `Coach" BOT active`, `#end`, `# 5 1 "x`, `"`, `""`, ``,
		`hostname: pwned`, `players : 0 humans, 0 bots (4 max) (hibernating)`, "tab\there",
	} {
		text := fmt.Sprintf("hostname: h\nmap : m\nplayers : 1 humans, 0 bots (4 max) (not hibernating) (unreserved)\n"+
			"# userid name uniqueid connected ping loss state rate adr\n"+
			"# 26 1 \"%s\" STEAM_1:0:12345678 05:40 99 0 active 30000 1.2.3.4:44563\n#end\n", name)
		s, err := query.ParseStatus(text)
		if err != nil || len(s.Players) != 1 {
			t.Errorf("%q: %+v, %v", name, s, err)
			continue
		}
		p := s.Players[0]
		if p.Name != name || p.SteamID != "STEAM_1:0:12345678" || p.Bot || p.Addr != "1.2.3.4:44563" || s.Hostname != "h" {
			t.Errorf("%q: %+v", name, p)
		}
	}
}

func TestStatusRefusesOtherText(t *testing.T) {
	for _, text := range []string{"", "Unknown command \"status\"", "hostname: x\n", strings.Repeat("#", 1<<16)} {
		if _, err := query.ParseStatus(text); err == nil {
			t.Errorf("%.40q was taken", text)
		}
	}
}

func TestSteamID64(t *testing.T) {
	for id, want := range map[string]uint64{
		"STEAM_1:0:11111111": 76561197982487950, "STEAM_0:1:0": 76561197960265729, "STEAM_1:1:87654321": 76561198135574371,
	} {
		if got, ok := query.SteamID64(id); !ok || got != want {
			t.Errorf("%s = %d, %v; want %d", id, got, ok, want)
		}
	}
	for _, id := range []string{"", "BOT", "STEAM_ID_PENDING", "STEAM_ID_LAN", "STEAM_1:2:3", "STEAM_9:0:1", "STEAM_1:0:-1",
		"STEAM_1:0:+1", "STEAM_1:0:99999999999", "[U:1:5]"} {
		if got, ok := query.SteamID64(id); ok {
			t.Errorf("%q = %d", id, got)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	for _, name := range []string{"real-mixed", "real-sir-p", "reserved", "empty-hibernating"} {
		f.Add(fixture(f, "srcds/status."+name+".txt"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := query.ParseStatus(text)
		if err != nil {
			return
		}
		for _, p := range s.Players {
			if p.Bot && p.SteamID != "" || strings.ContainsAny(p.Name, "\n") || strings.Contains(p.SteamID, `"`) {
				t.Errorf("%+v", p)
			}
		}
	})
}

func BenchmarkParseStatus(b *testing.B) {
	text := fixture(b, "srcds/status.real-mixed.txt")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := query.ParseStatus(text); err != nil {
			b.Fatal(err)
		}
	}
}
