package blueprint

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"
)

// cvarList is the list of known names, see its first lines.
//
//go:embed cvars.txt
var cvarList string

// Finding is something odd about a blueprint that does not stand in the way of saving it.
type Finding struct {
	Line    int    // of Config, from 1; 0 = of the settings
	Message string // one sentence
	Hint    string
}

// maxTags is how many characters of sv_tags reach the server list.
const maxTags = 63

// maxFindings bounds what one look says.
const maxFindings = 100

// Lint looks for what is most likely a mistake in the lines of server.cfg and in the settings. It is pure.
func (b Blueprint) Lint() []Finding {
	l := linter{known: knownCvars(), generated: generatedCvars(b)}
	if n := utf8.RuneCountInString(b.Settings.Tags); n > maxTags {
		l.add(0, "Shorten them, or leave some out.", "The tags have %d characters; only the first %d reach the server list.", n, maxTags)
	}
	if b.Settings.Rates && b.Settings.Tickrate == 0 {
		l.add(0, "Set a tick rate as well.", "Rates for the tick rate are asked for, and there is no tick rate.")
	}
	for i, line := range b.Config {
		l.line(i+1, line)
		if len(l.found) >= maxFindings {
			break
		}
	}
	return l.found
}

type linter struct {
	known     map[string]bool // true = cheat
	generated map[string]bool
	cheats    bool // sv_cheats 1 came before
	found     []Finding
}

func (l *linter) add(line int, hint, format string, args ...any) {
	l.found = append(l.found, Finding{Line: line, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (l *linter) line(n int, text string) {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "#") {
		l.add(n, "Begin it with // instead.", "Source knows no comments with #; left4me writes // in its place.")
		return
	}
	for _, words := range commands(trimmed) {
		l.command(n, words)
	}
}

func (l *linter) command(n int, words []string) {
	name := strings.ToLower(words[0])
	value := ""
	if len(words) > 1 {
		value = words[1]
	}
	cheat, known := l.known[name]
	switch {
	case name == "rcon_password":
		l.add(n, "Remove the line.", "left4me makes the RCON password of each server; this one has no effect, and is readable here.")
	case l.generated[name]:
		l.add(n, "Remove the line, or clear the setting.", "%s is set by the settings, which come later and win.", name)
	case name == "sv_tags" && utf8.RuneCountInString(value) > maxTags:
		l.add(n, "Shorten them.", "sv_tags has %d characters; only the first %d reach the server list.", utf8.RuneCountInString(value), maxTags)
	case name == "logaddress_add" && strings.HasPrefix(value, "127."):
		l.add(n, "Use another address of this host.", "srcds never sends its log to 127/8, though it says that it does.")
	case name == "sv_cheats":
		l.cheats = value == "1"
	case known && cheat && !l.cheats:
		l.add(n, fmt.Sprintf("With SourceMod, write: sm_cvar %s …", strings.Join(words, " ")), "%s is a cheat: without sv_cheats 1 the game refuses it.", name)
	case !known && !brought(name):
		l.add(n, "Check the spelling, or ignore this if a plugin brings it.", "left4me does not know %s.", printable(words[0]))
	}
}

// brought reports names that are those of plugins by their form.
func brought(name string) bool {
	for _, prefix := range []string{"sm_", "l4d_", "l4d2_", "confogl_", "mv_", "meta_", "l4dtoolz_", "stripper_", "sv_vote_issue_", "tv_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// commands splits a line the way the engine does: ; ends a command and // the line, both outside of quotes only.
// There are no escapes.
func commands(line string) [][]string {
	var out [][]string
	var words []string
	var word strings.Builder
	quoted, begun := false, false
	endWord := func() {
		if begun || word.Len() > 0 {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			out = append(out, words)
		}
		words = nil
	}
	for i, r := range line {
		switch {
		case r == '"':
			if quoted {
				endWord()
			} else {
				endWord()
				begun = true
			}
			quoted = !quoted
		case quoted:
			word.WriteRune(r)
		case strings.HasPrefix(line[i:], "//"):
			endCommand()
			return out
		case r == ';':
			endCommand()
		case r == ' ' || r == '\t':
			endWord()
		default:
			word.WriteRune(r)
		}
	}
	endCommand()
	return out
}

// knownCvars reads the list: name to whether it is a cheat.
func knownCvars() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(cvarList) {
		if name, rest, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && name != "#" {
			out[name] = rest == "cheat"
		}
	}
	return out
}

// generatedCvars are the names that the settings of b write.
func generatedCvars(b Blueprint) map[string]bool {
	out := map[string]bool{}
	for _, cvar := range cvars(b, Instance{}) {
		out[cvar[0]] = true
	}
	if b.Settings.Hostname == "" {
		delete(out, "hostname") // only a default stands there
	}
	return out
}
