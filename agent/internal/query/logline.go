package query

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LogKind is what a log line tells.
type LogKind string

// Kinds of log lines. Everything else is LogOther.
const (
	LogOther        LogKind = "other"
	LogFileStarted  LogKind = "file_started"
	LogFileClosed   LogKind = "file_closed"
	LogMapLoading   LogKind = "map_loading"
	LogMapStarted   LogKind = "map_started"
	LogMapChange    LogKind = "map_change"
	LogServerName   LogKind = "server_name"
	LogConnected    LogKind = "connected"
	LogValidated    LogKind = "validated"
	LogEntered      LogKind = "entered"
	LogJoinedTeam   LogKind = "joined_team"
	LogDisconnected LogKind = "disconnected"
	LogSay          LogKind = "say"
	LogSayTeam      LogKind = "say_team"
	LogKilled       LogKind = "killed"
	LogRCON         LogKind = "rcon"
	LogRCONRefused  LogKind = "rcon_refused"
)

// LogPlayer is the actor of a log line.
type LogPlayer struct {
	Name      string
	UserID    int
	SteamID   string // "" for bots and the console
	SteamID64 uint64 // 0 when SteamID is none
	Bot       bool
	Team      string // "Survivor", "Infected", "Spectator" or ""
}

// LogEvent is one line of the HL log standard.
type LogEvent struct {
	// Stamp is the host's local time as a wall clock; its location says UTC and means nothing.
	Stamp  time.Time
	Kind   LogKind
	Player LogPlayer // zero when the line has none
	// Text is the chat text, map, file, server name, address, reason, new team, command or victim; for
	// LogOther the whole line after the stamp.
	Text string
	From string // address of an RCON client
	// Ambiguous says that a player's name or chat may have shaped the event: the line can be read in more
	// than one way, or stood behind a cut one. Show it, but take no decision from it.
	Ambiguous bool
}

const (
	stampPattern = `L \d\d/\d\d/\d{4} - \d\d:\d\d:\d\d: `
	stampLayout  = "L 01/02/2006 - 15:04:05: "
	// maxLogLine is far above what the engine writes (1 KiB): longer lines are LogOther.
	maxLogLine = 8 << 10
)

var (
	logStamp   = regexp.MustCompile(stampPattern)
	logAtStart = regexp.MustCompile(`^` + stampPattern)
	logTag     = regexp.MustCompile(`<(\d{1,9})><(STEAM_[0-5]:[01]:\d{1,10}|STEAM_ID_[A-Z]+|BOT|Console|)><([^<>"]*)>(?:<[^<>]*>)*" `)
	logPrefix  = regexp.MustCompile(`^(?:\((?:DEATH|SKIN|INCAP|MOB)\))?"`)
	logVictim  = regexp.MustCompile(`^killed "(.*?)(?:<\d{1,9}><[^<>]*>(?:<[^<>]*>)*)?"(?: with "[^"]*")?$`)
	logRCON    = regexp.MustCompile(`^rcon from "([^"]*)": (?:command "(.*)"|Bad Password)$`)
)

// ParseLog reads one line of a server log, with or without its line end. It returns nothing for a line
// without a stamp, and two events or more where the engine ran lines together.
func ParseLog(line string) []LogEvent {
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r\n\x00"), "\uFFFD")
	if !logAtStart.MatchString(line) {
		return nil
	}
	first := parseLogEvent(line)
	if (first.Kind != LogOther && !first.Ambiguous) || len(line) > maxLogLine {
		return []LogEvent{first}
	}
	starts := logStamp.FindAllStringIndex(line, -1)
	if len(starts) == 1 {
		return []LogEvent{first}
	}
	var events []LogEvent
	for i, at := range starts {
		end := len(line)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		e := parseLogEvent(line[at[0]:end])
		e.Ambiguous = e.Ambiguous || i > 0
		events = append(events, e)
	}
	return events
}

func parseLogEvent(line string) LogEvent {
	n := len(stampLayout)
	e := LogEvent{Kind: LogOther, Text: line[n:]}
	e.Stamp, _ = time.Parse(stampLayout, line[:n])
	if len(line) > maxLogLine {
		return e
	}
	if head := logPrefix.FindString(e.Text); head != "" {
		e.readPlayerLine(e.Text[len(head):])
		return e
	}
	e.readServerLine(e.Text)
	return e
}

// readPlayerLine reads what follows the opening quote of a name. The name is not escaped, so a name or a
// chat text can hold a whole forged tag. The last tag with a known verb after it counts; another such tag, or any
// tag before it, makes the event ambiguous.
func (e *LogEvent) readPlayerLine(s string) {
	found := 0
	for i, m := range logTag.FindAllStringSubmatchIndex(s, -1) {
		kind, text, ok := readVerb(s[m[1]:])
		if !ok {
			continue
		}
		found++
		e.Ambiguous = i > 0 || found > 1
		e.Kind, e.Text = kind, text
		e.Player = LogPlayer{Name: s[:m[0]], UserID: atoi(s[m[2]:m[3]]), SteamID: s[m[4]:m[5]], Team: s[m[6]:m[7]]}
	}
	if e.Player.SteamID == "BOT" || e.Player.SteamID == "Console" {
		e.Player.Bot = e.Player.SteamID == "BOT"
		e.Player.SteamID = ""
	}
	e.Player.SteamID64, _ = SteamID64(e.Player.SteamID)
}

// readVerb reads what a player did.
func readVerb(s string) (LogKind, string, bool) {
	switch s {
	case "STEAM USERID validated":
		return LogValidated, "", true
	case "entered the game":
		return LogEntered, "", true
	case "joined team":
		return LogJoinedTeam, "", true
	}
	if m := logVictim.FindStringSubmatch(s); m != nil {
		return LogKilled, m[1], true
	}
	for _, v := range [...]struct {
		before, after string
		kind          LogKind
	}{
		{`connected, address "`, `"`, LogConnected},
		{`disconnected (reason "`, `")`, LogDisconnected},
		{`joined team "`, `"`, LogJoinedTeam},
		{`say "`, `"`, LogSay},
		{`say_team "`, `"`, LogSayTeam},
	} {
		if text, ok := between(s, v.before, v.after); ok {
			return v.kind, text, true
		}
	}
	return LogOther, "", false
}

// readServerLine reads what the engine says itself.
func (e *LogEvent) readServerLine(s string) {
	if m := logRCON.FindStringSubmatch(s); m != nil {
		e.Kind, e.From, e.Text = LogRCON, m[1], m[2]
		if strings.HasSuffix(s, "Bad Password") {
			e.Kind = LogRCONRefused
		}
		return
	}
	if text, ok := between(s, "-------- Mapchange to ", " --------"); ok {
		e.Kind, e.Text = LogMapChange, text
		return
	}
	for _, v := range [...]struct {
		before string
		kind   LogKind
	}{
		{`Log file started (file "`, LogFileStarted},
		{`Loading map "`, LogMapLoading},
		{`Started map "`, LogMapStarted},
	} {
		if rest, ok := strings.CutPrefix(s, v.before); ok {
			e.Kind = v.kind
			e.Text, _, _ = strings.Cut(rest, `"`)
			return
		}
	}
	if text, ok := between(s, `Server name is "`, `"`); ok {
		e.Kind, e.Text = LogServerName, text
	} else if strings.TrimRight(s, ".") == "Log file closed" {
		e.Kind, e.Text = LogFileClosed, ""
	}
}

func between(s, before, after string) (string, bool) {
	rest, ok := strings.CutPrefix(s, before)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, after)
}

// ParseLogDatagram returns the line of a logaddress datagram and the sv_logsecret it carries, 0 for none.
func ParseLogDatagram(data []byte) (line string, secret uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, simpleHeader)
	if !ok || len(rest) < 2 {
		return "", 0, false
	}
	kind, rest := rest[0], rest[1:]
	if kind == 'S' {
		n := bytes.IndexByte(rest, 'L')
		if n < 1 {
			return "", 0, false
		}
		var err error
		if secret, err = strconv.ParseUint(string(rest[:n]), 10, 64); err != nil {
			return "", 0, false
		}
		rest = rest[n:]
	} else if kind != 'R' {
		return "", 0, false
	}
	line = strings.ToValidUTF8(string(bytes.TrimRight(rest, "\r\n\x00")), "\uFFFD")
	return line, secret, strings.HasPrefix(line, "L ")
}
