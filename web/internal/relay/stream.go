package relay

import (
	"context"
	"sync"
	"time"
)

// stream is one upstream and the ring that its readers share.
type stream[T any] struct {
	key    any
	source Source[T]
	keep   int
	cancel context.CancelFunc
	ready  chan struct{} // closed when the past is in the ring

	readers int         // guarded by the relay
	leaving *time.Timer // likewise

	mu      sync.Mutex
	ring    []Item[T] // the newest items; ring[0] is number first
	first   int       // number of the oldest item in the ring
	changed chan struct{}
	over    bool
	failure error
}

// run fills the ring until the upstream ends.
func (s *stream[T]) run(ctx context.Context) {
	past, err := s.source.Past(ctx, "")
	last := ""
	for _, item := range past {
		s.add(item)
		if id := s.id(item); id != "" {
			last = id
		}
	}
	if err != nil {
		s.end(err)
		close(s.ready)
		return
	}
	close(s.ready)
	for item, err := range s.source.Follow(ctx, last) {
		if err != nil {
			s.end(err)
			return
		}
		s.add(item)
	}
	s.end(nil)
}

// id is "" for what nobody resumes after.
func (s *stream[T]) id(item Item[T]) string {
	if !item.Has {
		return ""
	}
	return s.source.ID(item.Value)
}

func (s *stream[T]) add(item Item[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring = append(s.ring, item)
	// The ring is cut when it is twice as long, so that not every item moves all others.
	if len(s.ring) >= 2*s.keep {
		over := len(s.ring) - s.keep
		s.first += over
		s.ring = append(make([]Item[T], 0, 2*s.keep), s.ring[over:]...)
	}
	s.wake()
}

func (s *stream[T]) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.failure = true, err
	s.wake()
}

// wake lets the readers look again. The lock is held.
func (s *stream[T]) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// enter returns the number of the item that a reader begins with, and what it must be given before because the ring does
// not reach back so far.
func (s *stream[T]) enter(ctx context.Context, after string) (at int, missed []Item[T], err error) {
	s.mu.Lock()
	at = s.first
	if after == Now {
		at += len(s.ring)
	}
	if after == "" || after == Now {
		s.mu.Unlock()
		return at, nil, nil
	}
	for i := len(s.ring) - 1; i >= 0; i-- {
		if s.id(s.ring[i]) == after {
			at = s.first + i + 1
			s.mu.Unlock()
			return at, nil, nil
		}
	}
	s.mu.Unlock()
	missed, err = s.source.Past(ctx, after)
	return at, missed, err
}

// readFrom yields from a number on, without items that were seen.
func (s *stream[T]) readFrom(ctx context.Context, at int, seen map[string]bool, yield func(Item[T], error) bool) {
	for {
		batch, next, lost, changed, over, failure := s.look(at)
		if lost > 0 && !yield(Item[T]{Dropped: lost}, nil) {
			return
		}
		at = next
		for _, item := range batch {
			if seen[s.id(item)] {
				continue
			}
			if ctx.Err() != nil || !yield(item, nil) {
				return
			}
		}
		switch {
		case len(batch) > 0:
			continue
		case over:
			if failure != nil {
				yield(Item[T]{}, failure)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// maxBatch is how many items a reader takes at a time.
const maxBatch = 64

// look returns a batch of items from a number on, the number after it, and how many are gone already. Items are never changed, so
// the batch may share the ring's memory.
func (s *stream[T]) look(at int) (batch []Item[T], next, lost int, changed <-chan struct{}, over bool, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at < s.first {
		lost, at = s.first-at, s.first
	}
	from := at - s.first
	to := min(len(s.ring), from+maxBatch)
	batch = s.ring[from:to:to]
	return batch, at + len(batch), lost, s.changed, s.over, s.failure
}
