package query_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

// splitCommands reads a buffer as the engine's console does: `;` and line ends split commands outside
// quotes, a quote toggles, `//` outside quotes starts a comment.
func splitCommands(buffer string) [][]string {
	var commands [][]string
	for _, line := range strings.FieldsFunc(buffer, func(r rune) bool { return r == '\n' || r == '\r' }) {
		quoted, start := false, 0
		for i := 0; i <= len(line); i++ {
			if i == len(line) || (line[i] == ';' && !quoted) {
				commands = append(commands, splitArgs(line[start:i]))
				start = i + 1
			} else if line[i] == '"' {
				quoted = !quoted
			}
		}
	}
	return commands
}

func splitArgs(s string) []string {
	var args []string
	for {
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "" || strings.HasPrefix(s, "//"):
			return args
		case s[0] == '"':
			arg, rest, _ := strings.Cut(s[1:], `"`)
			args, s = append(args, arg), rest
		default:
			n := strings.IndexAny(s, " \t\"")
			if n < 0 {
				n = len(s)
			}
			args, s = append(args, s[:n]), s[n:]
		}
	}
}

func TestBuildCommand(t *testing.T) {
	got, err := query.BuildCommand("kickid", "5", "go; quit // now")
	if err != nil || got != `kickid "5" "go; quit // now"` {
		t.Fatal(got, err)
	}
	for name, args := range map[string][]string{
		"say": {`a"; quit; "`}, "say ": {"x"}, "": {"x"}, "quit;say": {"x"}, "echo": {"a\nquit"}, "hostname": {"a\x00"},
		"sm_say": {strings.Repeat("x", query.MaxCommand)}, "x": {"\xff"},
	} {
		if got, err := query.BuildCommand(name, args...); !errors.Is(err, query.ErrCommand) {
			t.Errorf("%q %.30q: %.40q, %v", name, args, got, err)
		}
	}
}

// Whatever a person types as an argument arrives as that one argument of that one command, or not at all.
func FuzzBuildCommand(f *testing.F) {
	for _, s := range []string{"plain", `"; rcon_password x`, "a;b", "a//b", "a\nb", "\\\"", "", " ", "桐\u2028"} {
		f.Add(s, "second")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		line, err := query.BuildCommand("say", a, b)
		if err != nil {
			return
		}
		if diff := cmp.Diff([][]string{{"say", a, b}}, splitCommands(line)); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	})
}
