package main_test

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlayersComeGoAndHibernate(t *testing.T) {
	g := serve(t, install(t))
	r := g.login()
	if text := r.run("status"); !strings.Contains(text, "players : 0 humans, 0 bots (4 max) (hibernating) (unreserved)\n") {
		t.Error(text)
	}
	r.run("log on; demo_players 3; demo_say 2 \"hello all\"")
	g.wait("Server waking up from hibernation")
	status := r.run("status")
	row := regexp.MustCompile(`(?m)^#  2 1 "CroneKorkN" STEAM_1:0:11111111 00:\d\d 26 0 (spawning|active) 30000 203\.0\.113\.2:27005$`)
	if !row.MatchString(status) || !strings.Contains(status, "3 humans, 1 bots (4 max) (not hibernating)") || !strings.Contains(status, ` "Coach" BOT active`) {
		t.Error(status)
	}
	r.run("kickid 2 bye now")
	g.wait("Dropped CroneKorkN from server (Kicked by Console : bye now)")
	g.wait(`"CroneKorkN<2><STEAM_1:0:11111111><Survivor>" say "hello all"`)
	r.run("demo_join eve STEAM_1:1:5; banid 0 STEAM_1:1:5 kick; writeid; demo_join eve STEAM_1:1:5; demo_players 0")
	g.wait("eve is banned and cannot join")
	g.wait("Server is hibernating\n")
	if text := readFile(t, filepath.Join(g.dir, "left4dead2/cfg/banned_user.cfg")); text != "banid 0 STEAM_1:1:5\n" {
		t.Error(text)
	}
	if text := r.run("removeid STEAM_1:1:5; listid"); !strings.Contains(text, "filter removed") || !strings.Contains(text, "0 entries") {
		t.Error(text)
	}
}

func TestLogFilesAndTargets(t *testing.T) {
	g := serve(t, install(t))
	r := g.login()
	r.run("log on")
	r.run("changelevel c1m2_streets")
	text := r.run("logaddress_add 127.0.0.1:28000; logaddress_list; log; logaddress_add nonsense")
	want := "logaddress_add:  127.0.0.1:28000\nlogaddress_list: 1 entry\n127.0.0.1:28000\n" +
		"Usage:  log < on | off >\ncurrently logging to: file, console, udp\nlogaddress_add:  unparseable address\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	files, _ := filepath.Glob(filepath.Join(g.dir, "left4dead2/logs/L127_000_000_001_*.log"))
	if len(files) != 2 {
		t.Fatal(files)
	}
	first := readFile(t, files[0])
	for _, line := range []string{`Log file started (file "logs/L127_`, `rcon from "127.0.0.1:`, "-------- Mapchange to c1m2_streets --------", "Log file closed."} {
		if !strings.Contains(first, line) {
			t.Errorf("%q is missing in\n%s", line, first)
		}
	}
}

// A log target on loopback is registered and never served: the fault of the real server.
func TestLogTargetOnLoopbackStaysSilent(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	g := serve(t, install(t))
	g.login().run("log on; logaddress_add " + conn.LocalAddr().String() + "; say hello")
	g.wait(`say "hello"`)
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, _, err := conn.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes", n)
	}
}

func TestRCONBansWhoGuesses(t *testing.T) {
	g := serve(t, install(t))
	keep := g.login()
	if id, kind, err := g.dial().auth("wrong"); err != nil || id != -1 || kind != 2 {
		t.Fatalf("%d, %d, %v", id, kind, err)
	}
	before := g.dial()
	before.send(7, 2, "status")
	if id, kind, _, err := before.read(); err != nil || id != -1 || kind != 2 {
		t.Errorf("a command before auth: %d, %d, %v", id, kind, err)
	}
	for range 4 {
		_, _, _ = g.dial().auth("wrong")
	}
	g.wait("Banning 127.0.0.1 for rcon hacking attempts")
	if _, _, err := g.dial().auth("secret"); err == nil {
		t.Error("a banned address is served")
	}
	if text := keep.run("listip; removeip 127.0.0.1"); !strings.Contains(text, "127.0.0.1 : permanent") {
		t.Error(text)
	}
	g.login()
}

func TestRCONOffWithoutPassword(t *testing.T) {
	g := start(t, install(t), "srcds_linux", "VAC secure", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel")
	if _, _, err := g.dial().auth(""); err == nil {
		t.Error("RCON answers without a password")
	}
}

func TestReplies(t *testing.T) {
	r := serve(t, install(t)).login()
	for line, want := range map[string]string{
		"mp_logdetail 3":          "Unknown command \"mp_logdetail\"\n",
		"mp_gamemode":             "\"mp_gamemode\" = \"coop\"\n - Current game mode, acceptable values are coop, versus, survival, ...\n",
		"changelevel nosuchmap":   "CModelLoader::Map_IsValid:  No such map 'maps/nosuchmap.bsp'\nchangelevel failed: nosuchmap not found\n",
		"changelevel C1M1_Hotel":  "CModelLoader::Map_IsValid:  No such map 'maps/C1M1_Hotel.bsp'\nchangelevel failed: C1M1_Hotel not found\n",
		"rcon_password":           "\"rcon_password\" = \"***PROTECTED***\"\n",
		"say hi":                  "",
		`echo "a;b"; echo c // d`: "a;b\nc\n",
	} {
		if got := r.run(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestSwitchesOnTheConsole(t *testing.T) {
	g := serve(t, install(t))
	g.enter("demo_outdated")
	g.wait("\x03MasterRequestRestart\nYour server needs to be restarted in order to receive the latest update.\n")
	g.enter("demo_flood 5000 1")
	g.wait("flood line 4000: ")
	g.enter("demo_ansi")
	g.wait(strings.Repeat("x", 64<<10) + "\n")
}

func TestQueriesNeedTheChallengeOfTheAsker(t *testing.T) {
	g := serve(t, install(t))
	ask := func(conn net.Conn, challenge uint32) []byte {
		_, _ = conn.Write(binary.LittleEndian.AppendUint32([]byte("\xff\xff\xff\xffTSource Engine Query\x00"), challenge))
		buf := make([]byte, 1400)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	dial := func() net.Conn {
		conn, err := net.Dial("udp", g.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	one, two := dial(), dial()
	reply := ask(one, 5)
	if len(reply) != 9 || reply[4] != 'A' {
		t.Fatalf("%q", reply)
	}
	challenge := binary.LittleEndian.Uint32(reply[5:])
	if reply = ask(one, challenge); reply[4] != 'I' {
		t.Errorf("%q", reply)
	}
	if reply = ask(two, challenge); reply[4] != 'A' {
		t.Errorf("a challenge works for somebody else: %q", reply)
	}
}

// Clients that others wrote must understand the server.
func TestIndependentClients(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat("test/npm/node_modules"); err != nil {
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = "test/npm"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	contact := strings.Repeat("x", 3000) // makes the rules need three datagrams
	g := serve(t, install(t), "+demo_players", "3", "+sv_contact", contact)
	cmd := exec.Command(node, "clients.mjs", strconv.Itoa(g.port), "secret")
	cmd.Dir = "test/npm"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkClients(t, out, contact)
}

func checkClients(t *testing.T, out []byte, contact string) {
	t.Helper()
	var got struct {
		Gamedig struct {
			Name, Map, Version string
			Max                int
			Players            []string
			Rules              map[string]string
		}
		SteamServerQuery struct {
			Info    struct{ AppID, Players, Bots, Port int }
			Players struct{ Players []struct{ Name string } }
		}
		RCONClient       struct{ Status, Mode, Echo string }
		ValveServerQuery struct {
			AppID, Status, Refusal string
			Players                []string
			Rules                  map[string]any
		}
		LongAnswer struct {
			Sizes []int
			Order string
			Ends  bool
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	players := []string{"CroneKorkN", "Coach", "a \"quoted\" name", "桐喵Six"}
	slices.Sort(players)
	for name, list := range map[string][]string{"gamedig": got.Gamedig.Players, "valve-server-query": got.ValveServerQuery.Players} {
		slices.Sort(list)
		if diff := cmp.Diff(players, list); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for what, ok := range map[string]bool{
		"gamedig info":      got.Gamedig.Name == "Left 4 Dead 2 demo" && got.Gamedig.Map == "c1m1_hotel" && got.Gamedig.Max == 4 && got.Gamedig.Version == "2.2.4.3",
		"gamedig rules":     got.Gamedig.Rules["sv_contact"] == contact && got.Gamedig.Rules["mp_gamemode"] == "coop",
		"steam query":       got.SteamServerQuery.Info.AppID == 550 && got.SteamServerQuery.Info.Players == 4 && got.SteamServerQuery.Info.Bots == 1 && len(got.SteamServerQuery.Players.Players) == 4,
		"valve query":       got.ValveServerQuery.AppID == "550" && got.ValveServerQuery.Rules["sv_contact"] == contact,
		"valve rcon":        strings.HasSuffix(got.ValveServerQuery.Status, "#end\n") && got.ValveServerQuery.Refusal == "RCON: wrong password",
		"rcon client":       strings.Contains(got.RCONClient.Status, "桐喵Six") && got.RCONClient.Echo == "ok\n" && strings.HasPrefix(got.RCONClient.Mode, `"mp_gamemode" = "coop"`),
		"long answer":       got.LongAnswer.Ends && got.LongAnswer.Order == "1 1 7 7 8 8",
		"long answer sizes": len(got.LongAnswer.Sizes) == 2 && got.LongAnswer.Sizes[0] == 4096,
	} {
		if !ok {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
