package daemon

import (
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/blueprint"
)

// settingsOf takes a blueprint's settings from the wire. A test holds it to all fields.
func settingsOf(in api.BlueprintSettings) blueprint.Settings {
	return blueprint.Settings{
		Hostname: in.Hostname, Map: in.Map, Mode: in.Mode, Difficulty: in.Difficulty, MaxPlayers: in.MaxPlayers,
		Tickrate: in.Tickrate, Region: in.Region, SteamGroup: in.SteamGroup, SearchKey: in.SearchKey,
		SteamGroupExclusive: in.SteamGroupExclusive, Password: in.Password, Tags: in.Tags, GameTypes: in.GameTypes,
		LobbyOnly: in.LobbyOnly, Rates: in.Rates, MOTD: in.MOTD, SMCvars: in.SMCvars,
		Limits: blueprint.Limits{MemoryMiB: in.Limits.MemoryMiB, CPUPercent: in.Limits.CPUPercent, Tasks: in.Limits.Tasks, CPUs: in.Limits.CPUs,
			IOWeight: in.Limits.IOWeight},
	}
}

// showSettings puts a blueprint's settings on the wire.
func showSettings(s blueprint.Settings) api.BlueprintSettings {
	return api.BlueprintSettings{
		Hostname: s.Hostname, Map: s.Map, Mode: s.Mode, Difficulty: s.Difficulty, MaxPlayers: s.MaxPlayers,
		Tickrate: s.Tickrate, Region: s.Region, SteamGroup: s.SteamGroup, SearchKey: s.SearchKey,
		SteamGroupExclusive: s.SteamGroupExclusive, Password: s.Password, Tags: s.Tags, GameTypes: s.GameTypes,
		LobbyOnly: s.LobbyOnly, Rates: s.Rates, MOTD: s.MOTD, SMCvars: s.SMCvars,
		Limits: api.Limits{MemoryMiB: s.Limits.MemoryMiB, CPUPercent: s.Limits.CPUPercent, Tasks: s.Limits.Tasks, CPUs: s.Limits.CPUs,
			IOWeight: s.Limits.IOWeight},
	}
}
