package relay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/web/internal/relay"
)

// origin is an upstream that counts who opens it.
type origin struct {
	mu      sync.Mutex
	lines   []int
	grown   chan struct{}
	opened  atomic.Int32
	open    atomic.Int32
	asked   atomic.Int32
	failure error
}

func newOrigin(lines ...int) *origin { return &origin{lines: lines, grown: make(chan struct{})} }

func (o *origin) print(lines ...int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, lines...)
	close(o.grown)
	o.grown = make(chan struct{})
}

func (o *origin) fail(err error) {
	o.mu.Lock()
	o.failure = err
	o.mu.Unlock()
	o.print()
}

func (o *origin) after(id string) ([]int, <-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, _ := strconv.Atoi(id)
	var out []int
	for _, line := range o.lines {
		if line > last {
			out = append(out, line)
		}
	}
	return out, o.grown, o.failure
}

func (o *origin) source() relay.Source[int] {
	return relay.Source[int]{
		ID: strconv.Itoa,
		Past: func(_ context.Context, after string) ([]relay.Item[int], error) {
			o.asked.Add(1)
			lines, _, err := o.after(after)
			if after == "" {
				lines = lines[max(0, len(lines)-4):]
			}
			var out []relay.Item[int]
			for _, line := range lines {
				out = append(out, relay.Item[int]{Value: line, Has: true})
			}
			return out, err
		},
		Follow: func(ctx context.Context, after string) iter.Seq2[relay.Item[int], error] {
			return func(yield func(relay.Item[int], error) bool) {
				o.opened.Add(1)
				o.open.Add(1)
				defer o.open.Add(-1)
				for {
					lines, grown, err := o.after(after)
					for _, line := range lines {
						after = strconv.Itoa(line)
						if !yield(relay.Item[int]{Value: line, Has: true}, nil) {
							return
						}
					}
					if err != nil {
						yield(relay.Item[int]{}, err)
						return
					}
					select {
					case <-ctx.Done():
						return
					case <-grown:
					}
				}
			}
		},
	}
}

// take reads so many items.
func take(ctx context.Context, r *relay.Relay[int], o *origin, after string, n int) (out []string) {
	for item, err := range r.Read(ctx, "key", after, o.source()) {
		switch {
		case err != nil:
			return append(out, err.Error())
		case item.Dropped > 0:
			out = append(out, fmt.Sprintf("%d lost", item.Dropped))
		default:
			out = append(out, strconv.Itoa(item.Value))
		}
		if len(out) == n {
			return out
		}
	}
	return append(out, "end")
}

func TestManyReadersOneUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](100, time.Second), newOrigin(1, 2, 3)
		defer r.Close()
		var reading sync.WaitGroup
		for range 1000 {
			reading.Go(func() {
				if diff := cmp.Diff([]string{"2", "3", "4", "5"}, take(t.Context(), r, o, "1", 4)); diff != "" {
					t.Error(diff)
				}
			})
		}
		synctest.Wait()
		o.print(4, 5)
		reading.Wait()
		if n := o.opened.Load(); n != 1 {
			t.Errorf("%d upstreams were opened", n)
		}
		if n := o.asked.Load(); n != 1 {
			t.Errorf("the past was asked for %d times", n)
		}
	})
}

func TestReadersResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](10, time.Second), newOrigin(1, 2, 3, 4, 5, 6, 7, 8)
		defer r.Close()
		for after, want := range map[string][]string{
			"":  {"5", "6", "7", "8"},
			"6": {"7", "8"},
			"2": {"3", "4", "5", "6", "7", "8"}, // further back than the ring: asked for, and nothing comes twice
		} {
			if diff := cmp.Diff(want, take(t.Context(), r, o, after, len(want))); diff != "" {
				t.Errorf("after %q: %s", after, diff)
			}
		}
	})
}

func TestReadersFromNowOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](10, time.Second), newOrigin(1, 2)
		defer r.Close()
		got := make(chan []string)
		go func() { got <- take(t.Context(), r, o, relay.Now, 1) }()
		synctest.Wait()
		o.print(3)
		if diff := cmp.Diff([]string{"3"}, <-got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSlowReadersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](5, time.Second), newOrigin(1)
		defer r.Close()
		var got []string
		for item, err := range r.Read(t.Context(), "key", "", o.source()) {
			if err != nil {
				t.Fatal(err)
			}
			if item.Dropped > 0 {
				got = append(got, fmt.Sprintf("%d lost", item.Dropped))
				continue
			}
			got = append(got, strconv.Itoa(item.Value))
			if item.Value == 1 {
				for i := 2; i <= 20; i++ {
					o.print(i)
				}
				synctest.Wait()
			}
			if item.Value == 20 {
				break
			}
		}
		if diff := cmp.Diff([]string{"1", "14 lost", "16", "17", "18", "19", "20"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUpstreamsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](5, time.Minute), newOrigin(1)
		take(t.Context(), r, o, "", 1)
		time.Sleep(30 * time.Second)
		take(t.Context(), r, o, "", 1)
		time.Sleep(59 * time.Second)
		if o.open.Load() != 1 || o.opened.Load() != 1 || r.Streams() != 1 {
			t.Errorf("%d upstreams are open, %d were opened", o.open.Load(), o.opened.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if o.open.Load() != 0 || r.Streams() != 0 {
			t.Errorf("%d upstreams are open after everybody left", o.open.Load())
		}
		take(t.Context(), r, o, "", 1)
		r.Close()
		if o.open.Load() != 0 {
			t.Error("an upstream outlived the relay")
		}
		if got := take(t.Context(), r, o, "", 1); got[0] != "end" {
			t.Errorf("a closed relay gave %v", got)
		}
	})
}

func TestFailuresReachEverybodyAndAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](5, time.Minute), newOrigin(1)
		defer r.Close()
		var reading sync.WaitGroup
		for range 3 {
			reading.Go(func() {
				if got := take(t.Context(), r, o, "", 9); got[len(got)-1] != "away" {
					t.Errorf("read %v", got)
				}
			})
		}
		synctest.Wait()
		o.fail(errors.New("away"))
		reading.Wait()
		if got := take(t.Context(), r, o, "", 9); got[len(got)-1] != "away" {
			t.Errorf("read %v while it was away", got)
		}
		o.fail(nil)
		if got := take(t.Context(), r, o, "", 1); got[0] != "1" {
			t.Errorf("read %v after it came back", got)
		}
	})
}

func TestReadersLeaveWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := relay.New[int](5, 0), newOrigin()
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan []string)
		go func() { done <- take(ctx, r, o, "", 1) }()
		synctest.Wait()
		cancel()
		if got := <-done; got[0] != "end" {
			t.Errorf("read %v", got)
		}
	})
}
