package event

import (
	"context"
	"sync"
)

// Sizes of a Broker.
const (
	keep = 1024 // events kept in memory for followers that are nearly up to date
	page = 500  // events read from the store at once
)

// Store reads recorded events. Implementations are safe for concurrent use.
type Store interface {
	// Events returns what filter selects, oldest first: with After the next ones above it, without it
	// the newest ones.
	Events(ctx context.Context, filter Filter) ([]Event, error)
	// EventsAfter returns the first limit events above after, oldest first. subject "" means all.
	EventsAfter(ctx context.Context, subject string, after int64, limit int) ([]Event, error)
	// LastEvent returns the id of the newest event, 0 when there is none.
	LastEvent(ctx context.Context) (int64, error)
}

// Broker feeds recorded events to any number of followers. It keeps the newest events in memory and
// reads older ones from the store, so a slow follower costs no memory and loses nothing. It is safe
// for concurrent use and starts no goroutine.
type Broker struct {
	store Store

	mu      sync.Mutex
	recent  []Event       // rising ids without a gap in what was published
	changed chan struct{} // closed at the next Publish; nil when nobody waits
	ready   bool          // last is known
	last    int64         // the newest id that followers may see
	floor   int64         // every event above it is in recent
}

// NewBroker returns a Broker over store. Publish must be called with all events from then on.
func NewBroker(store Store) *Broker { return &Broker{store: store} }

// Publish hands committed events to the followers, in the order of their ids. It does not block.
func (b *Broker) Publish(events []Event) {
	if len(events) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ready {
		b.ready, b.floor = true, events[0].ID-1
	}
	b.recent = append(b.recent, events...)
	b.last = events[len(events)-1].ID
	if over := len(b.recent) - keep; over > 0 {
		b.floor = b.recent[over-1].ID
		b.recent = b.recent[over:]
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Now as the starting point of Follow means: only what happens from now on.
const Now int64 = -1

// Follow calls report with the events above after that match filter's Subject, recorded ones first,
// then new ones as they happen, each once and in order. after [Now] leaves the recorded ones out. It
// returns when ctx ends, with its error, or with the first error of report or of the store.
func (b *Broker) Follow(ctx context.Context, after int64, filter Filter, report func(Event) error) error {
	last, err := b.init(ctx)
	if err != nil {
		return err
	}
	if after == Now {
		after = last
	}
	for {
		events, through, wait, err := b.next(ctx, after, filter)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := report(e); err != nil {
				return err
			}
		}
		after = through
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// init learns the newest id from the store, once.
func (b *Broker) init(ctx context.Context) (int64, error) {
	b.mu.Lock()
	ready, last := b.ready, b.last
	b.mu.Unlock()
	if ready {
		return last, nil
	}
	last, err := b.store.LastEvent(ctx)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ready {
		b.ready, b.last, b.floor = true, last, last
	}
	return b.last, nil
}

// next returns matching events above after, the id up to which that is all of them, and a channel to
// wait on when there is nothing more at present.
func (b *Broker) next(ctx context.Context, after int64, filter Filter) ([]Event, int64, <-chan struct{}, error) {
	b.mu.Lock()
	if after >= b.floor {
		defer b.mu.Unlock()
		events := b.since(after, filter)
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		return events, max(after, b.last), b.changed, nil
	}
	floor := b.floor
	b.mu.Unlock()

	events, err := b.store.EventsAfter(ctx, filter.Subject, after, page)
	if err != nil {
		return nil, 0, nil, err
	}
	if len(events) == page {
		return events, events[page-1].ID, nil, nil
	}
	if n := len(events); n > 0 {
		floor = max(floor, events[n-1].ID)
	}
	return events, floor, nil, nil
}

// since returns the kept events above after that match filter.
func (b *Broker) since(after int64, filter Filter) []Event {
	var out []Event
	for _, e := range b.recent {
		if e.ID > after && (filter.Subject == "" || filter.Subject == e.Subject) {
			out = append(out, e)
		}
	}
	return out
}
