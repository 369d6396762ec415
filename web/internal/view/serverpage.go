package view

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/console"
)

// ServerData is everything that a server's page shows.
type ServerData struct {
	Server    api.Server
	Blueprint *api.Blueprint // nil when the person may not see it
	Players   []api.Player
	Events    []api.Event
	Console   []api.ConsoleLine
	Addons    api.Addons
	Figures   []Figure
	Range     string // of the figures
	Reply     *Reply
	Problem   *Problem
	Address   string
	Wanted    api.ServerMap // typed map and mode, when they were refused
}

// mapChosen reports whether the form shows a map as chosen: the typed one, or the present one.
func (d ServerData) mapChosen(name string) bool {
	if d.Wanted.Map != "" {
		return d.Wanted.Map == name
	}
	return d.Server.Live != nil && d.Server.Live.Map == name
}

// Reply is a console command and what the game printed for it.
type Reply struct {
	Command string
	Output  string
	Problem *Problem
}

// PlayersData is what the page about players shows. Chosen is whom the person wants to kick or ban.
type PlayersData struct {
	ServerData
	Chosen *api.Player
	Gone   bool // somebody was chosen who does not play any more
	Form   BanForm
}

// BanForm is what a person typed.
type BanForm struct{ Reason, Minutes, SteamID, Text string }

// ConsoleData is what the page of a console shows.
type ConsoleData struct {
	ServerData
	Search string
	Cut    bool // there is more than is shown
}

// HistoryData is what the history of a server shows: one of its lists.
type HistoryData struct {
	ServerData
	Show       string // changes, jobs, game
	Jobs       []api.Job
	Game       []api.GameEvent
	Kind, Text string // filter of Game
	Older      int64  // id below which there may be more; 0 = no more
}

// GameKinds are the kinds of game events that one can filter by.
var GameKinds = []struct{ Name, Title string }{
	{"", "everything"}, {"joined", "joined"}, {"left", "left"}, {"chat", "chat"}, {"kill", "kills"}, {"map", "maps"}, {"map_end", "ends of maps"},
	{"empty", "empty"}, {"wake", "wake"}, {"outdated", "outdated"}, {"no_map", "missing maps"}, {"rcon_wrong", "wrong RCON passwords"},
}

func gameTone(kind string) string {
	switch kind {
	case "joined", "wake":
		return "is-running"
	case "map", "map_end", "chat":
		return "is-active"
	case "outdated", "no_map", "rcon_wrong":
		return "is-failed"
	}
	return "is-idle"
}

func historyURL(p Page, d HistoryData, show string, before int64) templ.SafeURL {
	query := url.Values{"show": {show}}
	if show == d.Show {
		for name, value := range map[string]string{"kind": d.Kind, "text": d.Text} {
			if value != "" {
				query.Set(name, value)
			}
		}
	}
	if before > 0 {
		query.Set("before", i64(before))
	}
	return templ.SafeURL(p.URL("servers", d.Server.Name, "history") + "?" + query.Encode())
}

// lineClass is how a line of a console looks.
func lineClass(line console.Line) string {
	if line.Level == "" {
		return ""
	}
	return "l-" + line.Level
}

func spanClass(span console.Span) string {
	if span.Tone == "" {
		return ""
	}
	return "t-" + span.Tone
}

// Title is what stands in the browser's tab.
func (d ServerData) Title() string { return d.Server.State + " · " + d.Server.Name }

func (d ServerData) running() bool { return d.Server.State == "running" }

// Fact is a setting or limit as people call it.
type Fact struct{ Label, Value string }

// SettingFacts returns what a blueprint sets, in short. The password stays where it is edited.
func SettingFacts(b api.Blueprint) []Fact {
	s, l := b.Settings, b.Settings.Limits
	var out []Fact
	add := func(label, value string) {
		if value != "" && value != "0" {
			out = append(out, Fact{label, value})
		}
	}
	add("First map", s.Map)
	add("Mode", s.Mode)
	add("Difficulty", s.Difficulty)
	add("Players", itoa(s.MaxPlayers))
	add("Tick rate", itoa(s.Tickrate))
	add("Tags", s.Tags)
	add("Arguments", strings.Join(b.Arguments, " "))
	if l.MemoryMiB > 0 {
		add("Memory limit", Bytes(uint64(l.MemoryMiB)<<20))
	}
	if l.CPUPercent > 0 {
		add("CPU limit", itoa(l.CPUPercent)+" % of a processor")
	}
	add("Processes", itoa(l.Tasks))
	add("Processors", l.CPUs)
	return out
}

// playerURL leads to what can be done about a player.
func playerURL(p Page, server string, player api.Player) templ.SafeURL {
	return templ.SafeURL(p.URL("servers", server, "players") + "?user=" + itoa(player.UserID) + "&steam=" + url.QueryEscape(player.SteamID) + "#player")
}

// thrownOut says whom an action costs their game, or "".
func thrownOut(s api.Server) string {
	if s.Live == nil || s.Live.Players == 0 {
		return ""
	}
	return plural(s.Live.Players, "player")
}

// BanTimes are for how long one can ban, in minutes; 0 is for good.
var BanTimes = []struct{ Minutes, Title string }{
	{"30", "half an hour"}, {"1440", "a day"}, {"10080", "a week"}, {"43200", "30 days"}, {"0", "for good"},
}

func chosenID(player *api.Player) int {
	if player == nil {
		return 0
	}
	return player.UserID
}

func botCount(n int) string {
	if n == 0 {
		return ""
	}
	return plural(n, "bot")
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func exactly(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Playing says how many people are in a game that is about to end.
func Playing(n int) string {
	if n == 1 {
		return "1 player is in the game now."
	}
	return itoa(n) + " players are in the game now."
}
