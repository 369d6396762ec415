package servertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/internal/server"
)

// counting prints numbered lines, then waits.
func counting(n int) string {
	return fmt.Sprintf(`for i in $(seq %d); do echo "line $i"; done; echo ready; trap 'exit 0' INT; while :; do sleep 0.05; done`, n)
}

func texts(lines []server.Line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return strings.Join(out, " ")
}

func consoleByCursor(t *testing.T, w *world) {
	serverID := w.run(counting(20))
	if got := texts(w.lines(serverID, "", 3)); got != "line 19 line 20 ready" {
		t.Errorf("%q", got)
	}
	if got := w.lines(serverID, "", 0); len(got) != 0 {
		t.Errorf("%v", got)
	}
	all := w.lines(serverID, "", 100)
	if len(all) != 21 || all[0].Text != "line 1" || all[0].Dropped != 0 || all[0].Time.IsZero() {
		t.Fatalf("%d lines: %+v", len(all), all)
	}
	for _, i := range []int{0, 10, 19} {
		rest := w.lines(serverID, all[i].Cursor, 0)
		if len(rest) != 20-i || rest[0] != all[i+1] {
			t.Errorf("after line %d: %d lines, %+v", i, len(rest), rest[0])
		}
	}
	if rest := w.lines(serverID, all[20].Cursor, 0); len(rest) != 0 {
		t.Errorf("after the last: %+v", rest)
	}
	// Followers see the same, and go on with what comes.
	for _, from := range []string{"", all[0].Cursor, all[15].Cursor} {
		var got []server.Line
		err := w.Read(w.ctx(), serverID, from, 100, true, func(l server.Line) error {
			if got = append(got, l); l.Text == "ready" {
				return errFound
			}
			return nil
		})
		if !errors.Is(err, errFound) || got[len(got)-1] != all[20] || len(got) < 5 {
			t.Errorf("%v: %d lines", err, len(got))
		}
	}
}

func consoleOfMany(t *testing.T, w *world) {
	const viewers, lines = 200, 50
	serverID := w.run(`echo ready; while [ ! -e go ]; do sleep 0.05; done; for i in $(seq 50); do echo "line $i"; done; exec sleep 1000`)
	var wait sync.WaitGroup
	present := make(chan struct{}, viewers)
	for range viewers {
		wait.Go(func() {
			got := 0
			err := w.Read(w.ctx(), serverID, "", 1, true, func(l server.Line) error {
				switch {
				case l.Text == "ready":
					present <- struct{}{}
				case l.Dropped != 0 || l.Text != fmt.Sprintf("line %d", got+1):
					return fmt.Errorf("after %d lines: %+v", got, l)
				default:
					got++
				}
				if got == lines {
					return errFound
				}
				return nil
			})
			if !errors.Is(err, errFound) {
				t.Errorf("%d lines, %v", got, err)
			}
		})
	}
	for range viewers {
		<-present
	}
	w.Tree(t, serverID, map[string]string{"go": ""})
	wait.Wait()
}

func consoleVanished(t *testing.T, w *world) {
	serverID := w.run(counting(5))
	for _, cursor := range []string{"no cursor at all", "; --vacuum-time=1s", strings.Repeat("x", 5000)} {
		got := w.lines(serverID, cursor, 0)
		if len(got) != 6 || got[0].Text != "line 1" || got[0].Dropped == 0 || got[1].Dropped != 0 {
			t.Errorf("%.20q: %+v", cursor, got)
		}
		ctx, cancel := context.WithCancel(w.ctx())
		var first server.Line
		err := w.Read(ctx, serverID, cursor, 0, true, func(l server.Line) error {
			first = l
			cancel()
			return nil
		})
		cancel()
		if err != nil || first.Text != "line 1" || first.Dropped == 0 {
			t.Errorf("%.20q: %v, %+v", cursor, err, first)
		}
	}
}
