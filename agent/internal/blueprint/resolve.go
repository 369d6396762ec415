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
}

// Plan is what a server is made of: what to mount, what to launch, what to write.
type Plan struct {
	Lowers []content.Layer // highest precedence first, the release last
	Args   []string        // for Binary
	Files  []content.File
}

// Resolve turns a blueprint into a plan for one server. overlays are the layers of b.Overlays in the same
// order; release is the game. Resolve is pure.
func Resolve(b Blueprint, overlays []content.Layer, release content.Layer, instance Instance) Plan {
	return Plan{
		Lowers: append(append([]content.Layer{}, overlays...), release),
		Args:   args(b, instance),
		Files: []content.File{{Path: "left4dead2/cfg/server.cfg", Data: []byte(ServerConfig(b, instance)),
			Secret: true}},
	}
}

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
	return out.String()
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
	add("rcon_password", instance.RCONPassword)
	return out
}
