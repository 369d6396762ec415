package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxSocketPath is what a unix socket address holds on Linux, in bytes.
const maxSocketPath = 107

var (
	hostName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	dnsName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	accountName = regexp.MustCompile(`^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,10})$`)
)

// Validate checks everything that can be said without looking at the machine. The error is Problems
// and holds all of them.
func (c *Config) Validate() error { return c.problems().sorted().err() }

func (c *Config) problems() Problems {
	v := &validator{origins: c.origins}
	if !hostName.MatchString(c.Name) {
		v.add("name", "Use 1 to 64 letters, digits, \".\", \"_\" and \"-\".", "%q is not a name for a host.", c.Name)
	}
	v.path("state_dir", c.StateDir)
	v.path("runtime_dir", c.RuntimeDir)
	v.listen(c.Listen)
	v.plugins(c.Plugins)
	v.servers(c.Servers)
	v.installation(c.Installation, c.Plugins)
	if c.Jobs.Workers < 1 || c.Jobs.Workers > 256 {
		v.add("jobs.workers", "Use a number from 1 to 256.", "%d jobs cannot run at once.", c.Jobs.Workers)
	}
	if c.Jobs.Retention < time.Hour {
		v.add("jobs.retention", "Keep them for an hour at least, for example \"30d\".", "Finished jobs are kept too short: %v.", c.Jobs.Retention)
	}
	v.choice("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.choice("log.format", c.Log.Format, "text", "json")
	return v.problems
}

// validator gathers problems and finds where the file says what is wrong.
type validator struct {
	collector
	origins map[string]position
}

// add notes a problem with the key at path, or with the nearest block around it that is in the file.
func (v *validator) add(path, hint, format string, args ...any) {
	for at := path; ; {
		if position, ok := v.origins[at]; ok || at == "" {
			v.collector.add(position, hint, format, args...)
			return
		}
		at = at[:max(0, strings.LastIndexByte(at, '.'))]
	}
}

// last returns the last element of a key path.
func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func (v *validator) path(key, value string) {
	if !filepath.IsAbs(value) || filepath.Clean(value) != value || strings.ContainsRune(value, 0) {
		v.add(key, `Write the whole path from "/", without ".." and without a slash at the end.`,
			"%q = %.200q is not an absolute path.", last(key), value)
	}
}

func (v *validator) socket(key, value string) {
	v.path(key, value)
	if len(value) > maxSocketPath {
		v.add(key, "Use a shorter path, for example below /run.", "The path of %q has %d bytes, a unix socket takes %d.",
			last(key), len(value), maxSocketPath)
	}
}

func (v *validator) choice(key, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		v.add(key, suggest(value, choices), "%q is not a value of %q.", value, last(key))
	}
}

func (v *validator) account(key, value string) {
	if value != "" && !accountName.MatchString(value) {
		v.add(key, "Write the name or the number of an account.", "%q = %.80q is not an account.", last(key), value)
	}
}

func (v *validator) listen(l Listen) {
	v.socket("listen.socket", l.Socket)
	v.account("listen.socket_group", l.SocketGroup)
	if l.SocketMode&0o007 != 0 {
		v.add("listen.socket_mode", "Use \"0660\" and a socket_group.", "The mode %04o lets everybody on this host control the agent.", l.SocketMode)
	}
	for key, path := range map[string]string{
		"listen.token_file": l.TokenFile, "listen.certificate": l.Certificate, "listen.private_key": l.PrivateKey,
	} {
		if path != "" {
			v.path(key, path)
		}
	}
	if (l.Certificate == "") != (l.PrivateKey == "") {
		v.add("listen.certificate", "Name both files, or none.", "\"certificate\" and \"private_key\" belong together.")
	}
	if l.Address != "" {
		v.address(l)
	}
}

// address checks the TCP listener.
func (v *validator) address(l Listen) {
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil || !validPort(port) {
		v.add("listen.address", `Write address and port, for example "127.0.0.1:8440".`, "%.80q is not an address to listen on.", l.Address)
		return
	}
	if l.TokenFile == "" {
		v.add("listen.address", "Add token_file, or leave address out and use the socket.", "The address %s needs a token.", l.Address)
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || (err == nil && ip.IsLoopback())
	if !loopback && l.Certificate == "" {
		v.add("listen.address", "Add certificate and private_key, or listen on 127.0.0.1.",
			"The address %s can be reached from outside without encryption.", l.Address)
	}
}

func validPort(text string) bool {
	ports, err := parsePorts(text)
	return err == nil && ports.First > 0 && ports.First == ports.Last
}

func (v *validator) servers(s Servers) {
	v.choice("servers.supervisor", s.Supervisor, SupervisorProcess, SupervisorSystemd)
	v.choice("servers.on_exit", s.OnExit, OnExitLeave, OnExitStop)
	v.account("servers.user", s.User)
	v.account("servers.group", s.Group)
	if s.Supervisor == SupervisorSystemd && s.User != "" {
		v.add("servers.user", "Leave it out.", "With systemd the unit says whom games run as, not \"user\".")
	}
	switch p := s.Ports; {
	case p.First > p.Last:
		v.add("servers.port_range", fmt.Sprintf("Write \"%d-%d\".", p.Last, p.First), "The port range %s ends before it begins.", p)
	case p.First < 1024 || p.Last > 65535:
		v.add("servers.port_range", "Use ports from 1024 to 65535.", "The port range %s has ports that a game cannot use.", p)
	}
	if s.StopTimeout < time.Second || s.StopTimeout > 10*time.Minute {
		v.add("servers.stop_timeout", "Use a time from 1s to 10m.", "A game cannot be given %v to stop.", s.StopTimeout)
	}
	if at, err := netip.ParseAddrPort(s.LogListen); s.LogListen != "" && (err != nil || at.Addr().IsLoopback() || at.Addr().IsUnspecified() || at.Port() == 0) {
		v.add("servers.log_listen", "Write an address of this host that is not loopback, with a port: srcds never sends its log to 127/8.",
			"%.80q is no address that games can send their logs to.", s.LogListen)
	}
	if _, err := netip.ParseAddr(s.BindIP); s.BindIP != "" && err != nil {
		v.add("servers.bind_ip", "Write a numeric address of this host, or leave it out for all.", "%.80q is not an IP address.", s.BindIP)
	}
	if _, err := netip.ParseAddr(s.PublicAddress); s.PublicAddress != "" && err != nil && !dnsName.MatchString(s.PublicAddress) {
		v.add("servers.public_address", "Write a name or an IP address, without a port.", "%.80q is not an address.", s.PublicAddress)
	}
}

func (v *validator) installation(i Installation, plugins []Plugin) {
	switch i.Source {
	case SourceDirectory:
		v.path("installation.path", i.Path)
		v.meaningless("installation.plugin", "plugin", i.Source, i.Plugin)
	case SourcePlugin:
		v.meaningless("installation.path", "path", i.Source, i.Path)
		v.sourcePlugin(i.Plugin, plugins)
	case "":
		if i.Path != "" || i.Plugin != "" {
			v.add("installation", `Add source = "directory" or source = "plugin".`, "The installation has no source.")
		}
	default:
		v.choice("installation.source", i.Source, SourceDirectory, SourcePlugin)
		if i.Path != "" {
			v.path("installation.path", i.Path)
		}
	}
	v.choice("installation.update", i.Update, UpdateManual, UpdateAutomatic)
	if i.Check != 0 && i.Check < time.Minute {
		v.add("installation.check", `Use "1m" at least, or "0s" to never ask.`, "The source cannot be asked every %v.", i.Check)
	}
	if i.Keep < 1 || i.Keep > 100 {
		v.add("installation.keep", "Use a number from 1 to 100; a rollback needs one.", "%d releases cannot be kept besides the present one.", i.Keep)
	}
	if i.Deadline < 0 || i.Deadline > 30*24*time.Hour {
		v.add("installation.rollout_deadline", `Use at most "30d", or "0s" to wait for ever.`, "A rollout cannot be put off for %v.", i.Deadline)
	}
}

func (v *validator) meaningless(path, key, source, value string) {
	if value != "" {
		v.add(path, "Leave it out.", "%q means nothing with source = %q.", key, source)
	}
}

func (v *validator) sourcePlugin(name string, plugins []Plugin) {
	if name == "" {
		v.add("installation", `Add plugin = "game-steamcmd".`, "The installation does not say which plugin gets the game.")
		return
	}
	for _, p := range plugins {
		switch {
		case p.Name != name:
		case p.Kind != kindBuilder:
			v.add("installation.plugin", "Name a plugin with kind = \"builder\".", "Plugin %q cannot get the game: it is a %s.", name, p.Kind)
			return
		default:
			return
		}
	}
	v.add("installation.plugin", "Add a plugin block with this name, or correct it.", "There is no plugin named %.80q.", name)
}
