package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

// poll prints what the agent's own question leaves in a console.
func poll(r *rig.Rig, s server.Server) {
	ask := query.NewPoll(s.RCONPassword).Command("status")
	words := strings.Split(ask, "; ")
	r.World.Print(s.ID, stamp+`rcon from "127.0.0.1:40122": command "`+ask+`"`)
	for _, line := range []string{words[0][len("echo "):], "hostname: alpha", "#end", words[2][len("echo "):]} {
		r.World.Print(s.ID, line)
	}
}

// shown reads what viewers see, up to most lines.
func shown(t *testing.T, r *rig.Rig, cursor string, tail, most int, follow bool) (texts []string, last string) {
	t.Helper()
	enough := errors.New("enough")
	err := r.Servers.ReadConsole(t.Context(), "alpha", cursor, tail, follow, func(line server.Line) error {
		texts, last = append(texts, line.Text), line.Cursor
		if len(texts) == most {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return texts, last
}

func TestViewersDoNotSeeOurPolls(t *testing.T) {
	r, s := playing(t)
	asked := stamp + `rcon from "127.0.0.1:40122": command "status"` // by a person
	r.World.Print(s.ID, "first")
	for range 200 {
		poll(r, s)
	}
	r.World.Print(s.ID, asked)
	poll(r, s)
	r.World.Print(s.ID, "second")
	for range 10 {
		poll(r, s)
	}
	got, last := shown(t, r, "", 3, 3, true)
	if diff := cmp.Diff([]string{"first", asked, "second"}, got); diff != "" {
		t.Error(diff)
	}
	r.World.Print(s.ID, "third")
	for name, read := range map[string][]string{
		"resumed": first(shown(t, r, last, 0, 1, true)), "the newest": first(shown(t, r, "", 1, 9, false)),
	} {
		if diff := cmp.Diff([]string{"third"}, read); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// A tail that begins inside an answer.
	for tail := 1; tail < 20; tail++ {
		got, _ := shown(t, r, "", tail, 100, false)
		if i := slices.IndexFunc(got, func(line string) bool { return strings.HasPrefix(line, "host") || strings.HasPrefix(line, "#") }); i >= 0 {
			t.Errorf("tail %d shows %q", tail, got[i])
		}
	}
}

func first[T, U any](a T, _ U) T { return a }

// What players say between two polls is in the history once, also when the agent is restarted there.
func TestHistoryBetweenPolls(t *testing.T) {
	r, s := playing(t)
	for n := range 3 {
		poll(r, s)
		r.World.Print(s.ID, fmt.Sprintf(`%s"Ellis<3><STEAM_1:1:11101><>" say "%d"`, stamp, n))
		poll(r, s)
		told(t, r, n+1)
		r.Close()
		r = r.Restart()
	}
	r.World.Print(s.ID, stamp+`"Ellis<3><STEAM_1:1:11101><>" say "3"`)
	told(t, r, 4)
	events, err := r.Servers.GameEvents(context.Background(), "alpha", server.GameEventFilter{Limit: 100})
	if err != nil || len(events) != 4 {
		t.Errorf("history = %+v, %v", events, err)
	}
}
