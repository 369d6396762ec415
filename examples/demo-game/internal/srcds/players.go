package srcds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	stateSpawning = "spawning"
	stateActive   = "active"
	// steamBase is the account number of the first simulated player.
	steamBase  = 11111111
	maxHumans  = 18
	defaultMax = 4
)

// player is one simulated client, human or bot.
type player struct {
	userID  int
	slot    int
	name    string
	steamID string
	bot     bool
	joined  time.Time
	state   string
	addr    string
	team    string
	score   int
}

var (
	humanNames = []string{"CroneKorkN", "桐喵Six", "a \"quoted\" name", "Sir.P", "#end", "x\" STEAM_1:0:1", "<1><STEAM_1:0:1><>"}
	survivors  = []string{"Coach", "Nick", "Rochelle", "Ellis"}
)

func (g *Game) humans() []*player {
	return slices.DeleteFunc(slices.Clone(g.players), func(p *player) bool { return p.bot })
}

func (g *Game) maxPlayers() int {
	for _, n := range []int{g.number("sv_visiblemaxplayers"), g.number("sv_maxplayers"), g.opts.maxPlayers} {
		if n > 0 {
			return n
		}
	}
	return defaultMax
}

// setPlayerCount makes simulated players come and go until n are on.
func (g *Game) setPlayerCount(n int) {
	n = min(max(n, 0), maxHumans)
	for len(g.humans()) < n {
		i := len(g.humans())
		name := humanNames[i%len(humanNames)]
		if i >= len(humanNames) {
			name = fmt.Sprintf("player %d", i)
		}
		g.join(name, fmt.Sprintf("STEAM_1:%d:%d", i%2, steamBase+i))
	}
	for humans := g.humans(); len(humans) > n; humans = g.humans() {
		g.leave(humans[len(humans)-1], "Disconnect by user.")
	}
}

func (g *Game) join(name, steamID string) {
	if g.bannedIDs[steamID] {
		g.consoleOnly(name + " is banned and cannot join\n")
		return
	}
	if g.hibernating {
		g.hibernating = false
		g.consoleOnly("Server waking up from hibernation\n")
	}
	slot := len(g.humans()) + 1
	p := &player{
		userID: g.nextUserID, slot: slot, name: name, steamID: steamID, joined: time.Now(), state: stateSpawning,
		addr: fmt.Sprintf("203.0.113.%d:%d", slot%250+1, 27005), team: "Survivor",
	}
	g.nextUserID++
	g.players = append(g.players, p)
	g.log.linef("\"%s<%d><%s><>\" connected, address \"%s\"", name, p.userID, steamID, p.addr)
	g.log.linef("\"%s<%d><%s><>\" STEAM USERID validated", name, p.userID, steamID)
	g.log.linef("\"%s<%d><%s><>\" entered the game", name, p.userID, steamID)
	g.fillBots()
}

func (g *Game) leave(p *player, reason string) {
	g.players = slices.DeleteFunc(g.players, func(q *player) bool { return q == p })
	g.consoleOnly(fmt.Sprintf("Dropped %s from server (%s)\n", p.name, reason))
	g.log.linef("\"%s<%d><%s><%s>\" disconnected (reason \"%s\")", p.name, p.userID, p.steamID, p.team, reason)
	g.fillBots()
	g.updateHibernation()
}

// fillBots keeps four survivors while somebody plays.
func (g *Game) fillBots() {
	humans := g.humans()
	want := 0
	if len(humans) > 0 {
		want = max(0, len(survivors)-len(humans))
	}
	bots := slices.DeleteFunc(slices.Clone(g.players), func(p *player) bool { return !p.bot })
	for len(bots) < want {
		bots = append(bots, &player{userID: g.nextUserID, name: survivors[len(bots)], bot: true, state: stateActive, joined: time.Now()})
		g.nextUserID++
	}
	g.players = append(humans, bots[:want]...)
}

// updateHibernation puts an empty server to sleep.
func (g *Game) updateHibernation() {
	empty := len(g.humans()) == 0
	if empty && !g.hibernating && g.number("sv_hibernate_when_empty") != 0 {
		g.hibernating = true
		g.consoleOnly("Server is hibernating\n")
	}
}

func (g *Game) findPlayer(userID string) *player {
	id := number(strings.TrimPrefix(userID, "#"), -1)
	for _, p := range g.players {
		if p.userID == id {
			return p
		}
	}
	return nil
}

func kickID(g *Game, args []string) {
	if len(args) < 2 {
		g.printf("Usage:  kickid < userid > { message }\n")
		return
	}
	p := g.findPlayer(args[1])
	if p == nil {
		return // the engine says nothing
	}
	reason := "Kicked by Console"
	if len(args) > 2 {
		reason += " : " + strings.Join(args[2:], " ")
	}
	g.leave(p, reason)
}

func kickName(g *Game, args []string) {
	name := strings.Join(args[1:], " ")
	for _, p := range g.players {
		if p.name == name {
			kickID(g, []string{"kickid", strconv.Itoa(p.userID)})
			return
		}
	}
}

func demoJoin(g *Game, args []string) {
	if len(args) < 2 {
		g.printf("Usage: demo_join <name> [steamid]\n")
		return
	}
	id := fmt.Sprintf("STEAM_1:0:%d", steamBase+g.nextUserID)
	if len(args) > 2 {
		id = strings.Join(args[2:], "")
	}
	g.join(args[1], id)
	g.cvars["demo_players"].value = strconv.Itoa(len(g.humans()))
}

func demoLeave(g *Game, args []string) {
	if p := g.findPlayer(first(args[1:])); p != nil {
		g.leave(p, "Disconnect by user.")
	}
}

func demoSay(g *Game, args []string) {
	p := g.findPlayer(first(args[1:]))
	if p == nil || len(args) < 3 {
		g.printf("Usage: demo_say <userid> <text>\n")
		return
	}
	text := strings.Join(args[2:], " ")
	g.consoleOnly(p.name + ": " + text + "\n")
	g.log.linef("\"%s<%d><%s><%s>\" say \"%s\"", p.name, p.userID, p.steamID, p.team, text)
}
