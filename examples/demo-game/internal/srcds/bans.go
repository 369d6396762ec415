package srcds

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readBans takes up the lists of earlier runs.
func (g *Game) readBans() {
	for _, name := range []string{"banned_user.cfg", "banned_ip.cfg"} {
		if g.exists("cfg/" + name) {
			g.execFile(name)
		}
	}
}

// banID is `banid minutes userid|steamid [kick]`. The times of bans are not simulated.
func banID(g *Game, args []string) {
	if len(args) < 3 {
		g.printf("Usage:  banid < minutes > < userid | uniqueid > { kick }\n")
		return
	}
	id := strings.Join(args[2:], "") // STEAM_1:0:5 may have been split at its colons
	id, kick := strings.CutSuffix(id, "kick")
	p := g.findPlayer(id)
	for _, q := range g.players {
		if q.steamID == id {
			p = q
		}
	}
	if p != nil {
		id = p.steamID
	}
	if !strings.HasPrefix(id, "STEAM_") {
		g.printf("banid: Couldn't find a player with id %s\n", id)
		return
	}
	g.bannedIDs[id] = true
	if p != nil && kick {
		g.leave(p, "Added to banned list")
	}
}

func removeID(g *Game, args []string) {
	id := strings.Join(args[1:], "")
	if !g.bannedIDs[id] {
		g.printf("removeid:  couldn't find %s\n", id)
		return
	}
	delete(g.bannedIDs, id)
	g.printf("removeid:  filter removed for %s\n", id)
}

func listID(g *Game, _ []string) {
	g.printf("ID filter list: %d entries\n", len(g.bannedIDs))
	for i, id := range slices.Sorted(maps.Keys(g.bannedIDs)) {
		g.printf("%d %s : permanent\n", i+1, id)
	}
}

func writeIDs(g *Game, _ []string) {
	g.writeBans("banned_user.cfg", "banid 0 %s\n", slices.Sorted(maps.Keys(g.bannedIDs)))
}

func addIP(g *Game, args []string) {
	if len(args) < 3 {
		g.printf("Usage:  addip < minutes > < ipaddress >\n")
		return
	}
	g.rcon.ban(args[2])
}

func removeIP(g *Game, args []string) {
	if !g.rcon.unban(first(args[1:])) {
		g.printf("removeip:  couldn't find %s\n", first(args[1:]))
	}
}

func listIP(g *Game, _ []string) {
	ips := g.rcon.bans()
	g.printf("IP filter list: %d entries\n", len(ips))
	for i, ip := range ips {
		g.printf("%d %s : permanent\n", i+1, ip)
	}
}

func writeIPs(g *Game, _ []string) { g.writeBans("banned_ip.cfg", "addip 0 %s\n", g.rcon.bans()) }

func (g *Game) writeBans(name, format string, ids []string) {
	var out strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&out, format, id)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "cfg", name), []byte(out.String()), 0o644); err != nil {
		g.printf("Couldn't write %s\n", name)
	}
}
