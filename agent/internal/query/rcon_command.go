package query

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxCommand is the longest command line in bytes: the engine's buffer holds 512 with its end.
const MaxCommand = 510

// ErrCommand says that a text cannot be sent as a command, and why.
var ErrCommand = errors.New("cannot be sent as a command")

// Quote returns s as one quoted argument. The engine knows no escapes, so a text with a double quote, a
// control character or invalid UTF-8 cannot be sent at all: those fail with ErrCommand. Inside quotes
// everything else is plain, blanks, `;` and `//` included.
func Quote(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: invalid UTF-8", ErrCommand)
	}
	for _, r := range s {
		if r == '"' {
			return "", fmt.Errorf("%w: a double quote", ErrCommand)
		}
		if isControl(r) {
			return "", fmt.Errorf("%w: control character %U", ErrCommand, r)
		}
	}
	return `"` + s + `"`, nil
}

// BuildCommand returns the command line of name with args, each quoted so that it arrives as exactly one
// argument. name is a console command: letters, digits and underscore.
func BuildCommand(name string, args ...string) (string, error) {
	if name == "" || strings.ContainsFunc(name, notWordRune) {
		return "", fmt.Errorf("%w: command name %q", ErrCommand, name)
	}
	var b strings.Builder
	b.WriteString(name)
	for _, arg := range args {
		q, err := Quote(arg)
		if err != nil {
			return "", err
		}
		b.WriteString(" " + q)
	}
	if b.Len() > MaxCommand {
		return "", fmt.Errorf("%w: %d bytes, at most %d", ErrCommand, b.Len(), MaxCommand)
	}
	return b.String(), nil
}

func notWordRune(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// checkCommand refuses what would end the packet's body early, or run as more than one line.
func checkCommand(s string) error {
	switch {
	case len(s) > MaxCommand:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrCommand, len(s), MaxCommand)
	case strings.ContainsAny(s, "\x00\r\n"):
		return fmt.Errorf("%w: it has more than one line", ErrCommand)
	}
	return nil
}
