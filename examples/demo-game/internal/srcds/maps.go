package srcds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hasMap looks for a map in the directory and in the packs. Case counts, as on Linux.
func (g *Game) hasMap(name string) bool {
	return name != "" && slices.Contains(g.mapNames(), name)
}

// mapNames returns every map, sorted.
func (g *Game) mapNames() []string {
	var names []string
	entries, _ := os.ReadDir(filepath.Join(g.dir, "maps"))
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".bsp"); ok {
			names = append(names, name)
		}
	}
	for _, pack := range g.addons.packs {
		names = append(names, pack.maps...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// loadMap starts a game on a map, or says that it does not exist.
func (g *Game) loadMap(name string) {
	if !g.hasMap(name) {
		g.printf("Host_Error: CModelLoader::Map_IsValid:  unable to open 'maps/%s.bsp'\n", name)
		g.printf("map load failed: %s not found or invalid\n", name)
		return
	}
	g.consoleOnly("---- Host_NewGame ----\nHost_NewGame on map " + name + "\n")
	g.log.newFile()
	g.log.linef("Loading map %q", name)
	g.mapName = name
	g.execFile(g.opts.serverCfg)
	g.log.linef("Started map %q (CRC \"-431283537\")", name)
	g.log.linef("Server name is \"%s\"", g.text("hostname"))
	g.updateHibernation()
}

// changeLevel is loadMap for a running game.
func (g *Game) changeLevel(name string) {
	if !g.hasMap(name) {
		g.printf("CModelLoader::Map_IsValid:  No such map 'maps/%s.bsp'\nchangelevel failed: %s not found\n", name, name)
		return
	}
	if len(g.humans()) > 0 && g.addons.vanished() {
		g.crash() // a pack that players use was moved away
	}
	g.log.linef("-------- Mapchange to %s --------", name)
	g.loadMap(name)
}

func mapCommand(g *Game, args []string) {
	switch len(args) {
	case 1:
		g.printf("Usage: map <mapname> [mode]\n")
	case 2:
		g.loadMap(args[1])
	default:
		g.cvars["mp_gamemode"].value = args[2]
		g.loadMap(args[1])
	}
}

func changeLevelCommand(g *Game, args []string) {
	if len(args) < 2 {
		g.printf("changelevel <levelname> : continue game on a new level\n")
		return
	}
	g.changeLevel(args[1])
}

// listMaps prints maps whose name contains the argument; * is all.
func listMaps(g *Game, args []string) {
	if len(args) < 2 {
		g.printf("Usage: maps <substring>\nmaps * for full listing\n")
		return
	}
	g.printf("-------------\n")
	for _, name := range g.mapNames() {
		if args[1] == "*" || strings.Contains(name, args[1]) {
			g.printf("PENDING:   (fs) %s.bsp\n", name)
		}
	}
}
