package srcds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxExecDepth stops a cfg file that executes itself.
const maxExecDepth = 16

// command is a console command; args[0] is its name.
type command func(g *Game, args []string)

// run executes one buffer of the console: lines, and commands separated by `;` outside of quotes.
func (g *Game) run(buffer string) {
	for line := range strings.SplitSeq(buffer, "\n") {
		for _, text := range splitCommands(strings.TrimRight(line, "\r")) {
			if args := tokenize(text); len(args) > 0 {
				g.execute(args)
			}
			if g.ended {
				return
			}
		}
	}
}

func (g *Game) execute(args []string) {
	name := strings.ToLower(args[0])
	if cmd, ok := g.commands[name]; ok {
		cmd(g, args)
		return
	}
	if v, ok := g.cvars[name]; ok {
		g.useCvar(v, args[1:])
		return
	}
	g.printf("Unknown command \"%s\"\n", args[0])
}

// splitCommands splits at `;`; a quote toggles whether one counts.
func splitCommands(line string) []string {
	var out []string
	quoted, start := false, 0
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ';' && !quoted:
			out = append(out, line[start:i])
			start = i + 1
		case strings.HasPrefix(line[i:], "//") && !quoted:
			return append(out, line[start:i])
		}
	}
	return append(out, line[start:])
}

// tokenize splits a command into words. There are no escapes: a quoted word ends at the next quote.
func tokenize(s string) []string {
	var args []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			return args
		}
		if s[0] == '"' {
			arg, rest, _ := strings.Cut(s[1:], `"`)
			args, s = append(args, arg), rest
			continue
		}
		n := strings.IndexAny(s, " \t\"")
		if n < 0 {
			n = len(s)
		}
		args, s = append(args, s[:n]), s[n:]
	}
}

// execFile runs a file below cfg. Names cannot leave the directory.
func (g *Game) execFile(name string) {
	if !strings.Contains(filepath.Base(name), ".") {
		name += ".cfg"
	}
	if !filepath.IsLocal(name) {
		g.printf("exec %s: invalid path.\n", name)
		return
	}
	if g.execDepth >= maxExecDepth {
		g.printf("exec: %s is nested too deep\n", name)
		return
	}
	data, err := os.ReadFile(filepath.Join(g.dir, "cfg", name))
	if err != nil {
		g.printf("exec: couldn't exec %s\n", name)
		return
	}
	g.execDepth++
	defer func() { g.execDepth-- }()
	g.run(string(data))
}

// printf prints to the console, and to the RCON client whose command runs.
func (g *Game) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	g.consoleOnly(text)
	if g.capture != nil {
		g.capture.WriteString(text)
	}
}

// consoleOnly prints to the console alone, as some commands do.
func (g *Game) consoleOnly(text string) {
	_, _ = g.stdout.Write([]byte(text))
	if g.conlog != nil {
		_, _ = g.conlog.WriteString(text)
	}
}
