package httpapi

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newTestQueue(items, bytes int) *queue {
	limits := StreamLimits{Items: items, Bytes: bytes}
	limits.setDefaults()
	return newQueue(limits)
}

func item(text string) frame { return frame{name: "line", id: text, data: []byte(text)} }

// shown is what a reader sees: ids, and -N where N were dropped.
func shown(frames []frame) string {
	var out []string
	for _, f := range frames {
		if f.dropped > 0 {
			out = append(out, "-"+strings.Repeat("x", f.dropped))
		}
		if f.name != "" {
			out = append(out, f.id)
		}
	}
	return strings.Join(out, " ")
}

func TestQueueHoldsUpThenDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(2, 1000)
		start := time.Now()
		for _, id := range []string{"1", "2", "3", "4", "5"} {
			if err := q.put(t.Context(), item(id)); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("a stalled reader held its source up for %s; want once 2 s, then not again", waited)
		}
		if got := shown(q.take(false)); got != "1 2" {
			t.Errorf("taken: %s", got)
		}
		if err := q.put(t.Context(), item("6")); err != nil {
			t.Fatal(err)
		}
		if got := shown(q.take(false)); got != "-xxx 6" {
			t.Errorf("what was dropped is not told where it was: %s", got)
		}
	})
}

func TestQueueGoesOnWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(1, 1000)
		go func() {
			for range 3 {
				time.Sleep(time.Second)
				<-q.ready
				q.take(false)
			}
		}()
		for _, id := range []string{"1", "2", "3"} {
			if err := q.put(t.Context(), item(id)); err != nil {
				t.Fatal(err)
			}
		}
		if q.dropped != 0 {
			t.Errorf("a reader that keeps up lost %d", q.dropped)
		}
		time.Sleep(5 * time.Second) // the reader takes the last one and ends
	})
}

func TestQueueBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(100, 10)
		big := item(strings.Repeat("b", 50))
		_ = q.put(t.Context(), big) // larger than the bound, but alone: it must get through
		_ = q.put(t.Context(), item("1"))
		if got := len(q.take(false)); got != 1 || q.bytes != 0 {
			t.Errorf("%d items, %d bytes", got, q.bytes)
		}
		if got := shown(q.take(true)); got != "-x" {
			t.Errorf("what was dropped last is not told: %q", got)
		}
		if got := shown(q.take(true)); got != "" {
			t.Errorf("it is told twice: %q", got)
		}
	})
}

func TestQueueEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newTestQueue(1, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		_ = q.put(ctx, item("1"))
		go func() { time.Sleep(time.Second); cancel() }()
		if err := q.put(ctx, item("2")); err == nil {
			t.Error("put after the reader went away")
		}
	})
}
