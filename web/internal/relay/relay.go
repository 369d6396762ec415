// Package relay shares streams of an agent between the people who look at the same page: the panel holds one upstream
// for each stream, however many browsers follow it.
//
// A stream keeps its newest items in one ring that all its readers read from, each at its own pace and from where it left
// off. Nothing is buffered for a single reader, so a slow one costs nothing: it is told how much it missed and goes on
// with the oldest item that is still there.
package relay

import (
	"context"
	"iter"
	"sync"
	"time"
)

// Source is where a stream comes from.
type Source[T any] struct {
	// Past returns items so far, oldest first and bounded: those after the one with the id, or the newest ones for "".
	Past func(ctx context.Context, after string) ([]Item[T], error)
	// Follow yields the items after the one with the id, or from now on for "", until ctx ends or the stream does.
	Follow func(ctx context.Context, after string) iter.Seq2[Item[T], error]
	// ID returns what a reader resumes after; "" for items that nobody resumes after.
	ID func(T) string
}

// Item is one item of a stream. With Dropped above 0 so many were lost before it, and Value may be zero.
type Item[T any] struct {
	Value   T
	Has     bool // Value is set
	Dropped int
}

// Now is what a reader gives who wants nothing that was before.
const Now = "\x00now"

// Relay shares streams by key. Make one with [New]. It is safe for concurrent use.
type Relay[T any] struct {
	keep   int
	linger time.Duration

	mu      sync.Mutex
	streams map[any]*stream[T]
	closed  bool
	running sync.WaitGroup
}

// New returns a Relay whose streams keep so many items, and their upstream for so long after the last reader left: a page
// that is loaded again needs no new one.
func New[T any](keep int, linger time.Duration) *Relay[T] {
	return &Relay[T]{keep: keep, linger: linger, streams: map[any]*stream[T]{}}
}

// Read yields the items of the stream with a key after the one with the id, or its newest ones and what follows for "", or
// only what follows for [Now]. The first reader of a key opens its source. It ends with ctx, with the stream, or with one
// error.
func (r *Relay[T]) Read(ctx context.Context, key any, after string, source Source[T]) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		s := r.join(key, source)
		if s == nil {
			return
		}
		defer r.leave(s)
		select {
		case <-s.ready:
		case <-ctx.Done():
			return
		}
		at, missed, err := s.enter(ctx, after)
		if err != nil {
			if ctx.Err() == nil {
				yield(Item[T]{}, err)
			}
			return
		}
		seen := map[string]bool{}
		for _, item := range missed {
			if id := s.id(item); id != "" {
				seen[id] = true
			}
			if !yield(item, nil) {
				return
			}
		}
		s.readFrom(ctx, at, seen, yield)
	}
}

// Streams returns how many upstreams there are.
func (r *Relay[T]) Streams() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.streams)
}

// Close ends all streams and waits until their upstreams are closed. Reading afterwards yields nothing.
func (r *Relay[T]) Close() {
	r.mu.Lock()
	r.closed = true
	for _, s := range r.streams {
		s.cancel()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// join returns the stream of a key with one more reader, or nil after Close.
func (r *Relay[T]) join(key any, source Source[T]) *stream[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	s := r.streams[key]
	if s == nil {
		// The upstream belongs to all its readers; it must not end with the first one's request.
		ctx, cancel := context.WithCancel(context.Background())
		s = &stream[T]{key: key, source: source, keep: r.keep, cancel: cancel, ready: make(chan struct{}), changed: make(chan struct{})}
		r.streams[key] = s
		r.running.Go(func() {
			s.run(ctx)
			r.forget(s)
			cancel()
		})
	}
	s.readers++
	if s.leaving != nil {
		s.leaving.Stop()
		s.leaving = nil
	}
	return s
}

// leave takes a reader away. A stream without readers ends after a while.
func (r *Relay[T]) leave(s *stream[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.readers--; s.readers > 0 || r.closed {
		return
	}
	s.leaving = time.AfterFunc(r.linger, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.readers == 0 {
			r.drop(s)
			s.cancel()
		}
	})
}

// forget takes an ended stream out, so that the next reader opens a new one.
func (r *Relay[T]) forget(s *stream[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(s)
}

func (r *Relay[T]) drop(s *stream[T]) {
	if r.streams[s.key] == s {
		delete(r.streams, s.key)
	}
}
