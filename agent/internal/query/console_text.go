package query

import (
	"strings"
	"unicode/utf8"
)

// Clean returns console text that is safe to show: terminal escape sequences, control characters (tab
// excepted) and characters that reorder text are removed, invalid UTF-8 becomes U+FFFD. Text that is clean
// already is returned as it is, without copying. What is removed leaves no gap: the engine marks some lines
// with \x03 and colours with \x01 to \x05.
func Clean(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 0x20 && c != '\t') || c >= 0x7f {
			return cleanFrom(s, i)
		}
	}
	return s
}

func cleanFrom(s string, i int) string {
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		if c := s[i]; c >= 0x20 && c < 0x7f {
			b.WriteByte(c)
			i++
			continue
		}
		if s[i] == 0x1b {
			i += escapeLen(s[i:])
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0x9b: // one-character form of ESC [
			n += controlSequenceLen(s[i+n:])
		case r == '\t' || (!isControl(r) && !reorders(r)):
			b.WriteRune(r) // U+FFFD for an invalid byte
		}
		i += n
	}
	return b.String()
}

// escapeLen returns the length of the escape sequence that s begins with.
func escapeLen(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch c := s[1]; {
	case c == '[':
		return 2 + controlSequenceLen(s[2:])
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		return 2 + controlStringLen(s[2:])
	case c >= 0x20 && c <= 0x2f: // intermediate bytes, then one final byte
		n := 1
		for n < len(s) && s[n] >= 0x20 && s[n] <= 0x2f {
			n++
		}
		return min(n+1, len(s))
	case c >= 0x30 && c <= 0x7e:
		return 2
	}
	return 1
}

// controlSequenceLen returns how much of s belongs to a control sequence (ECMA-48 5.4) that has just begun.
func controlSequenceLen(s string) int {
	n := 0
	for n < len(s) && s[n] >= 0x20 && s[n] <= 0x3f {
		n++
	}
	if n < len(s) && s[n] >= 0x40 && s[n] <= 0x7e {
		n++
	}
	return n
}

// controlStringLen is the same for a control string, which BEL or ESC \ ends. One without an end hides the
// rest of the line from a terminal; here it loses its introducer only, so that nobody can hide text from
// the log.
func controlStringLen(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] == 0x07 {
			return i + 1
		}
		if s[i] == 0x1b {
			if i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			return 0
		}
	}
	return 0
}

func isControl(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == 0x2028 || r == 0x2029 }

// reorders reports whether r changes the direction of the text after it, which lets a name rearrange a line.
func reorders(r rune) bool {
	return (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) || r == 0x200e || r == 0x200f || r == 0x061c
}
