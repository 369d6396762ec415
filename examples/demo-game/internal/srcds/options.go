package srcds

import (
	"strconv"
	"strings"
	"time"
)

// options is the command line of the server.
type options struct {
	game       string
	ip         string // "" means the primary address of the host
	port       int
	strictPort bool // fail instead of taking the next free port
	pidFile    string
	tickrate   int
	maxPlayers int
	insecure   bool
	condebug   bool
	noMaster   bool
	mapName    string
	gameMode   string
	serverCfg  string
	commands   []string // of + arguments, in order
	slowStart  time.Duration
}

const defaultPort = 27015

// parseOptions reads arguments as the engine does: `-name value` are options, `+name words…` are console
// commands that take every word up to the next argument beginning with + or -.
func parseOptions(args []string) options {
	o := options{game: "left4dead2", port: defaultPort, tickrate: 30, serverCfg: "server.cfg"}
	for len(args) > 0 {
		name := args[0]
		n := 1
		for n < len(args) && !startsArgument(args[n]) {
			n++
		}
		values := args[1:n]
		args = args[n:]
		switch {
		case strings.HasPrefix(name, "-"):
			o.setOption(name[1:], first(values))
		case strings.HasPrefix(name, "+"):
			o.addCommand(name[1:], values)
		}
	}
	return o
}

// startsArgument tells a new argument from a value such as -1.
func startsArgument(s string) bool {
	if s == "" || (s[0] != '+' && s[0] != '-') {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err != nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (o *options) setOption(name, value string) {
	switch name {
	case "game":
		o.game = value
	case "ip":
		o.ip = value
	case "port":
		o.port = number(value, o.port)
	case "strictportbind":
		o.strictPort = true
	case "pidfile":
		o.pidFile = value
	case "tickrate":
		o.tickrate = number(value, o.tickrate)
	case "maxplayers":
		o.maxPlayers = number(value, 0)
	case "insecure":
		o.insecure = true
	case "condebug":
		o.condebug = true
	case "nomaster":
		o.noMaster = true
	}
}

func (o *options) addCommand(name string, values []string) {
	switch name {
	case "ip":
		o.ip = first(values)
	case "hostport":
		o.port = number(first(values), o.port)
	case "map":
		o.mapName = first(values)
		if len(values) > 1 {
			o.gameMode = values[1]
		}
	case "servercfgfile":
		o.serverCfg = first(values)
	case "demo_slow_start":
		o.slowStart = time.Duration(number(first(values), 0)) * time.Second
	default:
		o.commands = append(o.commands, strings.Join(append([]string{name}, values...), " "))
	}
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return otherwise
	}
	return n
}
