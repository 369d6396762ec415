package process

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// consoles hands out streams. One exists per console that somebody follows.
type consoles struct {
	dir string // of all units

	mu       sync.Mutex
	notices  *notifier
	streams  map[string]*sharedStream
	tailers  sync.WaitGroup
	closed   bool
	shutdown context.CancelFunc
	life     context.Context
}

type sharedStream struct {
	*stream
	users int
	stop  context.CancelFunc
}

func newConsoles(dir string) *consoles {
	c := &consoles{dir: dir, streams: map[string]*sharedStream{}}
	c.life, c.shutdown = context.WithCancel(context.Background())
	return c
}

func (c *consoles) path(serverID string) string { return filepath.Join(c.dir, serverID, consoleDir) }

// Read implements [server.Console]. It reads a console also while nothing runs.
func (s *Supervisor) Read(
	ctx context.Context, serverID, cursor string, tail int, follow bool, report func(server.Line) error,
) error {
	if !validServer(serverID) {
		return unknownServer()
	}
	pos, err := startPosition(s.consoles.path(serverID), cursor, tail)
	if err != nil {
		return readError(err)
	}
	if !follow {
		_, err = drain(ctx, s.consoles.path(serverID), pos, report)
		return err
	}
	return s.consoles.follow(ctx, serverID, pos, report)
}

func readError(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The console cannot be read.").WithHint("Look into the agent's log.")
}

// startPosition is where reading begins. A cursor that means nothing is one that no longer exists.
func startPosition(dir, cursor string, tail int) (position, error) {
	if cursor == "" {
		return tailOf(dir, max(tail, 0))
	}
	pos, ok := parseCursor(cursor)
	if !ok {
		return position{epoch: "?"}, nil
	}
	return pos, nil
}

// drain reports what the files hold after pos.
func drain(ctx context.Context, dir string, pos position, report func(server.Line) error) (position, error) {
	for ctx.Err() == nil {
		b, next, err := readAfter(dir, pos)
		if err != nil {
			return pos, readError(err)
		}
		if pos = next; len(b.lines) == 0 {
			return pos, nil
		}
		if err := reportAll(ctx, b.lines, report); err != nil {
			return pos, err
		}
	}
	return pos, ctx.Err()
}

func reportAll(ctx context.Context, lines []server.Line, report func(server.Line) error) error {
	for _, line := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := report(line); err != nil {
			return err
		}
	}
	return nil
}

// follow reports lines until ctx ends, which is no error, or the console is gone.
func (c *consoles) follow(ctx context.Context, serverID string, pos position, report func(server.Line) error) error {
	st, err := c.acquire(serverID)
	if err != nil {
		return err
	}
	defer c.release(serverID, st)
	for {
		lines, next, wake, behind, ended := st.next(pos)
		if behind {
			b, after, err := readAfter(st.dir, pos)
			if err != nil {
				return readError(err)
			}
			lines, next = b.lines, after
		}
		if len(lines) > 0 {
			if err := reportAll(ctx, lines, report); err != nil {
				return followEnd(ctx, err)
			}
			pos = next
			continue
		}
		if ended {
			return st.err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
	}
}

func followEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// acquire returns the stream of a console and counts its user.
func (c *consoles) acquire(serverID string) (*sharedStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fault.New(fault.Unavailable, "The agent is shutting down.").WithHint("Try again in a moment.")
	}
	if st := c.streams[serverID]; st != nil {
		st.users++
		return st, nil
	}
	st, err := c.open(serverID)
	if err != nil {
		return nil, readError(err)
	}
	c.streams[serverID] = st
	return st, nil
}

func (c *consoles) open(serverID string) (*sharedStream, error) {
	if c.notices == nil {
		n, err := newNotifier()
		if err != nil {
			return nil, err
		}
		c.notices = n
	}
	dir := c.path(serverID)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	// Watch first, then look: what is printed in between makes a notice.
	w, err := c.notices.watch(dir)
	if err != nil {
		return nil, err
	}
	st, err := newStream(dir)
	if err != nil {
		c.notices.forget(w)
		return nil, err
	}
	ctx, stop := context.WithCancel(c.life)
	notices := c.notices
	c.tailers.Go(func() {
		st.run(ctx, w.changed, w.gone)
		notices.forget(w)
	})
	return &sharedStream{stream: st, users: 1, stop: stop}, nil
}

// release gives a stream back; the last user ends it.
func (c *consoles) release(serverID string, st *sharedStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.users--; st.users == 0 {
		st.stop()
		if c.streams[serverID] == st {
			delete(c.streams, serverID)
		}
	}
}

// drop ends the stream of a console that is about to be removed.
func (c *consoles) drop(serverID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.streams[serverID]; st != nil {
		st.stop()
		delete(c.streams, serverID)
	}
}

func (c *consoles) close() {
	c.mu.Lock()
	c.closed = true
	c.shutdown()
	notices := c.notices
	c.mu.Unlock()
	c.tailers.Wait()
	if notices != nil {
		notices.close()
	}
}
