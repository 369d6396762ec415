package console_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/web/internal/console"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]console.Line{
		"":                               {},
		"plain <b>text</b>":              {Spans: []console.Span{{Text: "plain <b>text</b>"}}},
		"\x1b[31mred\x1b[0m rest":        {Spans: []console.Span{{Tone: "red", Text: "red"}, {Text: " rest"}}},
		"\x1b[1;32mgood\x1b[mend":        {Spans: []console.Span{{Tone: "green", Text: "good"}, {Text: "end"}}},
		"a\x1b[31m\x1b[39mb":             {Spans: []console.Span{{Text: "a"}, {Text: "b"}}},
		"\x1b[38;5;196mx":                {Spans: []console.Span{{Text: "x"}}},
		"\x1b]0;title\x07after":          {Spans: []console.Span{{Text: "after"}}},
		"\x1b]8;;http://x\x1b\\link":     {Spans: []console.Span{{Text: "link"}}},
		"\x1b[2J\x1b[1;1Hcleared":        {Spans: []console.Span{{Text: "cleared"}}},
		"cut\x1b[3":                      {Spans: []console.Span{{Text: "cut"}}},
		"bell\a null\x00 back\b tab\tok": {Spans: []console.Span{{Text: "bell null back tab\tok"}}},
		"\u202edesrever\u202c":           {Spans: []console.Span{{Text: "desrever\u202c"}}},
		"bad \xff byte":                  {Spans: []console.Span{{Text: "bad \ufffd byte"}}},
		"\u009b31mred":                   {Spans: []console.Span{{Tone: "red", Text: "red"}}},
		"😀 \x1b[35;1m☢":                  {Spans: []console.Span{{Text: "😀 "}, {Tone: "magenta", Text: "☢"}}},
	} {
		if diff := cmp.Diff(want, console.Parse(raw)); diff != "" {
			t.Errorf("%q: %s", raw, diff)
		}
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		`L 11/24/2026 - 20:11:02: "Ellis<2><STEAM_1:0:1><Survivor>" say "what an error"`: "chat",
		`L 11/24/2026 - 20:11:02: [SM] Exception reported: Invalid index`:                "error",
		`Unknown command "foo"`:                  "warn",
		`rcon from "127.0.0.1:5": command "say"`: "debug",
		`Client "Coach" connected (10.0.0.1:1).`: "info",
		`hostname: Friday night`:                 "",
	} {
		if got := console.Parse(text).Level; got != want {
			t.Errorf("%q has the level %q instead of %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "\x1b", "\x1b[", "\x1b[31", "\x1b]", "\x1b\x1b[31m", "\xff\x1b[m", "\u009b", "L 11/24/2026 - 20:11:02: x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		line := console.Parse(raw)
		if text := line.Text(); !utf8.ValidString(text) {
			t.Errorf("%q is not valid UTF-8", text)
		}
		if len(line.Spans) > 65 {
			t.Errorf("%d spans", len(line.Spans))
		}
		for _, r := range line.Text() {
			if unicode.IsControl(r) && r != '\t' {
				t.Errorf("a control character %U is left", r)
			}
		}
	})
}
