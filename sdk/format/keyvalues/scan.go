package keyvalues

import (
	"strings"
)

type tokenKind byte

const (
	tokenText tokenKind = iota
	tokenOpen
	tokenClose
	tokenCondition
)

type token struct {
	kind tokenKind
	text string
	line int // where it starts
	end  int // line where it ends
}

// scanner splits text into tokens.
type scanner struct {
	text    string
	at      int
	line    int
	escapes bool
	out     *Document // takes the problems
}

// next returns the next token; false at the end.
func (s *scanner) next() (token, bool) {
	s.skipSpace()
	if s.at >= len(s.text) {
		return token{}, false
	}
	start := token{line: s.line}
	switch s.text[s.at] {
	case '{':
		start.kind = tokenOpen
		s.at++
	case '}':
		start.kind = tokenClose
		s.at++
	case '"':
		s.at++
		start.text = s.quoted()
	case '[':
		start.kind, start.text = s.condition()
	default:
		start.text = s.bare()
	}
	start.end = s.line
	return start, true
}

// skipSpace skips blanks and // comments.
func (s *scanner) skipSpace() {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\n':
			s.line++
			s.at++
		case c == ' ' || c < ' ':
			s.at++
		case strings.HasPrefix(s.text[s.at:], "//"):
			s.at += restOfLine(s.text[s.at:])
		default:
			return
		}
	}
}

// restOfLine returns the distance to the next line end, or to the end of text.
func restOfLine(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

// quoted reads up to the closing quote. A value may go over several lines; but if the line after a line end looks
// like KeyValues by itself, the closing quote was forgotten.
func (s *scanner) quoted() string {
	var out strings.Builder
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"':
			s.at++
			return out.String()
		case c == '\\' && s.escapes && s.at+1 < len(s.text):
			out.WriteString(unescape(s.text[s.at+1]))
			s.at++
		case c == '\n' && startsAfresh(s.text[s.at+1:]):
			s.out.problem(s.line, "a closing quote is missing")
			return strings.TrimRight(out.String(), " \t")
		case c == '\n':
			s.line++
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
		s.at++
	}
	s.out.problem(s.line, "a closing quote is missing at the end of the file")
	return strings.TrimRight(out.String(), " \t\n")
}

func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '\\', '"':
		return string(rune(c))
	}
	return `\` + string(rune(c))
}

// startsAfresh reports whether the next non-empty line is a brace, or a quoted key that is followed by
// another quoted token, a brace or nothing. It looks at little text, since it is asked at every line end.
func startsAfresh(text string) bool {
	text = strings.TrimLeft(text[:min(len(text), 512)], " \t\n")
	line := strings.TrimRight(text[:restOfLine(text)], " \t")
	if line == "{" || line == "}" {
		return true
	}
	if len(line) < 2 || line[0] != '"' {
		return false
	}
	end := strings.IndexByte(line[1:], '"')
	if end <= 0 || strings.ContainsAny(line[1:1+end], "{}") {
		return false
	}
	rest := strings.TrimLeft(line[end+2:], " \t")
	return rest == "" || rest == "{" || strings.HasPrefix(rest, "//") ||
		rest[0] == '"' && strings.Count(rest, `"`)%2 == 0
}

// bare reads a token without quotes.
func (s *scanner) bare() string {
	start := s.at
	for s.at < len(s.text) && !strings.ContainsRune("\"{} \t\n", rune(s.text[s.at])) && s.text[s.at] >= ' ' {
		s.at++
	}
	return s.text[start:s.at]
}

// condition reads [$NAME]. Anything else that starts with a bracket is a token like any other.
func (s *scanner) condition() (tokenKind, string) {
	line := s.text[s.at:]
	line = line[:restOfLine(line)]
	end := strings.IndexByte(line, ']')
	inner := ""
	if end > 0 {
		inner = strings.TrimSpace(line[1:end])
	}
	if !strings.HasPrefix(strings.TrimPrefix(inner, "!"), "$") {
		return tokenText, s.bare()
	}
	s.at += end + 1
	return tokenCondition, inner
}
