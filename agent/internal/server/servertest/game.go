package servertest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/server"
)

func usage(t *testing.T, w *world) {
	serverID := w.run(`sleep 1000 & for i in $(seq 20000); do :; done; echo ready; exec sleep 1000`)
	got, err := w.Usage(w.ctx(), serverID)
	// Processor time is -1 in a container without the host's controller for it.
	if err != nil || got.Memory < 100<<10 || got.CPU <= 0 && got.CPU != -1 || got.Tasks < 2 || got.Tasks > 20 {
		t.Errorf("%+v, %v", got, err)
	}
	w.stop(serverID, 0)
	if _, err := w.Usage(w.ctx(), serverID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
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

// wholeGame drives the simulated server: ready, queried, steered over loopback, hung, crashed, stopped.
func wholeGame(t *testing.T, w *world) {
	plan := w.plan("")
	copyTree(t, w, w.Game(t), plan.Server)
	plan.Port = freePort(t)
	plan.Args = []string{"-norestart", "-game", "left4dead2", "-strictportbind", "+ip", "0.0.0.0", "-port", strconv.Itoa(plan.Port),
		"+map", "c1m1_hotel", "+rcon_password", "secret", "+demo_players", "2"}
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(plan.Port))
	play := func() *query.RCON {
		cursor := ""
		if last := w.lines(plan.Server, "", 1); len(last) > 0 {
			cursor = last[0].Cursor
		}
		w.start(plan)
		w.awaitLineAfter(plan.Server, cursor, "VAC secure mode is activated.")
		rcon := query.NewRCON(query.DialTCP(address.String()), "secret")
		t.Cleanup(func() { _ = rcon.Close() })
		return rcon
	}
	rcon := play()
	info, err := query.A2S{Addr: address}.Info(w.ctx())
	if err != nil || info.Map != "c1m1_hotel" || info.Port != plan.Port || info.AppID != 550 {
		t.Errorf("%+v, %v", info, err)
	}
	text, err := rcon.Query(w.ctx(), "status")
	if st, bad := query.ParseStatus(text); err != nil || bad != nil || st.Humans != 2 {
		t.Errorf("%+v, %v, %v", st, err, bad)
	}
	w.stop(plan.Server, patience)
	w.awaitLine(plan.Server, "Server Quit")
	if u := w.status(plan.Server); u.State != server.UnitAbsent || u.Exit != (server.Exit{Asked: true}) {
		t.Errorf("%+v", u)
	}

	rcon = play()
	ctx, cancel := context.WithTimeout(w.ctx(), 300*time.Millisecond)
	if _, err := rcon.Command(ctx, "demo_hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it answers: %v", err)
	}
	cancel()
	w.stop(plan.Server, 100*time.Millisecond)

	_, _ = play().Command(w.ctx(), "demo_crash")
	if u := w.await(plan.Server, server.UnitExited); u.Exit.Code != 139 || u.Exit.Asked { // what bash makes of a SIGSEGV below it
		t.Errorf("%+v", u)
	}
	w.awaitLine(plan.Server, "Segmentation fault")
}

func copyTree(t *testing.T, w *world, from, serverID string) {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, from+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Tree(t, serverID, files)
}
