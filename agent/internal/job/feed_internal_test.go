package job

import (
	"fmt"
	"slices"
	"testing"
)

func TestFeedGivesTheNewestStateAndTellsWhoIsBehind(t *testing.T) {
	f := newFeed()
	first := newLive(Job{ID: "first", Status: Queued})
	f.put(first)
	start := f.now()
	first.set(Job{ID: "first", Status: Running})
	f.put(first)
	f.put(newLive(Job{ID: "second"}))
	first.set(Job{ID: "first", Status: Failed})
	f.put(first)

	jobs, reached, _, behind := f.after(start)
	var got []string
	for _, j := range jobs {
		got = append(got, j.ID+" "+string(j.Status))
	}
	if want := []string{"second ", "first failed"}; behind || !slices.Equal(got, want) {
		t.Errorf("got %v, behind %v", got, behind)
	}
	if more, _, _, _ := f.after(reached); len(more) > 0 {
		t.Errorf("%d jobs twice", len(more))
	}
	for i := range keepChanges {
		f.put(newLive(Job{ID: fmt.Sprint(i)}))
	}
	if jobs, _, _, behind := f.after(reached); behind || len(jobs) != keepChanges {
		t.Errorf("all that is kept: %d jobs, behind %v", len(jobs), behind)
	}
	f.put(newLive(Job{ID: "one more"}))
	if _, _, _, behind := f.after(reached); !behind {
		t.Error("a reader that missed a change was not told")
	}
	if f.order.Len() > keepChanges || len(f.places) > keepChanges {
		t.Errorf("%d changes kept", f.order.Len())
	}
}
