// Package console makes what a game printed fit to be shown: terminal codes become colours or vanish, control characters
// are gone, and lines that people look for have a level.
package console

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is a printed line as a page shows it.
type Line struct {
	Level string `json:"level,omitempty"` // error, warn, chat, info, debug; "" = like any other
	Spans []Span `json:"spans"`
}

// Span is a part of a line in one colour.
type Span struct {
	Tone string `json:"tone,omitempty"` // red, green, yellow, blue, magenta, cyan; "" = the line's own
	Text string `json:"text"`
}

// Text returns what l says.
func (l Line) Text() string {
	var out strings.Builder
	for _, span := range l.Spans {
		out.WriteString(span.Text)
	}
	return out.String()
}

// maxSpans bounds what one line can make of a page; the rest of a line with more keeps the last colour.
const maxSpans = 64

// Parse reads a line. Terminal codes are those of ECMA-48: colours (SGR) are kept, the others have no meaning in a page.
// The text of the result is always valid UTF-8 without control characters but tabs.
func Parse(raw string) Line {
	var out Line
	var text strings.Builder
	tone := ""
	flush := func() {
		if text.Len() > 0 {
			out.Spans = append(out.Spans, Span{Tone: tone, Text: text.String()})
			text.Reset()
		}
	}
	for raw != "" {
		if code, rest, ok := escape(raw); ok {
			raw = rest
			if next, is := colour(code, tone); is && next != tone && len(out.Spans) < maxSpans {
				flush()
				tone = next
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(raw)
		raw = raw[size:]
		if r == utf8.RuneError && size == 1 {
			r = unicode.ReplacementChar
		}
		if r == '\n' {
			r = ' '
		}
		if visible(r) {
			text.WriteRune(r)
		}
	}
	flush()
	out.Level = level(out.Text())
	return out
}

// visible reports whether a character may stand in a page. Directional overrides are not: nothing but deceit needs them in
// a console.
func visible(r rune) bool {
	if r == '\t' {
		return true
	}
	return !unicode.IsControl(r) && r != '\u202d' && r != '\u202e' && r != '\u2028' && r != '\u2029'
}

// escape cuts a terminal code off the beginning of text: a control sequence, whose parameters and final byte are code, an
// operating system command, or a short escape. One that is cut off at the end of the line counts as whole.
func escape(text string) (code, rest string, ok bool) {
	if !strings.HasPrefix(text, "\x1b") {
		if strings.HasPrefix(text, "\u009b") {
			return sequence(text[len("\u009b"):])
		}
		return "", text, false
	}
	if len(text) == 1 {
		return "", "", true
	}
	switch text[1] {
	case '[':
		return sequence(text[2:])
	case ']', 'P', 'X', '^', '_': // up to BEL or ST
		for i := 2; i < len(text); i++ {
			if text[i] == '\a' {
				return "", text[i+1:], true
			}
			if text[i] == '\x1b' {
				return "", strings.TrimPrefix(text[i+1:], `\`), true
			}
		}
		return "", "", true
	}
	if text[1] < utf8.RuneSelf && text[1] >= ' ' {
		return "", text[2:], true
	}
	return "", text[1:], true
}

func sequence(text string) (code, rest string, ok bool) {
	i := 0
	for i < len(text) && text[i] >= 0x20 && text[i] <= 0x3f {
		i++
	}
	if i == len(text) {
		return "", "", true
	}
	if text[i] < 0x40 || text[i] > 0x7e {
		return "", text[i:], true // broken off
	}
	return text[:i+1], text[i+1:], true
}

var tones = [8]string{"", "red", "green", "yellow", "blue", "magenta", "cyan", ""}

// colour returns the colour after a control sequence. is is false when it is about something else.
func colour(code, tone string) (next string, is bool) {
	parameters, is := strings.CutSuffix(code, "m")
	if !is {
		return tone, false
	}
	words := strings.Split(parameters, ";")
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "", word == "0", word == "39":
			tone = ""
		case word == "38" || word == "48": // of 256 or 16 million colours: the page has eight
			return tone, true
		case len(word) == 2 && (word[0] == '3' || word[0] == '9') && word[1] >= '0' && word[1] <= '7':
			tone = tones[word[1]-'0']
		}
	}
	return tone, true
}
