package server

import (
	"context"
	"fmt"
	"time"

	"github.com/left4me/left4me/agent/internal/query"
)

// A game is hung when nothing of it moves any more: no answer to queries, none to commands, nothing printed.
// Each sign alone is normal at times: srcds drops queries when it is flooded, and neither answers nor runs
// commands while it loads a map. The sum of these limits keeps the verdict within 30 s of the last sign of life.
const (
	probeAfter  = 12 * time.Second // without an answer to queries, before a command is tried
	probeWithin = 4 * time.Second  // for the command
	quietFor    = 10 * time.Second // of the console, besides
	// patience is for games that print but answer nothing; mapPatience for those that said they load a map.
	patience    = 60 * time.Second
	mapPatience = 2 * time.Minute
)

// health is what is known about whether a running game is alive.
type health struct {
	lastSign      time.Time // of life: an answer to a query or a command
	printed       time.Time // last console line
	changingUntil time.Time // it said that it loads a map
	hung          string    // why it is taken for hung; "" = it is not
	note          string    // something odd about a game that is alive
}

func (h *health) alive(now time.Time) {
	h.lastSign, h.changingUntil, h.hung, h.note = now, time.Time{}, "", ""
}

// due reports whether a game that answers no queries should be tried with a command.
func (h health) due(now time.Time) bool {
	return h.hung == "" && !now.Before(h.changingUntil) && now.Sub(h.lastSign) >= probeAfter
}

// verdict says why the game is hung; "" when it may just be busy.
func (h health) verdict(now time.Time) string {
	silent := now.Sub(h.lastSign)
	if now.Before(h.changingUntil) || silent < probeAfter {
		return ""
	}
	if now.Sub(h.printed) < quietFor && silent < patience {
		return ""
	}
	at := h.lastSign.UTC().Format(time.TimeOnly)
	if now.Sub(h.printed) < quietFor {
		return fmt.Sprintf("The game prints, but has answered neither queries nor commands since %s UTC.", at)
	}
	return fmt.Sprintf("The game has answered neither queries nor commands since %s UTC, and prints nothing.", at)
}

// printed records that the console of a server moves.
func (t *tracker) printed(serverID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(serverID).health.printed = t.now()
}

// loading records that a game loads a map, or that it is done with it.
func (t *tracker) loading(serverID string, loads bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h, now := &t.of(serverID).health, t.now()
	h.printed, h.changingUntil = now, time.Time{}
	if loads {
		h.changingUntil = now.Add(mapPatience)
	}
}

// suspicious reports whether an answering game has been silent long enough to be tried with a command.
func (t *tracker) suspicious(serverID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	return o.unit.State == UnitActive && !o.live.At.IsZero() && o.health.due(t.now())
}

// obeyed records that a game runs commands although it answers no queries. It reports whether it was hung.
func (t *tracker) obeyed(serverID string) (recovered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &t.of(serverID).health
	recovered = h.hung != ""
	h.alive(t.now())
	h.note = "The game takes commands, but answers no queries: players may not see it."
	return recovered
}

// judge returns why a game is hung, when it has just become so.
func (t *tracker) judge(serverID string) (reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.of(serverID)
	if o.unit.State != UnitActive || o.live.At.IsZero() || o.health.hung != "" {
		return ""
	}
	o.health.hung = o.health.verdict(t.now())
	return o.health.hung
}

// ask asks a game how it is, and draws the conclusions.
func (w *watcher) ask(ctx context.Context, s Server) {
	queryCtx, cancel := context.WithTimeout(ctx, pollEvery-time.Second)
	live, err := w.Game.Info(queryCtx, s.Port)
	cancel()
	switch {
	case ctx.Err() != nil:
	case err == nil:
		w.recovered(ctx, s, w.tracker.answered(s.ID, live))
	default:
		w.examine(ctx, s)
	}
}

// examine looks at a game that answers no queries.
func (w *watcher) examine(ctx context.Context, s Server) {
	if w.tracker.suspicious(s.ID) {
		probeCtx, cancel := context.WithTimeout(ctx, probeWithin)
		_, err := w.Game.Exec(probeCtx, s.Port, s.RCONPassword, query.NewPoll(s.RCONPassword).Command(""))
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			w.recovered(ctx, s, w.tracker.obeyed(s.ID))
			return
		}
	}
	if reason := w.tracker.judge(s.ID); reason != "" {
		w.record(ctx, s, "server.hung", reason)
	}
}

func (w *watcher) recovered(ctx context.Context, s Server, was bool) {
	if was {
		w.record(ctx, s, "server.recovered", "The game answers again.")
	}
}

// record writes an event that nobody asked for.
func (w *watcher) record(ctx context.Context, s Server, kind, message string) {
	err := w.Store.Update(ctx, func(tx Tx) error { return tx.AddEvent(ctx, w.event(kind, s, "", message)) })
	if err != nil && ctx.Err() == nil {
		w.Log.Error("record event", "server", s.Name, "kind", kind, "error", err)
	}
}
