package srcds

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// cvar is one console variable.
type cvar struct {
	name, value, standard, help string
	public                      bool // shown by A2S_RULES
	readOnly                    bool
	protected                   bool // its value is not printed
}

// cvarTable holds "name default" lines; a * marks public ones. Names and defaults are those of the game as
// far as its operators write them into their files.
const cvarTable = `
hostname Left 4 Dead 2
rcon_password
sv_password
hostfile host.txt
motdfile motd.txt
motd_enabled 1
*mp_gamemode coop
*z_difficulty Normal
*coop 1
*sv_tags
sv_steamgroup
*sv_steamgroup_exclusive 0
sv_search_key
sv_gametypes coop,realism,survival,versus,teamversus,scavenge,teamscavenge
sv_region 255
*sv_contact
sv_lan 0
sv_allow_lobby_connect_only 1
*sv_consistency 1
sv_pure 0
*sv_alltalk 0
*sv_voiceenable 1
*sv_cheats 0
sv_downloadurl
sv_hibernate_when_empty 1
mp_autoteambalance 1
sv_forcepreload 0
sv_minrate 5000
sv_maxrate 0
sv_minupdaterate 10
sv_maxupdaterate 60
sv_mincmdrate 10
sv_maxcmdrate 60
net_splitpacket_maxrate 30000
net_maxcleartime 4.0
fps_max 300
nb_update_frequency 0.1
sv_clockcorrection_msecs 60
sv_logecho 1
sv_logfile 1
sv_log_onefile 0
sv_logbans 1
sv_logflush 0
sv_logsdir logs
sv_logsecret 0
sv_rcon_minfailures 5
sv_rcon_minfailuretime 30
sv_rcon_maxfailures 10
sv_rcon_banpenalty 0
sv_rcon_maxpacketsize 1024
sv_rcon_maxpacketbans 1
sv_rcon_log 1
sv_max_queries_sec 3.0
sv_max_queries_sec_global 60
sv_max_queries_window 30
sv_setmax 0
sv_maxplayers -1
sv_visiblemaxplayers -1
developer 0
demo_crash_at_stop 0
`

const gameModeHelp = "Current game mode, acceptable values are coop, versus, survival, ..."

func newCvars() map[string]*cvar {
	cvars := map[string]*cvar{}
	for line := range strings.SplitSeq(strings.TrimSpace(cvarTable), "\n") {
		name, value, _ := strings.Cut(line, " ")
		name, public := strings.CutPrefix(name, "*")
		cvars[name] = &cvar{name: name, value: value, standard: value, public: public}
	}
	cvars["mp_gamemode"].help = gameModeHelp
	cvars["rcon_password"].protected = true
	return cvars
}

func (g *Game) text(name string) string { return g.cvars[name].value }

func (g *Game) number(name string) int { return number(g.text(name), 0) }

// useCvar prints a variable, or sets it.
func (g *Game) useCvar(v *cvar, args []string) {
	if len(args) == 0 || v.readOnly {
		g.printCvar(v)
		return
	}
	v.value = args[0]
	switch v.name {
	case "rcon_password":
		// Also when the value stays the same, as at every map change that runs server.cfg.
		g.rcon.dropAll()
	case "demo_players":
		g.setPlayerCount(g.number("demo_players"))
	}
}

func (g *Game) printCvar(v *cvar) {
	value := v.value
	if v.protected {
		value = "***PROTECTED***"
	}
	g.printf("\"%s\" = \"%s\"", v.name, value)
	if v.value != v.standard && !v.protected {
		g.printf(" ( def. \"%s\" )", v.standard)
	}
	g.printf("\n")
	if v.help != "" {
		g.printf(" - %s\n", v.help)
	}
}

func (g *Game) sortedCvars() []*cvar {
	return slices.SortedFunc(maps.Values(g.cvars), func(a, b *cvar) int { return cmp.Compare(a.name, b.name) })
}

// define adds a variable that others, such as plugins, bring.
func (g *Game) define(name, value, help string, public, readOnly bool) {
	if _, ok := g.cvars[name]; !ok {
		g.cvars[name] = &cvar{name: name, value: value, standard: value, help: help, public: public, readOnly: readOnly}
	}
}

func cvarList(g *Game, _ []string) {
	g.printf("cvar list\n--------------\n")
	for _, v := range g.sortedCvars() {
		value := v.value
		if v.protected {
			value = ""
		}
		g.printf("%-40s : %-8s : %-16s : %s\n", v.name, value, "", v.help)
	}
	g.printf("--------------\n%s total convars/concommands\n", strconv.Itoa(len(g.cvars)+len(g.commands)))
}
