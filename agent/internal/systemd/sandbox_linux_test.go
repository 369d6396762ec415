package systemd_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/systemd"
)

// play starts a server whose program is a bash script, and forgets it with the test.
func play(t *testing.T, s *systemd.Supervisor, serverID, script string, change ...func(*server.LaunchPlan)) server.LaunchPlan {
	t.Helper()
	plan := server.LaunchPlan{Server: serverID, Name: serverID, Binary: "srcds_run",
		Tree: tree(t, serverID, map[string]string{"srcds_run": "#!/bin/bash\n" + script + "\n"})}
	for _, f := range change {
		f(&plan)
	}
	if err := s.Start(within(t), plan); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(withoutTest(t), serverID, 0); err != nil {
			t.Error(err)
		}
		if err := s.Forget(withoutTest(t), serverID); err != nil {
			t.Error(err)
		}
	})
	return plan
}

// says returns what a server printed once it has ended. journald is a moment behind the game, so last, a text in the
// last line, is waited for.
func says(t *testing.T, s *systemd.Supervisor, serverID, last string) string {
	t.Helper()
	await(t, s, serverID, server.UnitExited)
	line(t, s, serverID, "", last)
	var out []string
	collect := func(l server.Line) error { out = append(out, l.Text); return nil }
	if err := s.Read(within(t), serverID, "", 1000, false, collect); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// What a hijacked game can see and do. Each line is an attack; it prints "got" when it succeeds.
func TestInsideAttacks(t *testing.T) {
	inside(t)
	s := opened(t)
	play(t, s, "neighbour", "exec sleep 1000")
	self := "attacker"
	dir := filepath.Join(servers, self)
	for _, name := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	play(t, s, self, `
got() { "${@:2}" >/dev/null 2>&1 && echo "got $1"; }
got "own upper"          ls `+dir+`/upper
got "own work"           ls `+dir+`/work
got "neighbour's tree"   ls `+servers+`/neighbour
got "state of the agent" ls `+stateDir+`/units
got "shadow"             cat /etc/shadow
got "agent's config"     ls /etc/left4me
got "another plan"       ls /run/left4me/servers/neighbour
got "write own plan"     touch /run/left4me/servers/`+self+`/plan.json
got "bus socket"         test -e /run/dbus/system_bus_socket
got "systemd socket"     test -e /run/systemd/private
got "journal socket"     test -e /run/systemd/journal/socket
got "home"               ls /root
got "journal"            ls /var/log/journal
got "write /usr"         touch /usr/x
got "write /etc"         touch /etc/x
got "write state"        touch `+servers+`/x
got "execute in /tmp"    bash -c 'cp /bin/true /tmp/true && /tmp/true'
got "user namespace"     unshare -U true
got "mount"              mount -t tmpfs none /mnt
got "setuid file"        bash -c 'cp /bin/true /dev/shm/s && chmod u+s /dev/shm/s'
got "sudo"               sudo -n true
got "kill neighbour"     pkill -f 'sleep 1000'
got "see neighbour"      pgrep -f 'sleep 1000'
got "see the agent"      pgrep -u left4me
got "kernel log"         dmesg
got "real time"          chrt -f 1 true
got "metadata service"   timeout 1 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80'
got "raw socket"         timeout 2 ping -c1 127.0.0.1
# And what it must have.
grep -q processor /proc/cpuinfo && echo "cpuinfo"
echo x > written && echo "writes its tree"
[ -w /tmp ] && echo "scratch"
[ "$(id -un)" = left4me-game ] && echo "own user"
[ -d "$HOME/.steam" ] && [ "$(readlink $HOME/.steam/sdk32)" = "$PWD/bin" ] && echo "steam home"
getent hosts localhost >/dev/null && echo "names"
[ -d /tmp/dumps ] && echo "place for dumps"
bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1 | grep -q refused && echo "loopback"
echo "end"`, func(p *server.LaunchPlan) {
		if err := os.Chmod(p.Tree, 0o777); err != nil {
			t.Fatal(err)
		}
	})
	want := "cpuinfo\nwrites its tree\nscratch\nown user\nsteam home\nnames\nplace for dumps\nloopback\nend"
	if got := says(t, s, self, "end"); got != want {
		t.Errorf("%s", got)
	}
	if u := status(t, s, "neighbour"); u.State != server.UnitActive {
		t.Errorf("the neighbour: %+v", u)
	}
}

func TestInsideLimits(t *testing.T) {
	inside(t)
	s := opened(t)
	limits := blueprint.Limits{MemoryMiB: 256, CPUPercent: 150, Tasks: 32, CPUs: "0", IOWeight: 200}
	play(t, s, "bounded", `for i in $(seq 64); do sleep 1000 & done; echo "all run"`, func(p *server.LaunchPlan) { p.Limits = limits })
	if out := says(t, s, "bounded", "fork: "); !strings.Contains(out, "fork: ") || strings.Contains(out, "all run") {
		t.Errorf("nothing held its tasks: %s", out)
	}
	play(t, s, "hungry", `[ "$(head -c 400M /dev/zero | tail -c 400M | wc -c)" = 419430400 ] && exit 42; exit 0`, func(p *server.LaunchPlan) {
		p.Limits = blueprint.Limits{MemoryMiB: 256}
	})
	u := await(t, s, "hungry", server.UnitExited)
	if u.Exit.Code == 42 {
		t.Errorf("nothing held its memory: %+v", u)
	}
	// Only with control groups v2 does systemd learn that the kernel killed for memory.
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil && !u.Exit.OOM {
		t.Errorf("%+v", u)
	}
	if got := show(t, "bounded"); got != "MemoryMax=268435456 CPUQuotaPerSecUSec=1.500000s TasksMax=32 AllowedCPUs=0 IOWeight=200" {
		t.Errorf("%s", got)
	}
	for name, beyond := range map[string]blueprint.Limits{"MemoryMax": {MemoryMiB: 8192}, "TasksMax": {Tasks: 5000}} {
		plan := server.LaunchPlan{Server: "bounded", Name: "bounded", Tree: filepath.Join(servers, "bounded/tree"), Binary: "srcds_run", Limits: beyond}
		if err := s.Start(within(t), plan); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), name) {
			t.Errorf("beyond what the host gives: %v", err)
		}
	}
	// The next start without limits has the unit file's again.
	play(t, s, "bounded", "exit 0")
	await(t, s, "bounded", server.UnitExited)
	template := show(t, "left4me-probe")
	if got := show(t, "bounded"); got != template || !strings.Contains(got, "TasksMax=256 ") {
		t.Errorf("%s, the template has %s", got, template)
	}
}

func show(t *testing.T, serverID string) string {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "left4me-server@"+serverID+".service", "-p", "MemoryMax", "-p", "CPUQuotaPerSecUSec",
		"-p", "TasksMax", "-p", "AllowedCPUs", "-p", "IOWeight").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, "=")
		lines[name] = strings.TrimSpace(line)
	}
	return strings.Join([]string{lines["MemoryMax"], lines["CPUQuotaPerSecUSec"], lines["TasksMax"], lines["AllowedCPUs"], lines["IOWeight"]}, " ")
}

// The agent's user may do this much and nothing more.
func TestInsidePermissions(t *testing.T) {
	inside(t)
	if me, err := user.Current(); err != nil || me.Username != "left4me" {
		t.Fatalf("runs as %v, %v", me, err)
	}
	for _, attempt := range [][]string{
		{"start", "systemd-timesyncd.service"},
		{"start", "left4me-server@A.service"},
		{"start", "left4me-server@x.service.d.service"},
		{"restart", "left4me-server@neighbour.service"},
		{"mask", "left4me-server@neighbour.service"},
		{"enable", "left4me-server@neighbour.service"},
		{"daemon-reload"},
		{"reboot"},
		{"set-property", "--runtime", "user.slice", "MemoryMax=1M"},
		{"set-property", "--runtime", "left4me-game.slice", "MemoryMax=1M"},
		{"set-environment", "LD_PRELOAD=/tmp/x.so"},
	} {
		if out, err := exec.Command("systemctl", append([]string{"--no-ask-password"}, attempt...)...).CombinedOutput(); err == nil {
			t.Errorf("systemctl %v: allowed: %s", attempt, out)
		}
	}
	if out, err := exec.Command("systemd-run", "--no-ask-password", "--unit=left4me-server@x", "true").CombinedOutput(); err == nil {
		t.Errorf("a transient unit: %s", out)
	}
	// Properties that would change what a unit may do are none of those that can be set at run time.
	for _, property := range []string{"User=root", "ExecStartPre=/bin/true", "BindPaths=/etc", "CapabilityBoundingSet=~", "SystemCallFilter=", "ProtectSystem=no"} {
		out, err := exec.Command("systemctl", "--no-ask-password", "set-property", "--runtime", "left4me-server@probe2.service", property).CombinedOutput()
		if err == nil {
			t.Errorf("set-property %s: %s", property, out)
		}
	}
}

func await(t *testing.T, s *systemd.Supervisor, serverID string, state server.UnitState) server.UnitStatus {
	t.Helper()
	var got server.UnitStatus
	watch(t, s, func(u server.UnitStatus) bool { got = u; return u.Server == serverID && u.State == state })
	return got
}

func status(t *testing.T, s *systemd.Supervisor, serverID string) server.UnitStatus {
	t.Helper()
	units, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if u.Server == serverID {
			return u
		}
	}
	return server.UnitStatus{}
}
