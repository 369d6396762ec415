package process

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

const (
	ringLines = 4096
	ringBytes = 1 << 20
	// breath bounds how often followers are woken while lines pour in.
	breath = 20 * time.Millisecond
)

// stream follows one console on behalf of everybody who does: one goroutine reads the files and keeps the
// latest lines; followers share them without copies. A follower that is too slow for the ring reads files
// until it has caught up, so nothing is kept for it and nothing is lost to it that is still on disk.
type stream struct {
	dir string

	mu    sync.Mutex
	lines []server.Line // never changed once appended: followers hold parts of it
	after []position
	first position // before lines[0]
	bytes int
	wake  chan struct{} // closed when lines are appended or the stream ends
	ended bool
	err   error
}

// newStream begins at the present end of the console.
func newStream(dir string) (*stream, error) {
	end, err := endOf(dir)
	return &stream{dir: dir, first: end, wake: make(chan struct{})}, err
}

// run reads the console whenever changed says so, until ctx ends or gone is closed.
func (s *stream) run(ctx context.Context, changed, gone <-chan struct{}) {
	pos := s.first
	for {
		b, next, err := readAfter(s.dir, pos)
		if err != nil {
			s.end(err)
			return
		}
		if pos = next; len(b.lines) > 0 {
			s.append(b)
			pause(ctx, breath)
			continue // until nothing is left: a notice may have come before the read
		}
		select {
		case <-ctx.Done():
			s.end(nil)
			return
		case <-gone:
			s.end(nil)
			return
		case <-changed:
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (s *stream) append(b batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch := b.after[0].epoch; epoch != s.first.epoch { // a new console: nothing before it counts
		s.lines, s.after, s.bytes = nil, nil, 0
		s.first = position{epoch: epoch}
	}
	s.lines, s.after = append(s.lines, b.lines...), append(s.after, b.after...)
	for _, l := range b.lines {
		s.bytes += len(l.Text)
	}
	drop := 0
	for len(s.lines)-drop > ringLines || s.bytes > ringBytes {
		s.bytes -= len(s.lines[drop].Text)
		s.first = s.after[drop]
		drop++
	}
	s.lines, s.after = s.lines[drop:], s.after[drop:]
	s.broadcast()
}

func (s *stream) broadcast() {
	close(s.wake)
	s.wake = make(chan struct{})
}

func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.err = true, err
	s.broadcast()
}

// next returns the lines after pos that are in the ring, or none and why: behind means that the files may have
// some, ended that there will be no more. wake is closed at the next change.
func (s *stream) next(pos position) (lines []server.Line, after position, wake <-chan struct{}, behind, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := s.first
	if n := len(s.after); n > 0 {
		end = s.after[n-1]
	}
	if pos.epoch != end.epoch || pos.offset < s.first.offset || pos.offset > end.offset {
		return nil, pos, s.wake, true, s.ended
	}
	i := sort.Search(len(s.after), func(i int) bool { return s.after[i].offset > pos.offset })
	if i == len(s.after) {
		return nil, pos, s.wake, false, s.ended
	}
	n := min(i+batchLines, len(s.lines))
	return s.lines[i:n:n], s.after[n-1], s.wake, false, s.ended
}
