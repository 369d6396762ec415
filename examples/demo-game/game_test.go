package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, []byte(readFile(t, from)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestStartPrintsWhatARealServerPrints(t *testing.T) {
	dir := install(t)
	g := start(t, dir, "srcds_run", "VAC secure mode is activated.\n", "-game", "left4dead2", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel")
	want := readFile(t, "testdata/console-start.ready.log")
	want = strings.Replace(want, "IP 0.0.0.0", "IP 127.0.0.1", 1)
	want = strings.Replace(want, "27020", fmt.Sprint(g.port), 1)
	got := strings.TrimPrefix(g.out.String(), "WARNING: Running the dedicated server as root\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutSteamclientTheServerFallsToLANMode(t *testing.T) {
	dir := install(t)
	if err := os.Remove(filepath.Join(dir, "bin/steamclient.so")); err != nil {
		t.Fatal(err)
	}
	g := start(t, dir, "srcds_run", "Could not establish connection to Steam servers.\n", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel")
	want := readFile(t, "testdata/console-start.lan-mode.log")
	want = strings.Replace(want, "IP 0.0.0.0", "IP 127.0.0.1", 1)
	want = strings.Replace(want, "27020", fmt.Sprint(g.port), 1)
	want = strings.Replace(want, "/var/lib/l4d2", "/nonexistent", 1)
	got := strings.TrimPrefix(g.out.String(), "WARNING: Running the dedicated server as root\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWaysToEnd(t *testing.T) {
	dir := install(t)
	for name, tc := range map[string]struct {
		stop func(*game)
		want int
	}{
		"SIGINT":        {func(g *game) { g.signal(syscall.SIGINT) }, 0},
		"SIGTERM":       {func(g *game) { g.signal(syscall.SIGTERM) }, 143},
		"quit on stdin": {func(g *game) { g.enter("quit") }, 0},
		"quit by rcon":  {func(g *game) { g.login().send(5, 2, "quit") }, 0},
		"crash":         {func(g *game) { g.enter("demo_crash") }, 139},
		"crash at stop": {func(g *game) { g.login().run("demo_crash_at_stop 1"); g.signal(syscall.SIGINT) }, 139},
		"hang": {func(g *game) {
			g.enter("demo_hang")
			g.signal(syscall.SIGINT)
			g.signal(syscall.SIGKILL)
		}, 137},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, dir)
			tc.stop(g)
			if got := g.end(); got != tc.want {
				t.Errorf("exit %d, want %d\n%s", got, tc.want, g.out)
			}
		})
	}
}

func TestWrapper(t *testing.T) {
	dir := install(t)
	for name, tc := range map[string]struct {
		args []string
		want []string
		exit int
	}{
		"unknown game":   {[]string{"-game", "foo"}, []string{"ERROR: Invalid game type 'foo' sepecified."}, 1},
		"missing binary": {[]string{"-binary", "./none"}, []string{"ERROR: Source Engine binary './none' not found, exiting"}, 1},
		"crash once": {[]string{"-norestart", "+ip", "127.0.0.1", "-port", "PORT", "+demo_crash"}, []string{
			"WARNING: No map specified! Defaulting to c1m1_hotel", "PreMinidumpCallback: updating dump comment",
			"Segmentation fault", `Add "-debug" to the ./srcds_run command line`, "Server Failed"}, 139},
	} {
		g := start(t, dir, "srcds_run", "", tc.args...)
		if got := g.end(); got != tc.exit {
			t.Errorf("%s: exit %d, want %d", name, got, tc.exit)
		}
		for _, text := range tc.want {
			if !strings.Contains(g.out.String(), text) {
				t.Errorf("%s: %q is missing in\n%s", name, text, g.out)
			}
		}
	}
}

func TestWrapperRestartsAfterACrashAndQuitsOnInterrupt(t *testing.T) {
	g := start(t, install(t), "srcds_run", "Host_NewGame on map c1m1_hotel", "-timeout", "0", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel")
	g.enter("demo_crash")
	g.wait("Server restart in 0 seconds")
	g.enter("echo second life")
	g.wait("second life\n")
	g.signal(syscall.SIGINT)
	if code := g.end(); code != 0 || !strings.Contains(g.out.String(), "Server Quit") {
		t.Errorf("exit %d\n%s", code, g.out)
	}
}

// Arguments with blanks fall apart in the wrapper, as in the real one.
func TestWrapperLosesQuotes(t *testing.T) {
	g := start(t, install(t), "srcds_run", "VAC secure", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel versus", "+sv_contact", "two  words", "+rcon_password", "secret")
	r := g.login()
	if text := r.run("mp_gamemode"); !strings.Contains(text, `"versus"`) {
		t.Error(text)
	}
	if text := r.run("sv_contact"); !strings.HasPrefix(text, `"sv_contact" = "two"`) {
		t.Error(text)
	}
}

func TestPorts(t *testing.T) {
	dir := install(t)
	first := serve(t, dir)
	strict := start(t, dir, "srcds_linux", "", "-strictportbind", "+ip", "127.0.0.1", "-port", fmt.Sprint(first.port), "+map", "c1m1_hotel")
	if code := strict.end(); code != 1 || !strings.Contains(strict.out.String(), "Couldn't allocate dedicated server IP port") {
		t.Errorf("exit %d\n%s", code, strict.out)
	}
	loose := start(t, dir, "srcds_linux", "Network: IP 127.0.0.1, mode MP, dedicated Yes, ports ", "+ip", "127.0.0.1", "+hostport", fmt.Sprint(first.port), "+map", "c1m1_hotel")
	if strings.Contains(loose.out.String(), fmt.Sprintf("ports %d SV", first.port)) {
		t.Errorf("took the same port\n%s", loose.out)
	}
}

func TestSlowStartCanBeInterrupted(t *testing.T) {
	g := start(t, install(t), "srcds_linux", "Server is hibernating", "+ip", "127.0.0.1", "-port", "PORT", "+demo_slow_start", "3600")
	if conn, err := net.Dial("tcp", g.address()); err == nil {
		_ = conn.Close()
		t.Error("answers before it has started")
	}
	g.signal(syscall.SIGINT)
	if code := g.end(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestMissingMapLeavesNothingToQuery(t *testing.T) {
	g := start(t, install(t), "srcds_linux", "map load failed: nosuch not found or invalid", "+ip", "127.0.0.1", "-port", "PORT", "+map", "nosuch")
	g.wait("Connection to Steam servers successful.")
	conn, err := net.Dial("udp", g.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("\xff\xff\xff\xffTSource Engine Query\x00"))
	g.enter("echo the query before this one was read")
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes", n)
	}
}

func TestServerCfgRunsAtEachMapAndClosesRCON(t *testing.T) {
	dir := install(t)
	cfg := filepath.Join(dir, "left4dead2/cfg/server.cfg")
	if err := os.WriteFile(cfg, []byte("# not a comment\nhostname \"a; b // c\" // comment\nrcon_password secret\nexec loop\nexec ../steam.inf\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "left4dead2/cfg/loop.cfg"), []byte("exec loop"), 0o644); err != nil {
		t.Fatal(err)
	}
	g := serve(t, dir)
	r := g.login()
	if text := r.run("hostname"); !strings.HasPrefix(text, `"hostname" = "a; b // c"`) {
		t.Error(text)
	}
	for _, text := range []string{`Unknown command "#"`, "nested too deep", "invalid path"} {
		if !strings.Contains(g.out.String(), text) {
			t.Errorf("%q is missing\n%s", text, g.out)
		}
	}
	r.send(9, 2, "changelevel c1m2_streets")
	if _, _, _, err := r.read(); err == nil {
		t.Error("the connection outlived a write of rcon_password")
	}
	if text := g.login().run("status"); !strings.Contains(text, "map     : c1m2_streets\n") {
		t.Error(text)
	}
}

func TestAddons(t *testing.T) {
	dir := install(t)
	addons := filepath.Join(dir, "left4dead2/addons")
	copyTo(t, "testdata/campaign.v1.vpk", filepath.Join(addons, "123.vpk"))
	copyTo(t, "testdata/campaign.v1.vpk", filepath.Join(addons, "two.dots.vpk"))
	copyTo(t, "testdata/broken.html.vpk", filepath.Join(addons, "html.vpk"))
	copyTo(t, "testdata/broken.truncated-tree.vpk", filepath.Join(addons, "cut.vpk"))
	if err := os.Symlink("/nonexistent", filepath.Join(addons, "dangling.vpk")); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "left4dead2/addonlist.txt")
	if err := os.WriteFile(list, []byte("\"AddonList\"\n{\n\t\"old.vpk\"\t\t\"0\"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g := serve(t, dir)
	want := "\"AddonList\"\n{\n\t\"old.vpk\"\t\t\"0\"\n\t\"123.vpk\"\t\t\"1\"\n}\n"
	if diff := cmp.Diff(want, readFile(t, list)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(g.out.String(), "dangling") || strings.Contains(g.out.String(), "two.dots") {
		t.Errorf("skipping is silent\n%s", g.out)
	}
	r := g.login()
	if text := r.run("maps mycamp"); text != "-------------\nPENDING:   (fs) mycamp_m1_street.bsp\nPENDING:   (fs) mycamp_m2_finale.bsp\n" {
		t.Error(text)
	}
	if text := r.run("changelevel mycamp_m1_street"); text != "" {
		t.Error(text)
	}
	copyTo(t, "testdata/campaign.v1.preload.vpk", filepath.Join(addons, "new.vpk"))
	if text := r.run("update_addon_paths; mission_reload; demo_addons"); !strings.Contains(text, "new.vpk") || !strings.Contains(text, "2 addons") {
		t.Error(text)
	}
}

// Moving a pack away while players use it is known to take a server down.
func TestVanishedAddonCrashesTheNextMapWithPlayers(t *testing.T) {
	dir := install(t)
	path := filepath.Join(dir, "left4dead2/addons/123.vpk")
	copyTo(t, "testdata/campaign.v1.vpk", path)
	g := serve(t, dir, "+demo_players", "1")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	g.enter("changelevel c1m2_streets")
	if code := g.end(); code != 139 {
		t.Errorf("exit %d", code)
	}
}

func TestPluginsWriteAtRunTimeWhenVisible(t *testing.T) {
	dir := install(t)
	for _, name := range []string{"metamod.vdf", "tickrate_enabler.vdf"} {
		if err := os.WriteFile(filepath.Join(dir, "left4dead2/addons", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g := serve(t, dir, "-tickrate", "100")
	if logs, _ := filepath.Glob(filepath.Join(dir, "left4dead2/addons/sourcemod/logs/L*.log")); len(logs) != 1 {
		t.Errorf("logs: %v", logs)
	}
	r := g.login()
	if text := r.run("demo_tickrate"); !strings.HasPrefix(text, `"demo_tickrate" = "100"`) {
		t.Error(text)
	}
	if text := r.run("sm version"); !strings.Contains(text, "SourceMod Version") {
		t.Error(text)
	}
	plain := serve(t, install(t), "-tickrate", "100").login()
	if text := plain.run("demo_tickrate; meta version"); !strings.HasPrefix(text, `"demo_tickrate" = "30"`) || !strings.Contains(text, `Unknown command "meta"`) {
		t.Error(text)
	}
}

func TestInstallIsRepeatableAndReplacesARunningBinary(t *testing.T) {
	dir := install(t)
	g := serve(t, dir)
	if out, err := exec.Command(program, "install", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if text := g.login().run("version"); !strings.Contains(text, "2.2.4.3") {
		t.Error(text)
	}
	if out, err := exec.Command(program, "nonsense").CombinedOutput(); err == nil || !strings.Contains(string(out), "usage") {
		t.Errorf("%v: %s", err, out)
	}
}
