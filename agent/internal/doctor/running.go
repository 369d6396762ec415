package doctor

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
)

func socketUnits() []string {
	return []string{"left4me-plugin-mounter-kernel.socket", "left4me-plugin-overlay-script.socket", "left4me-plugin-overlay-workshop.socket"}
}

// templates are started by instance; root alone may say what is in them.
func templates() []string {
	return []string{
		"left4me-server@probe.service", "left4me-sandbox@probe.service", "left4me-plugin-mounter-kernel@probe.service",
		"left4me-plugin-overlay-script@probe.service", "left4me-plugin-overlay-workshop@probe.service", "left4me-plugin-game-steamcmd@probe.service",
	}
}

func (e *examination) units(ctx context.Context) {
	before := e.count()
	for _, unit := range append([]string{"left4me-agent.service", "left4me-web.service"}, socketUnits()...) {
		is := e.properties(ctx, unit, "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload")
		switch {
		case is["LoadState"] != "loaded":
			e.fail(provisionHint, "%s is not installed (%s).", unit, is["LoadState"])
		case is["ActiveState"] != "active":
			e.fail("Look into: journalctl -u "+unit+" -n 50; then: systemctl restart "+unit, "%s is %s.", unit, is["ActiveState"])
		case is["UnitFileState"] == "disabled":
			e.warn("Run: systemctl enable "+unit, "%s runs, but is %s, so it will not after a reboot.", unit, is["UnitFileState"])
		case is["NeedDaemonReload"] == "yes":
			e.warn("Run: systemctl daemon-reload", "%s runs from an older file than the one on the disk.", unit)
		}
	}
	for _, unit := range templates() {
		if is := e.properties(ctx, unit, "LoadState"); is["LoadState"] != "loaded" {
			e.fail(provisionHint, "The template of %s is not installed (%s).", unit, is["LoadState"])
		}
	}
	e.mounterSeesHost(ctx)
	if e.count() == before {
		e.ok("agent, panel, plugin sockets and templates")
	}
}

// mounterSeesHost finds the drop-in that makes every mount invisible (S4).
func (e *examination) mounterSeesHost(ctx context.Context) {
	is := e.properties(ctx, "left4me-plugin-mounter-kernel@probe.service", "PrivateTmp", "ProtectSystem", "ProtectHome", "PrivateDevices",
		"PrivateMounts", "PrivateNetwork", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "ReadOnlyPaths", "ReadWritePaths",
		"InaccessiblePaths", "TemporaryFileSystem", "BindPaths", "ProtectProc")
	for name, value := range is {
		if value != "" && value != "no" && value != "default" {
			e.fail("Take it out of the drop-in: systemctl edit left4me-plugin-mounter-kernel@.service",
				"%s=%s gives the mounter a mount namespace of its own: no server would see its tree.", name, value)
		}
	}
}

func (e *examination) properties(ctx context.Context, unit string, names ...string) map[string]string {
	out := map[string]string{}
	text, _ := e.Run(ctx, "systemctl", "show", "--property="+strings.Join(names, ","), unit) // nothing is what it says then
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[name] = value
		}
	}
	return out
}

func (e *examination) sockets(context.Context) {
	before := e.count()
	for _, s := range []struct{ path, owner, group string }{
		{"/run/left4me/agent.sock", "left4me", "left4me"}, {"/run/left4me/mounter-kernel.sock", "root", "left4me-plug"},
		{"/run/left4me/overlay-script.sock", "root", "left4me-plug"}, {"/run/left4me/overlay-workshop.sock", "root", "left4me-plug"},
	} {
		info, err := e.stat(s.path)
		if err != nil || info.Mode().Type() != fs.ModeSocket {
			e.fail("Run: systemctl restart left4me-agent "+strings.Join(socketUnits(), " "), "The socket %s is missing.", s.path)
			continue
		}
		uid, _ := e.uid(s.owner)
		gid, _ := e.gid(s.group)
		if owner(info) != uid || group(info) != gid || info.Mode().Perm()&0o007 != 0 {
			e.fail("Run: systemctl restart left4me-agent "+strings.Join(socketUnits(), " "),
				"The socket %s can be opened by others than %s and group %s.", s.path, s.owner, s.group)
		}
	}
	if e.count() == before {
		e.ok("sockets of agent and plugins")
	}
}

// agent asks the running agent who it is, and keeps what others need.
func (e *examination) agent(ctx context.Context) {
	host, err := e.Agent.Host(ctx)
	if err != nil {
		e.fail("Look into: journalctl -u left4me-agent -n 50", "The agent does not answer: %s", err)
		return
	}
	if host.Version != e.Version {
		e.warn("Run: systemctl restart left4me-agent (servers go on)", "The agent runs version %s, installed is %s.", host.Version, e.Version)
	} else {
		e.ok("version %s", host.Version)
	}
	for _, notice := range host.Notices {
		e.warn("See the notices of the host in the panel.", "%s", notice)
	}
}

func (e *examination) plugins(ctx context.Context) {
	plugins, err := e.Agent.Plugins(ctx)
	if err != nil {
		return // said already
	}
	mounter := false
	for _, p := range plugins {
		mounter = mounter || p.Kind == "mounter"
		e.plugin(p)
	}
	if !mounter {
		e.fail(`Add a plugin block of kind "mounter" to `+e.Config+".", "No mounter is configured, so no server can be mounted.")
	}
}

func (e *examination) plugin(p api.Plugin) {
	hint := "Look into: journalctl -u 'left4me-plugin-" + p.Name + "@*' -n 50; then: left4me plugin restart " + p.Name
	switch p.State {
	case "ready":
		var health []string
		for name, value := range p.Health {
			health = append(health, name+" "+value)
		}
		slices.Sort(health)
		e.ok("%s", strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Name, p.Version, strings.Join(health, ", "))))
	case "disabled":
		e.ok("%s is disabled", p.Name)
	case "degraded":
		e.warn(hint, "%s is degraded: %s", p.Name, p.Description)
	default:
		e.fail(hint, "%s is %s: %s", p.Name, p.State, p.Description)
	}
}

// ports looks for programs of others on ports that servers will want.
func (e *examination) ports(ctx context.Context) {
	if e.settings == nil {
		return
	}
	ours := map[int]bool{}
	servers, err := e.Agent.Servers(ctx)
	for _, s := range servers {
		ours[s.Port] = true
	}
	taken := map[int]bool{}
	for _, table := range []string{"udp", "udp6", "tcp", "tcp6"} {
		for _, port := range boundPorts([]byte(e.read("/proc/net/"+table)), strings.HasPrefix(table, "tcp")) {
			if port >= e.settings.Servers.Ports.First && port <= e.settings.Servers.Ports.Last && !ours[port] {
				taken[port] = true
			}
		}
	}
	if len(taken) == 0 || err != nil {
		e.ok("ports %d-%d", e.settings.Servers.Ports.First, e.settings.Servers.Ports.Last)
		return
	}
	for port := range taken {
		e.warn(fmt.Sprintf("See who it is: ss -lunpt sport = :%d; then end it, or change port_range in the servers block.", port),
			"Port %d of the servers' range is used by a program that is no server.", port)
	}
}

// boundPorts reads a table of proc_net(5); for TCP only listeners count.
func boundPorts(table []byte, tcp bool) []int {
	var out []int
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) < 4 || (tcp && fields[3] != "0A") {
			continue
		}
		at := strings.LastIndexByte(fields[1], ':')
		number, err := hex.DecodeString(fields[1][at+1:])
		if at < 0 || err != nil || len(number) != 2 {
			continue
		}
		out = append(out, int(number[0])<<8|int(number[1]))
	}
	return out
}

// uid and gid look an account up in the host's own files.
func (e *examination) uid(name string) (int, bool) { return e.number("/etc/passwd", name) }
func (e *examination) gid(name string) (int, bool) { return e.number("/etc/group", name) }

func (e *examination) number(file, name string) (int, bool) {
	for line := range strings.Lines(e.read(file)) {
		if fields := strings.Split(line, ":"); len(fields) > 2 && fields[0] == name {
			n, err := strconv.Atoi(strings.TrimSpace(fields[2]))
			return n, err == nil
		}
	}
	return 0, false
}
