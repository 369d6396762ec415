package blueprint

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Bounds of what a blueprint may hold. srcds itself cuts longer lines.
const (
	maxArguments = 64
	maxConfig    = 1000
	maxLine      = 512
	maxMOTD      = 2048
	maxSMCvars   = 500
)

// reserved arguments are generated from the server; a second one would fight the first.
var reserved = []string{"-game", "-port", "+hostport", "-ip", "+ip", "+map", "-norestart", "-strictportbind", "-pidfile",
	"-console", "-usercon", "+rcon_password", "-autoupdate", "-fork", "-binary"}

var difficulties = []string{"Easy", "Normal", "Hard", "Impossible"}

// Check refuses what would break out of its place or never work: an Invalid fault that names the field.
func (b Blueprint) Check() error {
	if err := checkArguments(b.Arguments); err != nil {
		return err
	}
	if err := checkConfig(b.Config); err != nil {
		return err
	}
	return b.Settings.check()
}

// checkArguments: srcds_run passes arguments on unquoted, so one with a blank or a shell character
// would fall apart (docs of srcds_run, "$HL_CMD").
func checkArguments(arguments []string) error {
	if len(arguments) > maxArguments {
		return invalid("arguments", "A blueprint may have at most 64 launch arguments.", "Move cvars into the config lines.")
	}
	for _, argument := range arguments {
		switch {
		case argument == "" || len(argument) > maxLine || !utf8.ValidString(argument):
			return invalid("arguments", "A launch argument is empty, longer than 512 bytes or not UTF-8.", "Remove or shorten it.")
		case strings.ContainsFunc(argument, isUnsafe):
			return invalid("arguments", "Launch argument \""+printable(argument)+"\" holds a blank, a quote or a shell character.",
				"Put values with blanks into the config lines.")
		case slices.Contains(reserved, strings.ToLower(argument)):
			return invalid("arguments", "Launch argument "+argument+" is set by left4me.", "Remove it; use the settings instead.")
		}
	}
	return nil
}

func isUnsafe(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`$;&|<>()*?[]{}\\!~", r)
}

func checkConfig(lines []string) error {
	if len(lines) > maxConfig {
		return invalid("config", "A blueprint may have at most 1000 config lines.", "Put a cfg file into an overlay and exec it.")
	}
	for _, line := range lines {
		switch {
		case len(line) > maxLine || !utf8.ValidString(line):
			return invalid("config", "A config line is longer than 512 bytes or not UTF-8.", "Shorten it.")
		case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
			return invalid("config", "A config line holds a line break or a control character.", "Write one command per line.")
		case strings.Count(line, `"`)%2 == 1:
			return invalid("config", "A config line has an odd number of quotes: "+printable(line), "Close the quote.")
		}
	}
	return nil
}

func (s Settings) check() error {
	texts := []struct{ field, value string }{{"hostname", s.Hostname}, {"steam_group", s.SteamGroup}, {"search_key", s.SearchKey},
		{"password", s.Password}, {"tags", s.Tags}, {"game_types", s.GameTypes}}
	for _, text := range texts {
		if len(text.value) > 128 || !utf8.ValidString(text.value) || strings.ContainsFunc(text.value, breaksQuotes) {
			return invalid("settings."+text.field, "The "+text.field+" holds a quote, a semicolon or a control character, or is too long.",
				"Use at most 128 bytes without those characters.")
		}
	}
	for _, word := range []struct{ field, value string }{{"map", s.Map}, {"mode", s.Mode}} {
		if !isWord(word.value) {
			return invalid("settings."+word.field, "The "+word.field+" may hold letters, digits, _ and - only.", "For example c1m1_hotel.")
		}
	}
	if s.Difficulty != "" && !slices.Contains(difficulties, s.Difficulty) {
		return invalid("settings.difficulty", "The difficulty must be Easy, Normal, Hard or Impossible.", "Choose one of them.")
	}
	if err := s.checkSMCvars(); err != nil {
		return err
	}
	if len(s.MOTD) > maxMOTD || !utf8.ValidString(s.MOTD) || strings.ContainsRune(s.MOTD, 0) {
		return invalid("settings.motd", "The message of the day is longer than 2048 bytes or not text.", "Shorten it, or put a web page's address in.")
	}
	return s.checkNumbers()
}

// checkSMCvars: each is a name and a value that cannot break out of its quotes.
func (s Settings) checkSMCvars() error {
	if len(s.SMCvars) > maxSMCvars {
		return invalid("settings.sm_cvars", "There are more than 500 SourceMod cvars.", "Put them into a cfg file of an overlay.")
	}
	for _, line := range s.SMCvars {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "" || !isWord(name) || len(line) > maxLine || strings.ContainsFunc(value, breaksQuotes) {
			return invalid("settings.sm_cvars", "This is no cvar and value: "+printable(line), "Write the name, a blank and the value, without quotes.")
		}
	}
	return nil
}

func (s Settings) checkNumbers() error {
	if s.MaxPlayers < 0 || s.MaxPlayers > 31 {
		return invalid("settings.max_players", "The number of players must be between 1 and 31.", "0 leaves the game's own.")
	}
	if s.Tickrate != 0 && (s.Tickrate < 20 || s.Tickrate > 128) {
		return invalid("settings.tickrate", "The tick rate must be between 20 and 128.", "0 leaves the game's own 30.")
	}
	if s.Region != nil && (*s.Region < 0 || *s.Region > 7 && *s.Region != 255) {
		return invalid("settings.region", "The region must be 0 to 7 or 255.", "255 is the world.")
	}
	return s.Limits.check()
}

// breaksQuotes finds what could end a quoted cvar value: Source has no escapes inside quotes.
func breaksQuotes(r rune) bool { return r == '"' || r == ';' || unicode.IsControl(r) }

func isWord(text string) bool {
	if len(text) > 64 || strings.HasPrefix(text, "-") {
		return false
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return true
}

// printable shows bad input without letting it act on a terminal.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(clean); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return clean
}

func invalid(field, message, hint string) error {
	return fault.New(fault.Invalid, "%s", message).WithField(field).WithHint("%s", hint)
}
