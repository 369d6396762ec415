package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/client"
)

func TestConsoleSearch(t *testing.T) {
	agent := seedServer(t)
	for i := range 500 {
		agent.Print("alpha", fmt.Sprintf("line %d", i))
		if i%100 == 0 {
			agent.Print("alpha", fmt.Sprintf("Eve says CHEATER %d", i))
		}
	}
	var got []string
	for item, err := range agent.Client.Console(t.Context(), "alpha", client.ConsoleOptions{Search: "cheater", Tail: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Line != nil {
			got = append(got, item.Line.Text)
		}
	}
	if want := "Eve says CHEATER 200|Eve says CHEATER 300|Eve says CHEATER 400"; strings.Join(got, "|") != want {
		t.Errorf("found %q", got)
	}
	// What comes is looked at too.
	lines := openAt(t, agent, "/v1/servers/alpha/console?search=cheater&tail=1")
	until(t, lines, "data:")
	agent.Print("alpha", "nothing", "a cheater!")
	if next := until(t, lines, "data:"); !strings.Contains(next[len(next)-1], "a cheater!") {
		t.Errorf("followed: %q", next)
	}
}

// People look for names, in any language and with blanks.
func TestSearchTakesWords(t *testing.T) {
	agent := seedServer(t)
	agent.Print("alpha", "nobody", "Zoë ☢ joined the game")
	found := 0
	for item, err := range agent.Client.Console(t.Context(), "alpha", client.ConsoleOptions{Search: "zoë ☢ joined"}) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Line != nil {
			found++
		}
	}
	if found != 1 {
		t.Errorf("found %d lines", found)
	}
	if _, err := agent.Client.History(t.Context(), "alpha", client.HistoryFilter{Text: "Zoë is here"}); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"%00", "a%0ab", "%ff", strings.Repeat("x", 513)} {
		if status, _, _ := do(t, forward(agent), http.MethodGet, "/v1/servers/alpha/console?follow=false&search="+text, ""); status != http.StatusBadRequest {
			t.Errorf("%q answered %d", text, status)
		}
	}
}

func TestConsoleAsText(t *testing.T) {
	agent := seedServer(t)
	agent.Print("alpha", "one", "two")
	status, body, header := do(t, forward(agent), http.MethodGet, "/v1/servers/alpha/console?format=text", "")
	if status != http.StatusOK || !strings.Contains(body, "Z one\n") || !strings.HasSuffix(body, "Z two\n") ||
		header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(header.Get("Content-Disposition"), "alpha-console.txt") {
		t.Errorf("%d %v\n%s", status, header, body)
	}
	status, _, header = do(t, forward(agent), http.MethodGet, "/v1/servers/beta/console?format=text", "")
	if status != http.StatusNotFound || header.Get("Content-Disposition") != "" {
		t.Errorf("missing: %d %v", status, header)
	}
}
