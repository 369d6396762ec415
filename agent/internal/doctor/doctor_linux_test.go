package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/doctor"
)

// agent answers as a running one does.
type agent struct {
	down    error
	plugins []api.Plugin
}

func (a agent) Host(context.Context) (api.Host, error)        { return api.Host{Version: "1"}, a.down }
func (a agent) Plugins(context.Context) ([]api.Plugin, error) { return a.plugins, a.down }
func (a agent) Servers(context.Context) ([]api.Server, error) {
	return []api.Server{{Port: 27015}}, a.down
}

// patient is a host in a directory, all of whose users are this process.
type patient struct {
	root  string
	agent agent
	units map[string]map[string]string // properties by unit
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func dir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

// well makes a healthy patient.
func well(t *testing.T) *patient {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a host's files belong to root")
	}
	root, err := os.MkdirTemp("/tmp", "doc") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	var accounts strings.Builder
	for _, name := range []string{"root", "left4me", "left4me-web", "left4me-mounter", "left4me-workshop", "left4me-plug"} {
		fmt.Fprintf(&accounts, "%s:x:0:0::/:/bin/false\n", name)
	}
	for path, text := range map[string]string{
		"/etc/passwd": accounts.String(), "/etc/group": accounts.String(),
		"/proc/sys/kernel/osrelease": "6.12.0\n", "/proc/filesystems": "nodev\toverlay\n",
		"/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
		"/proc/net/udp":                     "  sl  local_address rem_address   st\n   1: 00000000:6987 00000000:0000 07\n",
		"/etc/left4me/agent.hcl":            `name = "x"` + "\n", "/etc/left4me/web.env": "", "/etc/left4me/mounter-kernel.json": "{}",
		"/usr/lib/left4me/sandbox/resolv.conf":                 "",
		"/usr/share/polkit-1/rules.d/50-left4me-server.rules":  "",
		"/usr/share/polkit-1/rules.d/50-left4me-sandbox.rules": "",
		"/var/lib/left4me/agent/agent.db":                      "", "/var/lib/left4me-web/panel.db": "",
	} {
		write(t, root+path, text, 0o640)
	}
	write(t, root+"/usr/bin/left4me", "", 0o755)
	write(t, root+"/usr/bin/left4me-web", "", 0o755)
	for path, mode := range map[string]os.FileMode{
		"/run/systemd/system": 0o755, "/var/lib/left4me/agent": 0o700, "/var/lib/left4me/content": 0o711, "/var/lib/left4me-web": 0o700,
		"/var/cache/left4me/overlay-workshop": 0o700, "/run/left4me/servers": 0o750, "/usr/lib/left4me/plugins": 0o755,
	} {
		dir(t, root+path, mode)
	}
	for _, name := range []string{"agent", "mounter-kernel", "overlay-script", "overlay-workshop", "game-steamcmd"} {
		socket, err := net.Listen("unix", root+"/run/left4me/"+name+".sock")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		if err := os.Chmod(root+"/run/left4me/"+name+".sock", 0o660); err != nil {
			t.Fatal(err)
		}
	}
	return &patient{root: root, units: map[string]map[string]string{},
		agent: agent{plugins: []api.Plugin{{Name: "mounter-kernel", Kind: "mounter", State: "ready"}}}}
}

// systemctl answers for all units that they are well, but for what p.units says.
func (p *patient) systemctl(_ context.Context, _ string, args ...string) (string, error) {
	if args[0] == "--version" {
		return "systemd 252 (252.39)\n+PAM\n", nil
	}
	if slices.Contains(args, "--value") {
		return "loaded\n", nil
	}
	answer := map[string]string{"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no", "ProtectSystem": "no"}
	for name, value := range p.units[args[len(args)-1]] {
		answer[name] = value
	}
	var out strings.Builder
	for name := range strings.SplitSeq(strings.TrimPrefix(args[1], "--property="), ",") {
		fmt.Fprintf(&out, "%s=%s\n", name, answer[name])
	}
	return out.String(), nil
}

func (p *patient) examine(t *testing.T) []doctor.Finding {
	t.Helper()
	return doctor.Examine(t.Context(), doctor.Options{Root: p.root, Run: p.systemctl, Agent: p.agent, Config: "/etc/left4me/agent.hcl", Version: "1"})
}

func TestHealthyHost(t *testing.T) {
	findings := well(t).examine(t)
	areas := map[string]bool{}
	for _, f := range findings {
		areas[f.Area] = true
		if f.Level != doctor.OK && f.Area != "disk" { // the machine's own
			t.Errorf("%+v", f)
		}
	}
	if len(areas) < 11 {
		t.Errorf("only %v", areas)
	}
}

// Each fault is found in its area, with its level, and has a way to mend it.
func TestFaultsAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, p *patient)
		area  string
		level doctor.Level
		says  string
	}{
		"no overlayfs": {func(t *testing.T, p *patient) { write(t, p.root+"/proc/filesystems", "ext4\n", 0o644) }, "kernel", doctor.Fail, "overlayfs"},
		"old kernel":   {func(t *testing.T, p *patient) { write(t, p.root+"/proc/sys/kernel/osrelease", "5.10.0", 0o644) }, "kernel", doctor.Warn, "5.10.0"},
		"links":        {func(t *testing.T, p *patient) { write(t, p.root+"/proc/sys/fs/protected_hardlinks", "0\n", 0o644) }, "kernel", doctor.Warn, "hard links"},
		"no memory controller": {func(t *testing.T, p *patient) {
			write(t, p.root+"/sys/fs/cgroup/cgroup.controllers", "cpu io pids", 0o644)
		}, "cgroups", doctor.Warn, "memory"},
		"no rule": {func(t *testing.T, p *patient) {
			remove(t, p.root+"/usr/share/polkit-1/rules.d/50-left4me-server.rules")
		}, "polkit", doctor.Fail, "missing"},
		"rule of everybody": {func(t *testing.T, p *patient) {
			mode(t, p.root+"/usr/share/polkit-1/rules.d/50-left4me-server.rules", 0o666)
		}, "polkit", doctor.Fail, "change"},
		"readable database":    {func(t *testing.T, p *patient) { mode(t, p.root+"/var/lib/left4me/agent/agent.db", 0o644) }, "files", doctor.Fail, "0644"},
		"foreign sidecar":      {func(t *testing.T, p *patient) { foreign(t, p.root+"/var/lib/left4me/agent/agent.db-wal") }, "files", doctor.Fail, "belongs to user 1"},
		"open content":         {func(t *testing.T, p *patient) { mode(t, p.root+"/var/lib/left4me/content", 0o777) }, "files", doctor.Fail, "0777"},
		"new default":          {func(t *testing.T, p *patient) { write(t, p.root+"/etc/left4me/agent.hcl.new", "", 0o640) }, "files", doctor.Warn, "agent.hcl.new"},
		"broken configuration": {func(t *testing.T, p *patient) { write(t, p.root+"/etc/left4me/agent.hcl", "nane = 1", 0o640) }, "config", doctor.Fail, "problems"},
		"dead agent":           {func(_ *testing.T, p *patient) { p.is("left4me-agent.service", "ActiveState", "failed") }, "units", doctor.Fail, "failed"},
		"disabled panel":       {func(_ *testing.T, p *patient) { p.is("left4me-web.service", "UnitFileState", "disabled") }, "units", doctor.Warn, "reboot"},
		"stale unit":           {func(_ *testing.T, p *patient) { p.is("left4me-web.service", "NeedDaemonReload", "yes") }, "units", doctor.Warn, "older file"},
		"no template":          {func(_ *testing.T, p *patient) { p.is("left4me-server@probe.service", "LoadState", "not-found") }, "units", doctor.Fail, "template"},
		"mounter with a view": {func(_ *testing.T, p *patient) {
			p.is("left4me-plugin-mounter-kernel@probe.service", "ProtectSystem", "strict")
		}, "units", doctor.Fail, "mount namespace"},
		"socket of everybody":   {func(t *testing.T, p *patient) { mode(t, p.root+"/run/left4me/mounter-kernel.sock", 0o666) }, "sockets", doctor.Fail, "others"},
		"no socket":             {func(t *testing.T, p *patient) { remove(t, p.root+"/run/left4me/agent.sock") }, "sockets", doctor.Fail, "missing"},
		"agent away":            {func(_ *testing.T, p *patient) { p.agent.down = errors.New("nobody listens") }, "agent", doctor.Fail, "nobody listens"},
		"failed plugin":         {func(_ *testing.T, p *patient) { p.agent.plugins[0].State = "failed" }, "plugins", doctor.Fail, "mounter-kernel is failed"},
		"no mounter":            {func(_ *testing.T, p *patient) { p.agent.plugins = nil }, "plugins", doctor.Fail, "No mounter"},
		"port of somebody else": {func(t *testing.T, p *patient) { write(t, p.root+"/proc/net/udp", "x\n 1: 00000000:6990 0 07\n", 0o644) }, "ports", doctor.Warn, "27024"},
	} {
		t.Run(name, func(t *testing.T) {
			p := well(t)
			tt.spoil(t, p)
			for _, f := range p.examine(t) {
				if f.Area == tt.area && f.Level == tt.level && strings.Contains(f.Message, tt.says) {
					if f.Hint == "" {
						t.Errorf("no way to mend it: %+v", f)
					}
					return
				}
			}
			t.Errorf("not found in %+v", p.examine(t))
		})
	}
}

func (p *patient) is(unit, property, value string) {
	p.units[unit] = map[string]string{property: value}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func foreign(t *testing.T, path string) {
	t.Helper()
	write(t, path, "", 0o640)
	if err := os.Chown(path, 1, 1); err != nil {
		t.Fatal(err)
	}
}
