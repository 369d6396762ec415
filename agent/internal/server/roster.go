package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A list of players is asked for at most once per rosterFor, however many people look: each time leaves a line in
// the game's console. rosterWithin bounds one question.
const (
	rosterFor    = 5 * time.Second
	rosterWithin = 12 * time.Second
)

// rosters shares the answers of the games between everybody who asks. It is safe for concurrent use.
type rosters struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*roster
}

type roster struct {
	at      time.Time
	players []Player
	err     error
	asking  chan struct{} // closed when the question under way is answered; nil when there is none
}

func newRosters(now func() time.Time) *rosters {
	return &rosters{now: now, entries: map[string]*roster{}}
}

// get returns the players of a server, by fetch unless somebody just asked. The question goes on when ctx ends:
// others may wait for the same answer.
func (r *rosters) get(ctx context.Context, serverID string, fetch func(context.Context) ([]Player, error)) ([]Player, error) {
	r.mu.Lock()
	e := r.entries[serverID]
	if e == nil {
		e = &roster{}
		r.entries[serverID] = e
	}
	if e.asking == nil && !e.at.IsZero() && r.now().Sub(e.at) < rosterFor {
		defer r.mu.Unlock()
		return slices.Clone(e.players), e.err
	}
	if e.asking == nil {
		e.asking = make(chan struct{})
		go r.ask(context.WithoutCancel(ctx), e, e.asking, fetch)
	}
	asking := e.asking
	r.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(e.players), e.err
}

func (r *rosters) ask(ctx context.Context, e *roster, done chan struct{}, fetch func(context.Context) ([]Player, error)) {
	ctx, cancel := context.WithTimeout(ctx, rosterWithin)
	defer cancel()
	players, err := fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	e.at, e.players, e.err, e.asking = r.now(), players, err, nil
	close(done)
}

// drop forgets what a server answered, because it has changed.
func (r *rosters) drop(serverID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[serverID]; e != nil && e.asking == nil {
		delete(r.entries, serverID)
	}
}
