// Package supervise holds what every supervisor does the same way: telling those who watch about changes, letting one
// operation of a unit run at a time, and keeping records that survive a crash.
package supervise

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/left4me/left4me/agent/internal/server"
)

// Feed tells any number of watchers about changes of units. The zero value is ready; it is safe for concurrent use.
type Feed struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{}
}

// Put tells every watcher. It does not block.
func (f *Feed) Put(st server.UnitStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subs {
		sub.put(st)
	}
}

// Subscribe begins with what is known. Nothing is missed when no Put comes between knowing it and this call.
func (f *Feed) Subscribe(known []server.UnitStatus) *Subscription {
	sub := &Subscription{feed: f, queue: map[string]server.UnitStatus{}, ready: make(chan struct{}, 1)}
	for _, st := range known {
		sub.put(st)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subs == nil {
		f.subs = map[*Subscription]struct{}{}
	}
	f.subs[sub] = struct{}{}
	return sub
}

// Subscription holds the newest status of each unit that its owner has not seen yet, so a slow owner misses steps but
// never the present.
type Subscription struct {
	feed  *Feed
	mu    sync.Mutex
	queue map[string]server.UnitStatus
	order []string
	ready chan struct{}
}

func (s *Subscription) put(st server.UnitStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waiting := s.queue[st.Server]; !waiting {
		s.order = append(s.order, st.Server)
	}
	s.queue[st.Server] = st
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *Subscription) take() []server.UnitStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]server.UnitStatus, len(s.order))
	for i, serverID := range s.order {
		out[i] = s.queue[serverID]
	}
	s.order = nil
	clear(s.queue)
	return out
}

// Follow reports changes until ctx ends, with its error, or done is closed. Call it once.
func (s *Subscription) Follow(ctx context.Context, done <-chan struct{}, report func(server.UnitStatus)) error {
	defer func() {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		delete(s.feed.subs, s)
	}()
	for {
		for _, st := range s.take() {
			report(st)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return nil
		case <-s.ready:
		}
	}
}

// Turn lets one at a time. It is safe for concurrent use.
type Turn chan struct{}

// NewTurn returns a Turn that nobody has.
func NewTurn() Turn {
	t := make(Turn, 1)
	t <- struct{}{}
	return t
}

// Take waits for the turn; call the result to give it back.
func (t Turn) Take(ctx context.Context) (func(), error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t:
		return func() { t <- struct{}{} }, nil
	}
}

// WriteJSON replaces dir/name atomically and durably. The directory's group may read it.
func WriteJSON(dir, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	for _, step := range []func() error{
		func() error { return f.Chmod(0o640) }, f.Sync,
		f.Close, func() error { return os.Rename(f.Name(), filepath.Join(dir, name)) },
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
