package srcds

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// logger writes the HL log standard to a file, the console and UDP targets.
type logger struct {
	game    *Game
	on      bool
	file    *os.File
	targets []netip.AddrPort
}

func (l *logger) linef(format string, args ...any) { l.line(fmt.Sprintf(format, args...)) }

// line logs one line. Names and chat are not escaped, as in the game.
func (l *logger) line(text string) {
	if !l.on {
		return
	}
	text = time.Now().Format("L 01/02/2006 - 15:04:05: ") + text + "\n"
	if l.file != nil {
		_, _ = l.file.WriteString(text)
	}
	if l.game.number("sv_logecho") != 0 {
		l.game.consoleOnly(text)
	}
	for _, target := range l.targets {
		l.send(target, text)
	}
}

// send delivers a line over UDP. A target on loopback is registered but nothing is ever sent there: a fault
// of the real server.
func (l *logger) send(target netip.AddrPort, text string) {
	if target.Addr().IsLoopback() {
		return
	}
	conn, err := net.Dial("udp", target.String())
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	head := "\xff\xff\xff\xffR"
	if secret := l.game.text("sv_logsecret"); secret != "0" {
		head = "\xff\xff\xff\xffS" + secret
	}
	_, _ = conn.Write([]byte(head + text + "\x00"))
}

// newFile starts a log file, as at each map unless sv_log_onefile is set.
func (l *logger) newFile() {
	g := l.game
	if !l.on || g.number("sv_logfile") == 0 || (l.file != nil && g.number("sv_log_onefile") != 0) {
		return
	}
	l.closeFile()
	dir := g.text("sv_logsdir")
	if !filepath.IsLocal(dir) || os.MkdirAll(filepath.Join(g.dir, dir), 0o755) != nil {
		return
	}
	name := ""
	for i := range 1000 {
		name = filepath.Join(dir, fmt.Sprintf("L%s_%d_%s_%03d.log",
			padIP(g.opts.ip), g.opts.port, time.Now().Format("200601021504"), i))
		f, err := os.OpenFile(filepath.Join(g.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
		if err == nil {
			l.file = f
			break
		}
		if !os.IsExist(err) {
			g.consoleOnly(fmt.Sprintf("Unable to open log file %s\n", name))
			return
		}
	}
	g.consoleOnly("Server logging data to file " + name + "\n")
	l.linef("Log file started (file \"%s\") (game \"%s\") (version \"%s\")", name, g.dir, strings.ReplaceAll(g.version, ".", ""))
}

// padIP turns 127.0.0.1 into 127_000_000_001.
func padIP(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Is4() {
		return "000_000_000_000"
	}
	b := addr.As4()
	return fmt.Sprintf("%03d_%03d_%03d_%03d", b[0], b[1], b[2], b[3])
}

func (l *logger) closeFile() {
	if l.file == nil {
		return
	}
	l.line("Log file closed.")
	_ = l.file.Close()
	l.file = nil
}

func logCommand(g *Game, args []string) {
	switch first(args[1:]) {
	case "on":
		g.log.on = true
		g.log.newFile()
	case "off":
		g.log.closeFile()
		g.log.on = false
	default:
		g.printf("Usage:  log < on | off >\ncurrently ")
		if !g.log.on {
			g.printf("not logging\n")
			return
		}
		to := []string{}
		for name, active := range map[string]bool{
			"file": g.log.file != nil, "console": g.number("sv_logecho") != 0, "udp": len(g.log.targets) > 0,
		} {
			if active {
				to = append(to, name)
			}
		}
		order := []string{"file", "console", "udp"}
		slices.SortFunc(to, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
		g.printf("logging to: %s\n", strings.Join(to, ", "))
	}
}

// logAddress joins what tokenizing split at the colon, and reads it.
func logAddress(args []string) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddrPort(strings.Join(args, ""))
	return addr, err == nil
}

func logAddressAdd(g *Game, args []string) {
	addr, ok := logAddress(args[1:])
	if !ok {
		g.printf("logaddress_add:  unparseable address\n")
		return
	}
	if slices.Contains(g.log.targets, addr) {
		g.printf("logaddress_add:  address %s is already in the list\n", addr)
		return
	}
	g.log.targets = append(g.log.targets, addr)
	g.printf("logaddress_add:  %s\n", addr)
}

func logAddressDel(g *Game, args []string) {
	addr, _ := logAddress(args[1:])
	g.log.targets = slices.DeleteFunc(g.log.targets, func(a netip.AddrPort) bool { return a == addr })
}

func logAddressList(g *Game, _ []string) {
	entries := "entries"
	if len(g.log.targets) == 1 {
		entries = "entry"
	}
	g.printf("logaddress_list: %d %s\n", len(g.log.targets), entries)
	for _, a := range g.log.targets {
		g.printf("%s\n", a)
	}
}
