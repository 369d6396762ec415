package process_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// A start was canceled after the game's wrapper had started the game: the shim was killed, the wrapper died with it,
// and the game lived on, known to nobody.
func TestACanceledStartLeavesNoGame(t *testing.T) {
	s, dir := open(t, t.TempDir()), tree(t, "sleep 1000 & sleep 1000 & wait")
	canceled := 0
	for range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(80))*time.Millisecond)
		err := s.Start(ctx, plan("alpha", dir))
		cancel()
		if err == nil {
			if err := s.Stop(withPatience(t), "alpha", 0); err != nil {
				t.Fatal(err)
			}
			continue
		}
		canceled++
		if state := status(t, s, "alpha").State; state != server.UnitAbsent && state != "" {
			t.Errorf("state %s after a canceled start", state)
		}
		assertNoneAlive(t, dir)
	}
	t.Logf("%d of 60 starts were canceled in the middle", canceled)
}
