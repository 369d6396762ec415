package systemd

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// stream is what one journalctl prints of one console, for all who look on. Lines are numbered from 1.
type stream struct {
	stop    context.CancelFunc
	users   int         // guarded by consoles.mu
	closing *time.Timer // guarded by consoles.mu

	mu      sync.Mutex
	lines   []server.Line
	first   uint64 // number of lines[0]
	bytes   int
	cursors map[string]uint64
	wake    chan struct{} // closed and replaced on each change
	loaded  chan struct{} // closed when the past was read, or reading ended
	done    bool
	err     error
}

func newStream(stop context.CancelFunc) *stream {
	return &stream{stop: stop, first: 1, cursors: map[string]uint64{}, wake: make(chan struct{}), loaded: make(chan struct{})}
}

// A journalctl that ends is started again, unless it ends again and again without a line.
const (
	followTries = 5
	followPause = time.Second
)

func pause(ctx context.Context, length time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(length):
	}
}

var errStreamEnded = errors.New("journalctl ended")

// run reads until ctx ends. The past is read first and by itself, so that it is known when it has been read; then
// one child follows from there.
func (st *stream) run(ctx context.Context, j journal, serverID string) {
	dropped, last := 0, ""
	take := func(e entry) error {
		last = e.cursor
		line, ok := e.line()
		if !ok {
			dropped += line.Dropped
			return nil
		}
		line.Dropped, dropped = dropped, 0
		st.put(line)
		return nil
	}
	match := j.console(serverID)
	err := j.read(ctx, append(slices.Clone(match), "--lines="+strconv.Itoa(keptLines)), take)
	st.mu.Lock()
	close(st.loaded)
	st.mu.Unlock()
	for tries := 0; ctx.Err() == nil && err == nil; tries++ {
		options := append(slices.Clone(match), "--follow", "--no-tail")
		since := last
		if since != "" {
			options = append(options, "--after-cursor="+since)
		}
		if err = j.read(ctx, options, take); last != since {
			tries = 0
		}
		if ctx.Err() != nil {
			break
		}
		if tries < followTries { // somebody killed it, or journald was restarted
			err = nil
			pause(ctx, followPause)
		} else if err == nil {
			err = errStreamEnded
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.done, st.err = true, err
	close(st.wake)
}

func (st *stream) put(line server.Line) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lines = append(st.lines, line)
	st.cursors[line.Cursor] = st.first + uint64(len(st.lines)) - 1
	st.bytes += len(line.Text)
	for len(st.lines) > keptLines || st.bytes > keptBytes && len(st.lines) > 1 {
		st.bytes -= len(st.lines[0].Text)
		delete(st.cursors, st.lines[0].Cursor)
		st.lines[0] = server.Line{} // the array lives on
		st.lines = st.lines[1:]
		st.first++
	}
	close(st.wake)
	st.wake = make(chan struct{})
}

// ready returns when the past has been read.
func (st *stream) ready(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-st.loaded:
		return nil
	}
}

func (st *stream) ended() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.done
}

// position returns the number of the line after which a reader goes on; known is false when that is not kept.
func (st *stream) position(cursor string, tail int) (at uint64, known bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if cursor != "" {
		at, known = st.cursors[cursor]
		return at, known
	}
	if tail <= len(st.lines) {
		return st.first + uint64(len(st.lines)-tail) - 1, true
	}
	return 0, false
}

func (st *stream) find(cursor string) (number uint64, line server.Line, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if number, ok = st.cursors[cursor]; ok {
		line = st.lines[number-st.first]
	}
	return number, line, ok
}

// oldest is the position before the oldest line that is kept.
func (st *stream) oldest() uint64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.first - 1
}

// next returns the lines after a position and the position after them; missed counts those that a slow reader has
// lost. Without lines, wake is closed when there may be some.
func (st *stream) next(at uint64) (lines []server.Line, after uint64, missed int, wake <-chan struct{}, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if at+1 < st.first {
		missed = int(st.first - at - 1)
		at = st.first - 1
	}
	lines = append(lines, st.lines[min(at+1-st.first, uint64(len(st.lines))):]...)
	if len(lines) == 0 && st.done {
		if err = st.err; err == nil {
			err = errStreamEnded
		}
	}
	return lines, at + uint64(len(lines)), missed, st.wake, err
}
