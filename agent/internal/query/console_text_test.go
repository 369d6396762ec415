package query_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                             "plain",
		"tab\tstays":                        "tab\tstays",
		"\x03MasterRequestRestart":          "MasterRequestRestart",
		"\x1b[31mred\x1b[0m":                "red",
		"\x1b[2J\x1b[1;1Hhome":              "home",
		"\x1b]0;title\x07after":             "after",
		"\x1b]0;title\x1b\\after":           "after",
		"\x1b]0;never ends":                 "0;never ends",
		"\x1bPq#0\x1b\\sixel":               "sixel",
		"\x1b(B\x1b=ok":                     "ok",
		"\x1b":                              "",
		"a\x1b[":                            "a",
		"\u009b31mc1":                       "c1",
		"carriage\rreturn":                  "carriagereturn",
		"bell\x07 back\x08space del\x7f":    "bell backspace del",
		"nul\x00":                           "nul",
		"bad \xff\xfe utf8":                 "bad \uFFFD\uFFFD utf8",
		"cut \xe6\xa1":                      "cut \uFFFD\uFFFD",
		"桐喵Six":                             "桐喵Six",
		"evil\u202egnp.exe":                 "evilgnp.exe",
		"line\u2028sep":                     "linesep",
		"\x1b\x1b[31mtwice":                 "twice",
		"\x1b[38;5;196mcolour\x1b[K at end": "colour at end",
	} {
		if got := query.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07", "\xff\u202e\u009b", "\x1b", "\u009b31m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := query.Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("invalid UTF-8: %q", got)
		}
		for _, r := range got {
			if r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0) {
				t.Fatalf("control character %U in %q", r, got)
			}
		}
		if again := query.Clean(got); again != got {
			t.Fatalf("not stable: %q, %q", got, again)
		}
	})
}

func TestSignsOfTheConsoleFixtures(t *testing.T) {
	for name, want := range map[string][]query.Sign{
		"console-start.ready.log":               {query.SignHibernate, query.SignSteam},
		"console-start.pipe-benign.log":         {query.SignHibernate, query.SignSteam},
		"console-start.lan-mode.log":            {query.SignHibernate, query.SignLANOnly, query.SignNoSteam},
		"console-start.real-prefix-2024-09.log": {query.SignHibernate},
		"console-outdated.log":                  {query.SignOutdated, query.SignOutdated, query.SignOutdated, query.SignOutdated},
		"console-crash.srcds_run.log":           {query.SignCrash, query.SignCrash},
		"console-dlopen-fail.2016.log":          {query.SignCrash},
		"host-errors.txt":                       {query.SignNoMap, query.SignNoMap, query.SignNoMap},
	} {
		var got []query.Sign
		for line := range strings.Lines(fixture(t, "srcds/"+name)) {
			if s := query.ReadSign(strings.TrimRight(line, "\r\n")); s != query.SignNone {
				got = append(got, s)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if s := query.ReadSign("eve: MasterRequestRestart"); s != query.SignNone {
		t.Errorf("chat gives %q", s)
	}
}

func BenchmarkCleanASCII(b *testing.B) {
	benchmarkClean(b, "ConVarRef test_progression_loop doesn't exist")
}
func BenchmarkCleanANSI(b *testing.B) {
	benchmarkClean(b, "\x1b[31mred\x1b[0m 桐喵Six \xff says hello to all")
}

func benchmarkClean(b *testing.B, line string) {
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		query.Clean(line)
	}
}
