package query_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
)

const logStamp = "L 11/25/2026 - 04:30:00: "

// seen is what a sieve lets through, of lines that are printed at the same moment.
func seen(p query.Poll, lines ...string) []string {
	var out []string
	sieve := p.Sieve()
	for _, line := range lines {
		if !sieve.Own(line, time.Unix(1, 0)) {
			out = append(out, line)
		}
	}
	return out
}

func TestPollsAreFoundInTheConsole(t *testing.T) {
	p := query.NewPoll("secret")
	words := strings.Split(p.Command("status"), "; ")
	begin, end := strings.TrimPrefix(words[0], "echo "), strings.TrimPrefix(words[2], "echo ")
	note := func(command string) string {
		return logStamp + `rcon from "127.0.0.1:40122": command "` + command + `"`
	}
	own := []string{note(p.Command("status")), begin, "hostname: x", "# 2 1 \"a\" STEAM_1:0:1", "#end", end + " ", note(p.Command("")), begin, end}
	if got := seen(p, own...); got != nil {
		t.Errorf("not taken for ours: %q", got)
	}
	for name, lines := range map[string][]string{
		"a person's question":      {note("status"), "hostname: x", "#end"},
		"another server's poll":    {note(query.NewPoll("other").Command("status"))},
		"a person who knows less":  {note("echo left4me-asks-0; status; echo left4me-asked-0"), "left4me-asks-0", "hostname: x"},
		"chat":                     {logStamp + `"rcon from "1.1.1.1:1": command "x<2><STEAM_1:0:1><>" say "` + begin + `"`, "Zoey: " + begin},
		"a longer command of ours": {note(p.Command("status") + "; quit")},
	} {
		if diff := cmp.Diff(lines, seen(p, lines...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A game that dies while it answers keeps its last words, and nothing is hidden for ever.
func TestAnswerThatDoesNotEnd(t *testing.T) {
	p := query.NewPoll("secret")
	begin := strings.TrimPrefix(strings.Split(p.Command(""), "; ")[0], "echo ")
	for _, last := range []string{"Segmentation fault", logStamp + "World triggered \"x\"", "Server is hibernating"} {
		if diff := cmp.Diff([]string{last, "and on"}, seen(p, begin, "hostname: x", last, "and on")); diff != "" {
			t.Error(diff)
		}
	}
	sieve := p.Sieve()
	if !sieve.Own(begin, time.Unix(1, 0)) || !sieve.Own("hostname: x", time.Unix(2, 0)) || !sieve.Open() || sieve.Own("later", time.Unix(9, 0)) || sieve.Open() {
		t.Error("a late line belongs to the answer")
	}
	many := append([]string{begin}, strings.Split(strings.Repeat("line ", 1000), " ")...)
	if got := seen(p, many...); len(got) < 700 {
		t.Errorf("%d of 1000 lines are left", len(got))
	}
}

func TestAnswerToAPoll(t *testing.T) {
	p := query.NewPoll("secret")
	words := strings.Split(p.Command("stats"), "; ")
	text := strings.TrimPrefix(words[0], "echo ") + "\nCPU\n1\n" + strings.TrimPrefix(words[2], "echo ") + "\n"
	if got := p.Answer(text); got != "CPU\n1\n" {
		t.Errorf("%q", got)
	}
}
