package systemd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/systemd"
)

// What the operator does while the agent watches; these run as root inside the host.

func command(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(within(t), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

const forever = `trap 'exit 0' INT; echo ready; while :; do sleep 0.05; done`

func TestRootOperatorStopsAndKills(t *testing.T) {
	inside(t)
	s := opened(t)
	play(t, s, "stopped", forever)
	command(t, "systemctl", "stop", "left4me-server@stopped.service")
	if u := await(t, s, "stopped", server.UnitAbsent); !u.Exit.Asked {
		t.Errorf("%+v", u)
	}
	play(t, s, "killed", forever)
	command(t, "systemctl", "kill", "--signal=KILL", "left4me-server@killed.service")
	if u := await(t, s, "killed", server.UnitExited); u.Exit.Asked || u.Exit.Signal != "SIGKILL" {
		t.Errorf("%+v", u)
	}
}

// Nothing is missed when the bus or systemd itself starts anew.
func TestRootBusRestarts(t *testing.T) {
	inside(t)
	s := opened(t)
	for name, restart := range map[string][]string{
		"dbus": {"systemctl", "restart", "dbus.service"}, "reexec": {"systemctl", "daemon-reexec"}, "reload": {"systemctl", "daemon-reload"},
	} {
		play(t, s, name, forever)
		play(t, s, name+"-meanwhile", forever)
		before := status(t, s, name)
		pid := status(t, s, name+"-meanwhile").PID
		command(t, restart...)
		command(t, "kill", "-KILL", strconv.Itoa(pid))
		if u := await(t, s, name+"-meanwhile", server.UnitExited); u.Exit.Signal != "SIGKILL" {
			t.Errorf("%s: %+v", name, u)
		}
		if now := status(t, s, name); now != before {
			t.Errorf("%s: %+v became %+v", name, before, now)
		}
		if err := s.Stop(within(t), name, patience); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		play(t, s, name, forever) // and it can be started
	}
}

// A cursor whose line was rotated away goes on with the oldest line, and says so.
func TestRootJournalRotatedAway(t *testing.T) {
	inside(t)
	s := opened(t)
	play(t, s, "rotated", `trap 'exit 0' INT; echo first; while [ ! -e go ]; do sleep 0.05; done; echo second; echo third; while :; do sleep 0.05; done`)
	first := line(t, s, "rotated", "", "first")
	command(t, "journalctl", "--rotate", "--vacuum-time=1us")
	tree(t, "rotated", map[string]string{"go": ""})
	s = opened(t) // another one, whose memory does not hold the line
	for range 2 { // with a stream of its own, then with what that stream kept
		got := line(t, s, "rotated", first.Cursor, "second")
		if got.Dropped == 0 {
			t.Errorf("%+v", got)
		}
		if again := line(t, s, "rotated", got.Cursor, "third"); again.Dropped != 0 {
			t.Errorf("%+v", again)
		}
	}
	// A journald that starts anew loses nobody.
	command(t, "systemctl", "restart", "systemd-journald.service")
	if u := status(t, s, "rotated"); u.State != server.UnitActive {
		t.Errorf("%+v", u)
	}
}

// A flood is cut, and the console says how much is missing.
func TestRootFlood(t *testing.T) {
	inside(t)
	dropIn := "/run/systemd/system/left4me-server@flood.service.d"
	if err := os.MkdirAll(dropIn, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dropIn) })
	// journald multiplies the limit by up to six where there is much room.
	if err := os.WriteFile(dropIn+"/limit.conf", []byte("[Service]\nLogRateLimitBurst=1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, "systemctl", "daemon-reload")
	s := opened(t)
	play(t, s, "flood", `seq 30000; sleep 6; echo after; exec sleep 1000`)
	dropped, lines := 0, 0
	err := s.Read(within(t), "flood", "", 1, true, func(l server.Line) error {
		dropped += l.Dropped
		if lines++; l.Text == "after" {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	all := 0
	counted := 0
	_ = s.Read(within(t), "flood", "", 1<<20, false, func(l server.Line) error { all++; counted += l.Dropped; return nil })
	if all+counted != 30001 || counted == 0 {
		t.Errorf("%d lines and %d dropped of 30001; the follower saw %d and %d", all, counted, lines, dropped)
	}
}

// S4: what the mounter mounts in the host is seen by every unit, by those that are fully hardened too; and a server's
// tree can be taken down and mounted again while others, whose units hold copies of all mounts, run on.
func TestRootMounts(t *testing.T) {
	inside(t)
	s := opened(t)
	for _, name := range []string{"alpha", "bravo"} {
		mount(t, name)
		play(t, s, name, "exec sleep 1000")
	}
	game := filepath.Join(servers, "alpha/tree/srcds_run")
	for _, hardening := range []string{"ProtectSystem=strict", "PrivateTmp=yes", "ProtectHome=yes"} {
		command(t, "systemd-run", "--wait", "-q", "-p", hardening, "test", "-e", game)
	}
	for range 3 {
		if err := s.Stop(within(t), "bravo", 0); err != nil {
			t.Fatal(err)
		}
		command(t, "umount", filepath.Join(servers, "bravo/tree"))
		mount(t, "bravo") // EBUSY if anybody still held the upper
		play(t, s, "bravo", "exec sleep 1000")
	}
}

// mount stacks a server's tree; its undoing comes after the server's.
func mount(t *testing.T, serverID string) {
	t.Helper()
	dir := filepath.Join(servers, serverID)
	for _, name := range []string{"lower", "upper", "work", "tree"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := "lowerdir=" + dir + "/lower,upperdir=" + dir + "/upper,workdir=" + dir + "/work,index=on,nosuid,nodev"
	command(t, "mount", "-t", "overlay", "left4me", "-o", options, dir+"/tree")
	t.Cleanup(func() { _ = exec.Command("umount", dir+"/tree").Run() })
}

var errEnough = errors.New("enough")

func line(t *testing.T, s *systemd.Supervisor, serverID, cursor, text string) server.Line {
	t.Helper()
	var got server.Line
	err := s.Read(within(t), serverID, cursor, 100, true, func(l server.Line) error {
		if got = l; strings.Contains(l.Text, text) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("no line %q: %v", text, err)
	}
	return got
}

// The restart of the host: TestHost runs the first part, restarts the host, and runs the second.

func TestBeforeRestart(t *testing.T) {
	inside(t)
	s := opened(t)
	for serverID, script := range map[string]string{"ran": forever, "ended": "exit 3", "stopped": forever} {
		dir := tree(&keeping{TB: t}, serverID, map[string]string{"srcds_run": "#!/bin/bash\n" + script + "\n"})
		if err := s.Start(within(t), server.LaunchPlan{Server: serverID, Name: serverID, Tree: dir, Binary: "srcds_run"}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, s, "ended", server.UnitExited)
	if err := s.Stop(within(t), "stopped", patience); err != nil {
		t.Fatal(err)
	}
}

// keeping is a test whose files stay.
type keeping struct{ testing.TB }

func (keeping) Cleanup(func()) {}

func TestAfterRestart(t *testing.T) {
	inside(t)
	s := opened(t)
	if u := status(t, s, "ran"); u.State != server.UnitAbsent || !u.Rebooted {
		t.Errorf("%+v", u)
	}
	if u := status(t, s, "ended"); u.State != server.UnitExited || u.Exit.Code != 3 || u.Rebooted {
		t.Errorf("%+v", u)
	}
	if u := status(t, s, "stopped"); u.State != server.UnitAbsent || u.Rebooted {
		t.Errorf("%+v", u)
	}
	play(t, s, "ran", forever)
	if u := status(t, s, "ran"); u.State != server.UnitActive || u.Rebooted {
		t.Errorf("%+v", u)
	}
	for _, serverID := range []string{"ended", "stopped"} {
		if err := s.Forget(within(t), serverID); err != nil {
			t.Error(err)
		}
	}
}
