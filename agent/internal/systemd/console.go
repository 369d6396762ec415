package systemd

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// What one followed console keeps in memory for all who look on. Who is further behind reads the journal.
const (
	keptLines = 2000
	keptBytes = 1 << 20
	// keepOpen is how long a console is followed after the last viewer has left: most come back at once.
	keepOpen = 20 * time.Second
)

// cursorForm is what sd_journal_get_cursor(3) returns. Another text would make journalctl fail.
var cursorForm = regexp.MustCompile(`^s=[0-9a-f]{32};i=[0-9a-f]{1,16};b=[0-9a-f]{32};m=[0-9a-f]{1,16};t=[0-9a-f]{1,16};x=[0-9a-f]{1,16}$`)

// consoles hands out streams. One exists per console that somebody follows.
type consoles struct {
	journal journal
	log     *slog.Logger
	life    context.Context
	readers sync.WaitGroup

	mu      sync.Mutex
	streams map[string]*stream
}

func newConsoles(life context.Context, program string, log *slog.Logger) *consoles {
	return &consoles{journal: journal{program: program}, log: log, life: life, streams: map[string]*stream{}}
}

func (c *consoles) close() { c.readers.Wait() }

// Read implements server.Console. It reads a console also while nothing runs.
func (s *Supervisor) Read(
	ctx context.Context, serverID, cursor string, tail int, follow bool, report func(server.Line) error,
) error {
	if !validServer(serverID) {
		return unknownServer()
	}
	if s.life.Err() != nil {
		return fault.New(fault.Unavailable, "The agent is shutting down.").WithHint("Try again in a moment.")
	}
	if !follow {
		_, err := s.consoles.history(ctx, serverID, cursor, max(tail, 0), report)
		if err == nil || errors.Is(err, errStop) {
			err = ctx.Err()
		}
		return readError(err)
	}
	return readError(s.consoles.follow(ctx, serverID, cursor, max(tail, 0), report))
}

// errStop ends a reading of the journal early.
var errStop = errors.New("enough")

// reportError is what report returned, which is nobody's fault here.
type reportError struct{ error }

func (e reportError) Unwrap() error { return e.error }

func readError(err error) error {
	if own, ok := errors.AsType[reportError](err); ok {
		return own.error
	}
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The console cannot be read from the journal.").WithSource("systemd").
		WithHint("The agent's user must be in the group systemd-journal. Try: journalctl -u 'left4me-server@*'")
}

// history reports what the journal holds after cursor, or the last tail lines. missing counts what is lost after the
// last line that was reported, or before any.
func (c *consoles) history(
	ctx context.Context, serverID, cursor string, tail int, report func(server.Line) error,
) (missing int, err error) {
	options, lost := c.journal.console(serverID), false
	switch {
	case cursor == "" && tail == 0:
		return 0, nil
	case cursor == "":
		options = append(options, "--lines="+strconv.Itoa(min(tail, 1<<30)))
	case cursorForm.MatchString(cursor):
		// The entry itself is asked for too: when it does not come, it is gone, and others may be with it.
		options = append(options, "--cursor="+cursor)
		lost = true
	default:
		lost, cursor = true, ""
	}
	dropped := 0
	err = c.journal.read(ctx, options, func(e entry) error {
		if e.cursor == cursor {
			lost = false
			return nil
		}
		if ctx.Err() != nil {
			return errStop
		}
		line, ok := e.line()
		if !ok {
			dropped += line.Dropped
			return nil
		}
		if lost {
			dropped, lost = dropped+1, false // nobody knows how many
		}
		line.Dropped, dropped = dropped, 0
		if err := report(line); err != nil {
			return wrapReport(err)
		}
		return nil
	})
	if lost {
		dropped++
	}
	return dropped, err
}

func wrapReport(err error) error {
	if errors.Is(err, errStop) {
		return err
	}
	return reportError{err}
}

// follow reports lines until ctx ends, which is no error.
func (c *consoles) follow(ctx context.Context, serverID, cursor string, tail int, report func(server.Line) error) error {
	st := c.acquire(serverID)
	defer c.release(serverID, st)
	if err := st.ready(ctx); err != nil {
		return followEnd(ctx, err)
	}
	at, known := st.position(cursor, tail)
	lost, shown := 0, cursor
	if !known {
		var err error
		if at, lost, shown, err = c.catchUp(ctx, st, serverID, cursor, tail, report); err != nil {
			return followEnd(ctx, err)
		}
	}
	for {
		lines, next, missed, wake, err := st.next(at)
		if err != nil {
			return followEnd(ctx, err)
		}
		if lines = newer(lines, shown); len(lines) > 0 {
			shown = ""
		}
		if at = next; len(lines) > 0 {
			lines[0].Dropped += missed + lost
			lost = 0
		}
		for _, line := range lines {
			if ctx.Err() != nil {
				return nil
			}
			if err := report(line); err != nil {
				return followEnd(ctx, reportError{err})
			}
		}
		if len(lines) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
	}
}

// catchUp reports from the journal what the stream no longer keeps, up to where the stream goes on. lost is what is
// missing right before that; shown is the cursor of the last line that was reported, where the stream has not come so
// far yet.
func (c *consoles) catchUp(
	ctx context.Context, st *stream, serverID, cursor string, tail int, report func(server.Line) error,
) (at uint64, lost int, shown string, err error) {
	joined := false
	shown = cursor
	missing, err := c.history(ctx, serverID, cursor, tail, func(line server.Line) error {
		number, known, ok := st.find(line.Cursor)
		if !ok {
			shown = line.Cursor
			return report(line)
		}
		at, lost, joined = number-1, line.Dropped-known.Dropped, true // this very line comes from the stream
		return errStop
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if joined {
		shown = ""
	} else if err == nil {
		at, lost = st.oldest(), missing
	}
	return at, lost, shown, err
}

// newer returns the lines after a cursor, by the journal's own numbers. A cursor of another journal is before all.
func newer(lines []server.Line, cursor string) []server.Line {
	source, number, ok := place(cursor)
	if !ok {
		return lines
	}
	for i, line := range lines {
		if from, n, ok := place(line.Cursor); !ok || from != source || n > number {
			return lines[i:]
		}
	}
	return nil
}

// place returns the source of a cursor's sequence number, and that number.
func place(cursor string) (source string, number uint64, ok bool) {
	if !cursorForm.MatchString(cursor) {
		return "", 0, false
	}
	source, rest, _ := strings.Cut(strings.TrimPrefix(cursor, "s="), ";i=")
	digits, _, _ := strings.Cut(rest, ";")
	number, err := strconv.ParseUint(digits, 16, 64)
	return source, number, err == nil
}

func followEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// acquire returns the stream of a console and counts its user.
func (c *consoles) acquire(serverID string) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.streams[serverID]
	if st == nil || st.ended() {
		ctx, stop := context.WithCancel(c.life)
		st = newStream(stop)
		c.streams[serverID] = st
		c.readers.Go(func() { st.run(ctx, c.journal, serverID) })
	}
	st.users++
	if st.closing != nil {
		st.closing.Stop()
		st.closing = nil
	}
	return st
}

// release gives a stream back. It ends some time after its last user left.
func (c *consoles) release(serverID string, st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.users--; st.users > 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(keepOpen, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if st.users > 0 || st.closing != timer {
			return
		}
		st.stop()
		if c.streams[serverID] == st {
			delete(c.streams, serverID)
		}
	})
	st.closing = timer
}
