package server_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

const coach, ellis = 76561197960287930, 76561197960287931

// playing returns a rig with server alpha running and two people on it.
func playing(t *testing.T) (*rig.Rig, server.Server) {
	t.Helper()
	r, s := alpha(t)
	r.World.Play(s.ID, server.Player{UserID: 2, Name: `Co"ach`, SteamID: coach}, server.Player{UserID: 3, Name: "Ellis", SteamID: ellis})
	r.Succeed(r.Servers.Start(context.Background(), "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	return r, s
}

// since returns the commands of the game after its first n.
func since(r *rig.Rig, s server.Server, n int) []string {
	_, commands := r.World.Asked(s.ID)
	return commands[n:]
}

func TestSteering(t *testing.T) {
	r, s := playing(t)
	ctx := context.Background()
	_, before := r.World.Asked(s.ID)
	for name, c := range map[string]struct {
		do   func() error
		want []string
	}{
		"say":  {func() error { return r.Servers.Say(ctx, "ann", "alpha", "5 minutes; then // restart") }, []string{`say "5 minutes; then // restart"`}},
		"kick": {func() error { return r.Servers.Kick(ctx, "ann", "alpha", 3, ellis, "bye") }, []string{`kickid "3" "bye"`}},
		"ban": {func() error { return r.Servers.Ban(ctx, "ann", "alpha", ellis, 5) },
			[]string{`banid "5" "STEAM_1:1:11101" "kick"`, `writeid`}},
		"unban": {func() error { return r.Servers.Unban(ctx, "ann", "alpha", coach) }, []string{`removeid "STEAM_1:0:11101"`, `writeid`}},
		"map": {func() error { return r.Servers.ChangeMap(ctx, "ann", "alpha", "c2m1_highway", "versus") },
			[]string{`mp_gamemode "versus"`, `changelevel "c2m1_highway"`}},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := since(r, s, len(before)); !slices.Equal(got, c.want) {
			t.Errorf("%s sent %q, want %q", name, got, c.want)
		}
		_, before = r.World.Asked(s.ID)
	}
}

func TestSteeringRefuses(t *testing.T) {
	r, s := playing(t)
	ctx := context.Background()
	_, before := r.World.Asked(s.ID)
	for name, c := range map[string]struct {
		err  error
		code fault.Code
	}{
		"quote in a message":         {r.Servers.Say(ctx, "ann", "alpha", `x"; quit`), fault.Invalid},
		"line break in a message":    {r.Servers.Say(ctx, "ann", "alpha", "x\nquit"), fault.Invalid},
		"empty message":              {r.Servers.Say(ctx, "ann", "alpha", "  "), fault.Invalid},
		"long message":               {r.Servers.Say(ctx, "ann", "alpha", strings.Repeat("x", 201)), fault.Invalid},
		"somebody else by now":       {r.Servers.Kick(ctx, "ann", "alpha", 3, coach, ""), fault.Conflict},
		"nobody":                     {r.Servers.Kick(ctx, "ann", "alpha", 99, 0, ""), fault.NotFound},
		"quote in a reason":          {r.Servers.Kick(ctx, "ann", "alpha", 3, ellis, `"`), fault.Invalid},
		"no person":                  {r.Servers.Ban(ctx, "ann", "alpha", 12, 0), fault.Invalid},
		"before the beginning":       {r.Servers.Ban(ctx, "ann", "alpha", ellis, -1), fault.Invalid},
		"command in the map":         {r.Servers.ChangeMap(ctx, "ann", "alpha", "x;quit", ""), fault.Invalid},
		"argument in the map":        {r.Servers.ChangeMap(ctx, "ann", "alpha", "x +exec", ""), fault.Invalid},
		"command in the mode":        {r.Servers.ChangeMap(ctx, "ann", "alpha", "c1m1_hotel", "coop;quit"), fault.Invalid},
		"server that does not exist": {r.Servers.Say(ctx, "ann", "beta", "x"), fault.NotFound},
	} {
		if !fault.Is(c.err, c.code) {
			t.Errorf("%s: %v, want %s", name, c.err, c.code)
		}
	}
	if got := since(r, s, len(before)); len(got) != 0 {
		t.Errorf("sent all the same: %q", got)
	}
	if err := r.Servers.ChangeMap(ctx, "ann", "alpha", "nosuchmap", ""); !fault.Is(err, fault.Precondition) {
		t.Errorf("missing map: %v", err)
	}
}

func TestManyViewersAskTheGameOnce(t *testing.T) {
	r, s := playing(t)
	ctx := context.Background()
	var viewers sync.WaitGroup
	for range 100 {
		viewers.Go(func() {
			if _, err := r.Servers.Players(ctx, "alpha"); err != nil {
				t.Error(err)
			}
		})
	}
	viewers.Wait()
	if asked, _ := r.World.Asked(s.ID); asked != 1 {
		t.Errorf("the game was asked %d times by 100 viewers", asked)
	}
}

func TestViewerWhoLeavesDoesNotSpoilTheAnswer(t *testing.T) {
	r, _ := playing(t)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Servers.Players(gone, "alpha"); err == nil {
		t.Log("the answer was there already")
	}
	if _, err := r.Servers.Players(context.Background(), "alpha"); err != nil {
		t.Errorf("a viewer who left took the answer along: %v", err)
	}
}

// told waits until the history of alpha holds n events and returns them, oldest first.
func told(t *testing.T, r *rig.Rig, n int) []server.GameEvent {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		found, err := r.Servers.GameEvents(context.Background(), "alpha", server.GameEventFilter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) >= n {
			slices.Reverse(found)
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("history has %d events, want %d: %+v", len(found), n, found)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const stamp = "L 11/24/2026 - 20:00:00: "

func TestHistoryOfAGame(t *testing.T) {
	r, s := playing(t)
	for _, line := range []string{
		stamp + `"Ellis<3><STEAM_1:1:11101><>" entered the game`,
		stamp + `"Ellis<3><STEAM_1:1:11101><Survivor>" say "100% _great_"`,
		stamp + `"Nick<4><BOT><Survivor>" say "bots do not count"`,
		stamp + `"evil<9><STEAM_1:0:5><>" say "x"<2><STEAM_1:0:11101><Survivor>" say "I am Coach"`,
		stamp + `Loading map "c1m2_streets"`,
		stamp + `Started map "c1m2_streets" (CRC "1")`,
		"MasterRequestRestart", "Server is hibernating", "nothing of interest",
	} {
		r.World.Print(s.ID, line)
	}
	got := told(t, r, 7)
	kinds := make([]server.GameEventKind, len(got))
	for i, e := range got {
		kinds[i] = e.Kind
	}
	want := []server.GameEventKind{server.GameJoined, server.GameChat, server.GameChat, server.GameMapEnd, server.GameMap,
		server.GameOutdated, server.GameEmpty}
	if !slices.Equal(kinds, want) {
		t.Fatalf("kinds = %v, want %v", kinds, want)
	}
	if e := got[0]; e.Player != "Ellis" || e.SteamID != 76561197960287931 || e.Ambiguous {
		t.Errorf("joined = %+v", e)
	}
	if !got[2].Ambiguous {
		t.Errorf("a forged line must be marked: %+v", got[2])
	}
	for text, n := range map[string]int{"100% _GREAT_": 1, "%": 1, "_": 4, "76561197960287931": 2, `\`: 0} {
		found, err := r.Servers.GameEvents(context.Background(), "alpha", server.GameEventFilter{Text: text, Limit: 10})
		if err != nil || len(found) != n {
			t.Errorf("search %q found %d, want %d (%v)", text, len(found), n, err)
		}
	}
}

func TestHistorySurvivesTheAgentWithoutGapOrDouble(t *testing.T) {
	r, s := playing(t)
	say := func(n string) { r.World.Print(s.ID, stamp+`"Ellis<3><STEAM_1:1:11101><>" say "`+n+`"`) }
	say("1")
	say("2")
	told(t, r, 2)
	world := r.World
	r.Close()
	world.Print(s.ID, stamp+`"Ellis<3><STEAM_1:1:11101><>" say "3"`) // nobody listens
	r = r.Restart()
	say("4")
	var texts []string
	for _, e := range told(t, r, 4) {
		texts = append(texts, e.Text)
	}
	if !slices.Equal(texts, []string{"1", "2", "3", "4"}) {
		t.Errorf("history = %v", texts)
	}
}
