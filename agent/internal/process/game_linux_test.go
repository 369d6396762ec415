package process_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/server"
)

// demoGame installs the simulated server and returns its tree.
func demoGame(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program, tree := filepath.Join(dir, "demo-game"), filepath.Join(dir, "tree")
	for _, args := range [][]string{
		{"go", "build", "-o", program, "github.com/left4me/left4me/examples/demo-game"}, {program, "install", tree},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return tree
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startGame runs the simulated server by way of its wrapper, as on a real host.
func startGame(t *testing.T, s *process.Supervisor, dir string, args ...string) (port int, rcon *query.RCON) {
	t.Helper()
	port = freePort(t)
	start(t, s, plan("alpha", dir, append([]string{"-norestart", "-game", "left4dead2", "-strictportbind", "+ip", "127.0.0.1",
		"-port", strconv.Itoa(port), "+map", "c1m1_hotel", "+rcon_password", "secret"}, args...)...))
	awaitLine(t, s, "alpha", "VAC secure mode is activated.")
	rcon = query.NewRCON(query.DialTCP(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))), "secret")
	t.Cleanup(func() { _ = rcon.Close() })
	return port, rcon
}

func TestAGameFromStartToStop(t *testing.T) {
	s, dir := open(t, t.TempDir()), demoGame(t)
	port, rcon := startGame(t, s, dir, "+demo_players", "2")
	a2s := query.A2S{Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))}
	info, err := a2s.Info(withPatience(t))
	if err != nil || info.Map != "c1m1_hotel" || info.Players != 4 || info.Bots != 2 || info.Port != port || info.AppID != 550 {
		t.Errorf("%+v, %v", info, err)
	}
	players, err := a2s.Players(withPatience(t))
	if err != nil || len(players) != 4 || players[1].Name != "桐喵Six" {
		t.Errorf("%+v, %v", players, err)
	}
	long := strings.Repeat("y", 480)
	if _, err := rcon.Command(withPatience(t), "sv_contact "+long+"; sv_tags "+"z"); err != nil {
		t.Error(err)
	}
	rules, err := a2s.Rules(withPatience(t))
	if err != nil || len(rules) < 8 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
	text, err := rcon.Query(withPatience(t), "status")
	if err != nil {
		t.Fatal(err)
	}
	st, err := query.ParseStatus(text)
	if err != nil || st.Humans != 2 || st.Players[1].Name != "桐喵Six" || st.Players[0].SteamID64 == 0 || st.Hibernating {
		t.Errorf("%+v, %v", st, err)
	}
	if list, err := rcon.Query(withPatience(t), "cvarlist"); err != nil || len(list) < 4096 || !strings.HasSuffix(list, "total convars/concommands\n") {
		t.Errorf("%d bytes, %v", len(list), err)
	}
	// Writing the password throws every client out; a question is asked again by itself.
	_, _ = rcon.Command(withPatience(t), "rcon_password secret")
	if _, err := rcon.Query(withPatience(t), "status"); err != nil {
		t.Error(err)
	}
	if err := s.Stop(withPatience(t), "alpha", patience); err != nil {
		t.Fatal(err)
	}
	awaitLine(t, s, "alpha", "Server Quit")
	if u := status(t, s, "alpha"); u.State != server.UnitAbsent || u.Exit != (server.Exit{Asked: true}) {
		t.Errorf("%+v", u)
	}
	assertNoneAlive(t, dir)
}

func TestAGameThatHangsIsKilledWithItsWrapper(t *testing.T) {
	s, dir := open(t, t.TempDir()), demoGame(t)
	_, rcon := startGame(t, s, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := rcon.Command(ctx, "demo_hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it answers: %v", err)
	}
	if err := s.Stop(withPatience(t), "alpha", 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	assertNoneAlive(t, dir)
}

func TestAGameThatCrashes(t *testing.T) {
	s, dir := open(t, t.TempDir()), demoGame(t)
	_, rcon := startGame(t, s, dir)
	_, _ = rcon.Command(withPatience(t), "demo_crash")
	u := await(t, s, "alpha", inState(server.UnitExited))
	if u.Exit.Code != 139 || u.Exit.Asked { // what bash makes of a SIGSEGV below it
		t.Errorf("%+v", u)
	}
	awaitLine(t, s, "alpha", "Segmentation fault")
	assertNoneAlive(t, dir)
}
