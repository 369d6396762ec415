package srcds

import (
	"strings"
)

func newCommands() map[string]command {
	return map[string]command{
		"addip": addIP, "banid": banID, "changelevel": changeLevelCommand, "cvarlist": cvarList, "echo": echo,
		"exec":      func(g *Game, args []string) { g.execFile(strings.Join(args[1:], " ")) },
		"exit":      func(g *Game, _ []string) { g.quit(0) },
		"heartbeat": func(*Game, []string) {},
		"kick":      kickName, "kickid": kickID, "listid": listID, "listip": listIP,
		"log": logCommand, "logaddress_add": logAddressAdd, "logaddress_del": logAddressDel,
		"logaddress_delall": func(g *Game, _ []string) { g.log.targets = nil },
		"logaddress_list":   logAddressList,
		"map":               mapCommand, "maps": listMaps, "meta": pluginVersion, "sm": pluginVersion,
		"mission_reload": func(g *Game, _ []string) { g.printf("Reloading missions: %d addons\n", len(g.addons.packs)) },
		"quit":           func(g *Game, _ []string) { g.quit(0) },
		"removeid":       removeID, "removeip": removeIP, "say": say, "stats": stats, "status": status, "stuffcmds": func(*Game, []string) {},
		"update_addon_paths": func(g *Game, _ []string) { g.scanAddons() },
		"version": func(g *Game, _ []string) {
			g.printf("Protocol version 2042 [1042/2042]\nExe version %s (left4dead2)\n", g.version)
		},
		"writeid": writeIDs, "writeip": writeIPs,

		"demo_addons": listAddons, "demo_ansi": demoANSI, "demo_crash": func(g *Game, _ []string) { g.crash() },
		"demo_flood": demoFlood, "demo_hang": demoHang, "demo_join": demoJoin, "demo_leave": demoLeave,
		"demo_outdated": demoOutdated, "demo_say": demoSay,
	}
}

// stats prints what operators' graphs are made of. The figures are made up, but plausible: an empty game sleeps.
func stats(g *Game, _ []string) {
	humans := len(g.players)
	g.printf("CPU   In_(KB/s)  Out_(KB/s)  Uptime  Map_changes  FPS      Players  Connects\n")
	g.printf("%4.1f  %9.2f  %10.2f  %6d  %11d  %7.2f  %7d  %8d\n", 2+1.5*float64(humans), 1.2*float64(humans), 6.5*float64(humans),
		0, 0, float64(g.tickrate), humans, humans)
}

func echo(g *Game, args []string) { g.printf("%s\n", strings.Join(args[1:], " ")) }

// say speaks as the console; the text goes to the console and the log, and the RCON client sees nothing.
func say(g *Game, args []string) {
	text := strings.Join(args[1:], " ")
	g.consoleOnly("Console: " + text + "\n")
	g.log.linef("\"Console<0><Console><Console>\" say \"%s\"", text)
}

func pluginVersion(g *Game, args []string) {
	switch {
	case !g.plugins:
		g.printf("Unknown command \"%s\"\n", args[0])
	case args[0] == "meta":
		g.printf(" Metamod:Source Version Information\n    Metamod:Source version 1.12.0-dev+1219V\n")
	default:
		g.printf(" SourceMod Version Information:\n    SourceMod Version: 1.12.0.7193\n")
	}
}
