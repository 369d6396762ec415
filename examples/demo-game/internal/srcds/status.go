package srcds

import (
	"fmt"
	"time"
)

func status(g *Game, _ []string) {
	secure := "secure"
	if !g.secure {
		secure = "insecure (secure mode enabled, disconnected from Steam3)"
	}
	g.printf("hostname: %s\n", g.text("hostname"))
	g.printf("version : %s %d %s  (unknown)\n", g.version, buildNumber, secure)
	g.printf("udp/ip  : %s:%d [ public same ]\n", g.opts.ip, g.opts.port)
	g.printf("os      : Linux Dedicated\nmap     : %s\n", g.mapName)
	humans, sleep := len(g.humans()), "not hibernating"
	if g.hibernating {
		sleep = "hibernating"
	}
	g.printf("players : %d humans, %d bots (%d max) (%s) (unreserved)\n\n",
		humans, len(g.players)-humans, g.maxPlayers(), sleep)
	g.printf("# userid name uniqueid connected ping loss state rate adr\n")
	now := time.Now()
	for _, p := range g.players {
		if p.bot {
			g.printf("#%d \"%s\" BOT %s\n", p.userID, p.name, p.state)
			continue
		}
		g.printf("# %2d %d \"%s\" %s %s %d 0 %s 30000 %s\n",
			p.userID, p.slot, p.name, p.steamID, clock(now.Sub(p.joined)), 25+p.slot, p.state, p.addr)
	}
	g.printf("#end\n")
}

// clock prints mm:ss, and h:mm:ss from one hour on.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
