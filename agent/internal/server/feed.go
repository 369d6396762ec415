package server

import (
	"context"
	"errors"
	"time"

	"github.com/left4me/left4me/agent/internal/query"
)

// Sizes of a feed. What is gathered is written at least once per second while a game prints, and a cursor without
// events every feedLines lines, so that little is read again after a crash.
const (
	feedEvery = time.Second
	feedMost  = 500
	feedLines = 5000
	// feedTail is how far back a first look at a console goes.
	feedTail = 200
	// feedAgain is the pause before a console that could not be read is tried again.
	feedAgain = 5 * time.Second
	// gameEventText bounds the parts of a game event, in bytes. The engine's own limit is about 255.
	gameEventText = 512
)

// feed reads one console: it keeps the tracker informed, tells OnGame, and writes the history.
type feed struct {
	*watcher
	server Server
	sieve  *query.Sieve
	cursor string // of the last line that was looked at
	saved  string // cursor that the history has
	lines  int    // since saved
	events []GameEvent
}

// follow reads the console of a server while running lasts, and then what the game said last. A console that
// fails is tried again.
func (w *watcher) follow(ctx, running context.Context, serverID string) {
	s, err := w.Store.ServerByID(ctx, serverID)
	if err != nil {
		return // a unit that no row knows; reconcile stops it
	}
	for running.Err() == nil {
		if err := w.readFeed(running, s, true); err != nil && running.Err() == nil {
			w.Log.Warn("read console for history", "server", s.Name, "error", err)
		}
		select {
		case <-running.Done():
		case <-time.After(feedAgain):
		}
	}
	ctx, cancel := context.WithTimeout(ctx, feedAgain)
	defer cancel()
	if err := w.readFeed(ctx, s, false); err != nil && ctx.Err() == nil {
		w.Log.Warn("read last console lines for history", "server", s.Name, "error", err)
	}
}

// readFeed is one reading of the console. Lines arrive on a channel so that a quiet game still gets its last lines
// written.
func (w *watcher) readFeed(ctx context.Context, s Server, follow bool) error {
	cursor, err := w.History.GameCursor(ctx, s.ID)
	if err != nil {
		return err
	}
	f := &feed{watcher: w, server: s, sieve: query.NewPoll(s.RCONPassword).Sieve(), cursor: cursor, saved: cursor}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines, ended := make(chan Line, 256), make(chan error, 1)
	go func() {
		ended <- w.Console.Read(ctx, s.ID, f.saved, feedTail, follow, func(line Line) error {
			select {
			case lines <- line:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		due := false
		select {
		case line := <-lines:
			f.take(line)
			due = len(f.events) >= feedMost || f.lines >= feedLines
		case <-tick.C:
			due = len(f.events) > 0
		case err := <-ended:
			for len(lines) > 0 {
				f.take(<-lines)
			}
			// The game or the agent may be ending: what was said is written all the same.
			return errors.Join(err, f.save(context.WithoutCancel(ctx)))
		}
		if due {
			if err := f.save(ctx); err != nil {
				return err
			}
		}
	}
}

func (f *feed) save(ctx context.Context) error {
	if f.cursor == f.saved {
		return nil
	}
	if err := f.History.SaveGameEvents(ctx, f.server.ID, f.cursor, f.events); err != nil {
		return err
	}
	f.saved, f.events, f.lines = f.cursor, f.events[:0], 0
	return nil
}

// take looks at one line. What our own polls print is nobody's news.
func (f *feed) take(line Line) {
	own := f.sieve.Own(line.Text, line.Time)
	if !f.sieve.Open() {
		f.cursor = line.Cursor // reading never begins inside an answer
	}
	f.lines++
	if own {
		return
	}
	f.tracker.printed(f.server.ID)
	if f.OnLine != nil {
		f.OnLine(f.server, line.Text)
	}
	for _, e := range f.told(line) {
		f.learn(f.server, e)
		e.Server = f.server.ID
		f.events = append(f.events, e)
		if f.OnGame != nil {
			f.OnGame(f.server, e)
		}
	}
}

// told reads what a console line tells. Log lines count when they do not come by datagram as well.
func (f *feed) told(line Line) []GameEvent {
	if f.LogAddress != "" && query.ReadSign(line.Text) == query.SignNone {
		return nil
	}
	return gameEvents(line)
}

// gameEvents reads what a console line tells: mostly nothing.
func gameEvents(line Line) []GameEvent {
	if sign := query.ReadSign(line.Text); sign != query.SignNone {
		kind, ok := map[query.Sign]GameEventKind{query.SignHibernate: GameEmpty, query.SignWake: GameWake,
			query.SignOutdated: GameOutdated, query.SignNoMap: GameNoMap}[sign]
		if !ok {
			return nil
		}
		e := GameEvent{Time: line.Time, Kind: kind}
		if kind == GameNoMap {
			e.Text = cut(query.Clean(line.Text))
		}
		return []GameEvent{e}
	}
	var out []GameEvent
	for _, said := range query.ParseLog(line.Text) {
		if e, ok := gameEvent(line, said); ok {
			out = append(out, e)
		}
	}
	return out
}

var gameKinds = [...]struct {
	log  query.LogKind
	kind GameEventKind
}{
	{query.LogEntered, GameJoined}, {query.LogDisconnected, GameLeft}, {query.LogSay, GameChat}, {query.LogSayTeam, GameChat},
	{query.LogKilled, GameKill}, {query.LogMapStarted, GameMap}, {query.LogMapLoading, GameMapEnd}, {query.LogMapChange, GameMapEnd},
	{query.LogRCONRefused, GameRCONWrong},
}

func gameEvent(line Line, said query.LogEvent) (GameEvent, bool) {
	for _, k := range gameKinds {
		if k.log != said.Kind || said.Player.Bot && said.Kind != query.LogKilled {
			continue
		}
		e := GameEvent{Time: line.Time, Kind: k.kind, Player: cut(query.Clean(said.Player.Name)), SteamID: said.Player.SteamID64,
			Text: cut(query.Clean(said.Text)), Ambiguous: said.Ambiguous}
		if k.kind == GameRCONWrong {
			e.Text = cut(query.Clean(said.From))
		}
		return e, true
	}
	return GameEvent{}, false
}

// cut bounds a text without breaking a rune.
func cut(text string) string {
	if len(text) <= gameEventText {
		return text
	}
	n := gameEventText
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + "…"
}
