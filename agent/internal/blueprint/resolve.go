package blueprint

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
)

// Binary starts the game, relative to a tree.
const Binary = "srcds_run"

// Instance is what a server adds to its blueprint.
type Instance struct {
	Name         string
	Port         int
	RCONPassword string
	// LogAddress is where the game sends its log besides, "IP:port"; "" = nowhere. Each datagram carries LogSecret.
	LogAddress string
	LogSecret  uint32
}

// Plan is what a server is made of: what to mount, what to launch, what to write.
type Plan struct {
	Lowers []content.Layer // highest precedence first, the release last
	Args   []string        // for Binary
	Files  []content.File
	Limits Limits
}

// Resolve turns a blueprint into a plan for one server. overlays are the layers of b.Overlays in the same
// order; release is the game. Resolve is pure.
func Resolve(b Blueprint, overlays []content.Layer, release content.Layer, instance Instance) Plan {
	plan := Plan{
		Lowers: append(append([]content.Layer{}, overlays...), release),
		Args:   args(b, instance),
		Files: []content.File{{Path: "left4dead2/cfg/server.cfg", Data: []byte(ServerConfig(b, instance)),
			Secret: true}},
		Limits: b.Settings.Limits,
	}
	if b.Settings.MOTD != "" {
		plan.Files = append(plan.Files, content.File{Path: "left4dead2/" + motdFile, Data: []byte(b.Settings.MOTD + "\n")})
	}
	return plan
}

// motdFile is a name that no overlay and no release brings, so that nothing of theirs is hidden.
const motdFile = "left4me_motd.txt"

// args are those of srcds, one element each. -strictportbind because srcds silently takes the next free
// port otherwise; +ip 0.0.0.0 because RCON listens on the primary address only without it.
func args(b Blueprint, instance Instance) []string {
	out := []string{"-game", "left4dead2", "-norestart", "-strictportbind", "+ip", "0.0.0.0",
		"+hostport", strconv.Itoa(instance.Port)}
	if b.Settings.Tickrate != 0 {
		out = append(out, "-tickrate", strconv.Itoa(b.Settings.Tickrate))
	}
	if b.Settings.MaxPlayers != 0 {
		out = append(out, "-maxplayers", strconv.Itoa(b.Settings.MaxPlayers))
	}
	if b.Settings.Mode != "" {
		out = append(out, "+mp_gamemode", b.Settings.Mode)
	}
	out = append(out, b.Arguments...)
	// Without a map the game does not answer, so there always is one. It comes last: cvars set on the
	// command line hold before the first map is loaded.
	return append(out, "+map", firstMap(b.Settings.Map))
}

func firstMap(name string) string {
	if name == "" {
		return "c1m1_hotel"
	}
	return name
}

// ServerConfig returns the server.cfg of an instance. Generated values come after the user's lines, the
// password last, so that no line above can undo them.
func ServerConfig(b Blueprint, instance Instance) string {
	var out strings.Builder
	fmt.Fprintf(&out, "// Written by left4me at each start of server %q. Edit blueprint %q instead.\n", instance.Name, b.Name)
	// The history of a game is read from its console; a copy in files would fill the upper. Lines of the
	// blueprint may change both.
	out.WriteString("log on\nsv_logecho 1\nsv_logfile 0\n")
	for _, rate := range rates(b.Settings) {
		fmt.Fprintf(&out, "%s %s\n", rate[0], rate[1])
	}
	for _, line := range b.Config {
		// Source has no # comment: the engine would print Unknown command.
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "#") {
			line = "//" + trimmed
		}
		out.WriteString(line + "\n")
	}
	out.WriteString("// Generated from the settings.\n")
	for _, cvar := range cvars(b, instance) {
		fmt.Fprintf(&out, "%s \"%s\"\n", cvar[0], cvar[1])
	}
	for _, line := range b.Settings.SMCvars {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintf(&out, "sm_cvar %s \"%s\"\n", name, strings.TrimSpace(value))
	}
	if instance.LogAddress != "" {
		fmt.Fprintf(&out, "sv_logsecret %d\nlogaddress_add %s\n", instance.LogSecret, instance.LogAddress)
	}
	// Last: writing the password makes the game hang up on everybody who is connected by RCON.
	fmt.Fprintf(&out, "rcon_password \"%s\"\n", instance.RCONPassword)
	return out.String()
}

// rates are the network rates that fit a tick rate, as operators of servers above 30 ticks set them.
func rates(s Settings) [][2]string {
	if !s.Rates || s.Tickrate == 0 {
		return nil
	}
	tick, bytes := strconv.Itoa(s.Tickrate), strconv.Itoa(s.Tickrate*1000)
	return [][2]string{{"sv_mincmdrate", tick}, {"sv_maxcmdrate", tick}, {"sv_minupdaterate", tick}, {"sv_maxupdaterate", tick},
		{"sv_minrate", bytes}, {"sv_maxrate", bytes}, {"net_splitpacket_maxrate", strconv.Itoa(s.Tickrate * 500)},
		{"net_maxcleartime", "0.0001"}, {"fps_max", "0"}}
}

func cvars(b Blueprint, instance Instance) [][2]string {
	s := b.Settings
	hostname := s.Hostname
	if hostname == "" {
		hostname = "{server}"
	}
	out := [][2]string{{"hostname", strings.ReplaceAll(hostname, "{server}", instance.Name)}}
	add := func(name, value string) {
		if value != "" {
			out = append(out, [2]string{name, value})
		}
	}
	add("z_difficulty", s.Difficulty)
	add("sv_steamgroup", s.SteamGroup)
	add("sv_search_key", s.SearchKey)
	if s.Region != nil {
		add("sv_region", strconv.Itoa(*s.Region))
	}
	if s.SteamGroupExclusive {
		add("sv_steamgroup_exclusive", "1")
	}
	add("sv_password", s.Password)
	add("sv_tags", s.Tags)
	add("sv_gametypes", s.GameTypes)
	add("sv_allow_lobby_connect_only", lobbyOnly(s.LobbyOnly))
	if s.MOTD != "" {
		add("motdfile", motdFile)
		add("motd_enabled", "1")
	}
	return out
}

// lobbyOnly: the game's own default refuses everybody who joins an empty server by its address.
func lobbyOnly(wanted *bool) string {
	if wanted == nil {
		return ""
	}
	if *wanted {
		return "1"
	}
	return "0"
}
