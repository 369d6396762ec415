package event_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

func newFeed(t *testing.T) (*sqlite.DB, *event.Broker) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir()+"/agent.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	broker := event.NewBroker(db)
	db.OnEvents(broker.Publish)
	return db, broker
}

// add records n events, each in a transaction of its own, with subjects "s/0" and "s/1" by turns.
func add(t *testing.T, db *sqlite.DB, n int) {
	t.Helper()
	for i := range n {
		e := event.Event{Kind: "test", Subject: fmt.Sprint("s/", i%2), Message: "a\x00b\xff"}
		if err := db.AddEvent(context.WithoutCancel(t.Context()), e); err != nil {
			t.Fatal(err)
		}
	}
}

var errEnough = errors.New("enough")

// until collects ids up to last and checks that they rise by step.
func until(t *testing.T, first, step, last int64) func(event.Event) error {
	want := first
	return func(e event.Event) error {
		if e.ID != want {
			t.Errorf("got event %d, want %d", e.ID, want)
			return errEnough
		}
		if want += step; want > last {
			return errEnough
		}
		return nil
	}
}

func TestFollowReplaysThenGoesOnLive(t *testing.T) {
	db, broker := newFeed(t)
	add(t, db, 1_500) // more than memory and one page hold
	const last = 3_000
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			after := int64(i * 100)
			if err := broker.Follow(t.Context(), after, event.Filter{}, until(t, after+1, 1, last)); !errors.Is(err, errEnough) {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		err := broker.Follow(t.Context(), 0, event.Filter{Subject: "s/1"}, until(t, 2, 2, last))
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
	})
	add(t, db, 1_500)
	group.Wait()
}

func TestFollowFromNowOn(t *testing.T) {
	db, broker := newFeed(t)
	add(t, db, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, ended := make(chan int64), make(chan error)
	go func() {
		ended <- broker.Follow(ctx, event.Now, event.Filter{}, func(e event.Event) error { got <- e.ID; return nil })
	}()
	var first int64
	for first == 0 { // it may begin to follow after some of these
		add(t, db, 1)
		select {
		case first = <-got:
		default:
		}
	}
	if first <= 10 {
		t.Errorf("an old event came: %d", first)
	}
	cancel()
	for {
		select {
		case <-got:
			continue
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
	}
}

func TestSlowFollowerLosesNothing(t *testing.T) {
	db, broker := newFeed(t)
	add(t, db, 1)
	check := until(t, 1, 1, 4_001)
	err := broker.Follow(t.Context(), 0, event.Filter{}, func(e event.Event) error {
		if e.ID == 1 { // far more than memory holds happens meanwhile
			add(t, db, 4_000)
		}
		return check(e)
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

func TestEventsAreCleanedAndListed(t *testing.T) {
	db, _ := newFeed(t)
	add(t, db, 5)
	ids := func(filter event.Filter) string {
		events, err := db.Events(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		var out []int64
		for _, e := range events {
			out = append(out, e.ID)
			if e.Message != "ab\uFFFD" || e.Time.IsZero() {
				t.Errorf("event %+v", e)
			}
		}
		return fmt.Sprint(out)
	}
	for want, filter := range map[string]event.Filter{
		"[1 2 3 4 5]": {},
		"[4 5]":       {Limit: 2},
		"[2 3]":       {After: 1, Limit: 2},
		"[2 4]":       {Subject: "s/1"},
		"[]":          {After: 5},
	} {
		if got := ids(filter); got != want {
			t.Errorf("%+v: %s, want %s", filter, got, want)
		}
	}
}

// A rolled back event must neither be seen nor leave a gap that followers wait for.
func TestRolledBackEventIsNotPublished(t *testing.T) {
	db, broker := newFeed(t)
	err := db.Update(t.Context(), func(tx *sqlite.Tx) error {
		return errors.Join(tx.AddEvent(t.Context(), event.Event{Kind: "undone", Subject: "s"}), errEnough)
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	add(t, db, 1)
	err = broker.Follow(t.Context(), 0, event.Filter{}, func(e event.Event) error {
		if e.Kind != "test" {
			t.Errorf("came %q", e.Kind)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}
