package console

import "strings"

// level tells what kind of line people are looking at, from the words that srcds and SourceMod use.
func level(text string) string {
	text = strings.ToLower(text)
	if len(text) > 25 && text[0] == 'l' && strings.HasPrefix(text[23:], ": ") { // L 11/24/2026 - 20:11:02: …
		text = text[25:]
	}
	for _, known := range levels {
		for _, word := range known.words {
			if strings.Contains(text, word) {
				return known.level
			}
		}
	}
	return ""
}

// levels in the order in which they are tried: what a player says may hold any other word.
var levels = []struct {
	level string
	words []string
}{
	{"chat", []string{`>" say "`, `>" say_team "`}},
	{"debug", []string{"rcon from ", "rcon: "}},
	{"error", []string{"error", "exception reported", "failed to", "segmentation fault", "fatal"}},
	{"warn", []string{"warning", "couldn't", "can't ", "cannot", "unable to", "unknown command", "missing", "timed out"}},
	{"info", []string{" connected", " disconnected", "entered the game", "dropped ", "loading map", "started map", "changing level", "-------- mapchange"}},
}
