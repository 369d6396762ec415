package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/left4me/left4me/agent/api"
)

// blueprintFlags are what a blueprint is made of.
type blueprintFlags struct {
	flags      *pflag.FlagSet
	overlays   []string
	arguments  []string
	configFile string
	settings   api.BlueprintSettings
	region     int
	lobbyOnly  bool
}

func (f *blueprintFlags) register(cmd *cobra.Command) {
	f.flags = cmd.Flags()
	f.flags.StringArrayVar(&f.overlays, "overlay", nil, "an overlay; repeat it, the first has the highest precedence")
	f.flags.StringArrayVar(&f.arguments, "argument", nil, "a launch argument; repeat it, one element each")
	f.flags.StringVar(&f.configFile, "config", "", "file with lines of server.cfg")
	f.flags.StringVar(&f.settings.Hostname, "hostname", "", "name in the server browser; {server} stands for the server's name")
	f.flags.StringVar(&f.settings.Map, "map", "", "first map, for example c1m1_hotel")
	f.flags.StringVar(&f.settings.Mode, "mode", "", "coop, versus, survival, scavenge, realism or a mutation")
	f.flags.StringVar(&f.settings.Difficulty, "difficulty", "", "Easy, Normal, Hard or Impossible")
	f.flags.IntVar(&f.settings.MaxPlayers, "max-players", 0, "how many may play; 0 = the game's default")
	f.flags.IntVar(&f.settings.Tickrate, "tickrate", 0, "ticks per second; 0 = the game's default")
	f.flags.IntVar(&f.region, "region", 0, "region in the server browser; not sent unless given")
	f.flags.StringVar(&f.settings.SteamGroup, "steam-group", "", "number of the Steam group that the server belongs to")
	f.flags.StringVar(&f.settings.SearchKey, "search-key", "", "key that lobbies find the server by")
	f.flags.BoolVar(&f.settings.SteamGroupExclusive, "steam-group-exclusive", false, "only members of the Steam group find it through a lobby")
	f.flags.StringVar(&f.settings.Password, "password", "", "password to join; everybody who plays knows it")
	f.flags.StringVar(&f.settings.Tags, "tags", "", "tags for the server list, with commas")
	f.flags.StringVar(&f.settings.GameTypes, "game-types", "", "modes that lobbies may choose, with commas")
	f.flags.BoolVar(&f.lobbyOnly, "lobby-only", false, "=false lets people join an empty server by its address")
	f.flags.BoolVar(&f.settings.Rates, "rates", false, "set the network rates that fit the tick rate")
	f.flags.StringVar(&f.settings.MOTD, "motd", "", "message of the day")
	f.flags.StringArrayVar(&f.settings.SMCvars, "sm-cvar", nil, "\"name value\" set by SourceMod; repeat it")
	limits := &f.settings.Limits
	f.flags.IntVar(&limits.MemoryMiB, "memory", 0, "MiB of memory that one server may take; 0 = the host's own limit")
	f.flags.IntVar(&limits.CPUPercent, "cpu", 0, "percent of one processor that one server may take; 0 = the host's own limit")
	f.flags.IntVar(&limits.Tasks, "tasks", 0, "processes and threads that one server may have; 0 = the host's own limit")
	f.flags.StringVar(&limits.CPUs, "cpus", "", "processors that one server may use, for example 0-3,6")
	f.flags.IntVar(&limits.IOWeight, "io-weight", 0, "share of busy disks, 1 to 10000; 0 = the host's own")
}

// changed reports whether any of the flags was given.
func (f *blueprintFlags) changed() bool {
	found := false
	f.flags.Visit(func(flag *pflag.Flag) {
		if flag.Name != "format" && flag.Name != "socket" && flag.Name != "url" && flag.Name != "token-file" {
			found = true
		}
	})
	return found
}

// config reads the lines of the file, if one was given.
func (f *blueprintFlags) config() ([]string, error) {
	if f.configFile == "" {
		return nil, nil
	}
	data, err := readFile(f.configFile, maxSettings)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n"), nil
}

// apply copies the settings that were given.
func (f *blueprintFlags) apply(to *api.BlueprintSettings) {
	given := f.settings
	for name, set := range map[string]func(){
		"hostname":              func() { to.Hostname = given.Hostname },
		"map":                   func() { to.Map = given.Map },
		"mode":                  func() { to.Mode = given.Mode },
		"difficulty":            func() { to.Difficulty = given.Difficulty },
		"max-players":           func() { to.MaxPlayers = given.MaxPlayers },
		"tickrate":              func() { to.Tickrate = given.Tickrate },
		"region":                func() { to.Region = &f.region },
		"steam-group":           func() { to.SteamGroup = given.SteamGroup },
		"search-key":            func() { to.SearchKey = given.SearchKey },
		"steam-group-exclusive": func() { to.SteamGroupExclusive = given.SteamGroupExclusive },
		"password":              func() { to.Password = given.Password },
		"tags":                  func() { to.Tags = given.Tags },
		"game-types":            func() { to.GameTypes = given.GameTypes },
		"lobby-only":            func() { to.LobbyOnly = &f.lobbyOnly },
		"rates":                 func() { to.Rates = given.Rates },
		"motd":                  func() { to.MOTD = given.MOTD },
		"sm-cvar":               func() { to.SMCvars = *listOf(given.SMCvars) },
		"memory":                func() { to.Limits.MemoryMiB = given.Limits.MemoryMiB },
		"cpu":                   func() { to.Limits.CPUPercent = given.Limits.CPUPercent },
		"tasks":                 func() { to.Limits.Tasks = given.Limits.Tasks },
		"cpus":                  func() { to.Limits.CPUs = given.Limits.CPUs },
		"io-weight":             func() { to.Limits.IOWeight = given.Limits.IOWeight },
	} {
		if f.flags.Changed(name) {
			set()
		}
	}
}

// update is what the flags change of old.
func (f *blueprintFlags) update(old api.Blueprint) (api.BlueprintUpdate, error) {
	var in api.BlueprintUpdate
	if f.flags.Changed("overlay") {
		in.Overlays = listOf(f.overlays)
	}
	if f.flags.Changed("argument") {
		in.Arguments = listOf(f.arguments)
	}
	if f.flags.Changed("config") {
		lines, err := f.config()
		if err != nil {
			return in, err
		}
		in.Config = listOf(lines)
	}
	settings := old.Settings
	f.apply(&settings)
	in.Settings = &settings
	return in, nil
}

// listOf makes [""] the empty list, so that --overlay "" clears it.
func listOf(values []string) *[]string {
	out := []string{}
	if len(values) != 1 || values[0] != "" {
		out = append(out, values...)
	}
	return &out
}
