package job_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// writer writes n lines for each number it gets, until the channel is closed.
func writer(batches <-chan int) job.Handler {
	return do("write", func(_ context.Context, run *job.Run) error {
		next := 1
		for n := range batches {
			for range n {
				run.Logf("stdout", "line %d", next)
				next++
			}
		}
		return nil
	})
}

// checker fails unless it gets lines from after on, without gap or duplicate.
func checker(t *testing.T, after int64) (func(job.Line) error, *atomic.Int64) {
	var last atomic.Int64
	last.Store(after)
	return func(l job.Line) error {
		if l.Seq != last.Load()+1 || l.Text != fmt.Sprint("line ", l.Seq) {
			t.Errorf("after line %d came %d %q", last.Load(), l.Seq, l.Text)
			return errors.New("wrong line")
		}
		last.Store(l.Seq)
		return nil
	}, &last
}

// Shows S7.
func TestFollowersSeeEveryLineOnce(t *testing.T) {
	const lines, followers = 20_000, 50
	batches := make(chan int)
	h := newHost(t, writer(batches))
	j := h.submit(spec("write", "a"))
	var group sync.WaitGroup
	for i := range followers {
		group.Go(func() {
			after := int64(i * 100 % 900)
			check, last := checker(t, after)
			if i%10 == 0 {
				slow := check
				check = func(l job.Line) error {
					if l.Seq%500 == 0 { // reads much later than the line was written
						if err := h.Follow(h.ctx, j.ID, lines-1, job.Watch{Line: func(job.Line) error { return errors.New("enough") }}); err == nil {
							return errors.New("the last line never came")
						}
					}
					return slow(l)
				}
			}
			if err := h.Follow(h.ctx, j.ID, after, job.Watch{Line: check}); err != nil {
				t.Error(err)
			}
			if last.Load() != lines {
				t.Errorf("follower %d ended with line %d", i, last.Load())
			}
		})
	}
	for range lines / 1000 {
		batches <- 1000
	}
	close(batches)
	group.Wait()
	check, last := checker(t, 0)
	if err := h.Follow(h.ctx, j.ID, 0, job.Watch{Line: check}); err != nil || last.Load() != lines {
		t.Errorf("after the end: %v, line %d", err, last.Load())
	}
}

func TestFollowShowsLinesAtOnceAndTheJobAtTheEnd(t *testing.T) {
	batches, seen := make(chan int), make(chan string)
	h := newHost(t, writer(batches))
	j := h.submit(spec("write", "a"))
	ended := make(chan error)
	go func() {
		ended <- h.Follow(h.ctx, j.ID, 0, job.Watch{
			Line: func(l job.Line) error { seen <- l.Text; return nil },
			Job: func(j job.Job) error {
				if j.Status != job.Queued {
					seen <- string(j.Status)
				}
				return nil
			},
		})
	}()
	if got := <-seen; got != "running" {
		t.Errorf("first came %s", got)
	}
	for n := range 3 {
		batches <- 1 // the next one is written only after this one was seen
		if got, want := <-seen, fmt.Sprint("line ", n+1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	close(batches)
	if got := <-seen; got != "succeeded" {
		t.Errorf("last came %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFollowEnds(t *testing.T) {
	started := make(chan string, 1)
	h := newHost(t, obedient("hold", started))
	running, queued := h.submit(spec("hold", "a")), h.submit(spec("hold", "a"))
	<-started
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	if err := h.Follow(ctx, running.ID, 0, job.Watch{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled reader: %v", err)
	}
	stop := errors.New("stop")
	if err := h.Follow(h.ctx, running.ID, 0, job.Watch{Job: func(job.Job) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("a reader that had enough: %v", err)
	}
	following, ended := make(chan bool), make(chan error)
	go func() {
		ended <- h.Follow(h.ctx, queued.ID, 0, job.Watch{Job: func(job.Job) error { close(following); return nil }})
	}()
	<-following
	now, cancel := context.WithCancel(h.ctx)
	cancel()
	if err := h.Close(now); err != nil {
		t.Error(err)
	}
	if err := <-ended; !fault.Is(err, fault.Unavailable) {
		t.Errorf("after Close: %v", err)
	}
}

func TestLogIsCutVisibly(t *testing.T) {
	batches := make(chan int, 1)
	h := newHost(t, do("flood", func(_ context.Context, run *job.Run) error {
		w := run.Writer("stdout")
		for i := range 100_500 {
			fmt.Fprintf(w, "%d\n", i)
		}
		run.Logf("error", "the reason")
		close(batches)
		return nil
	}))
	log := h.log(h.run(spec("flood", "a")).ID)
	want := []string{
		"stdout: 99999",
		"warn: The log is cut here: it reached 100000 lines or 10 MiB. Messages of the job itself still follow.",
		"error: the reason",
		"warn: 500 lines were left out where the log was cut.",
	}
	if diff := cmp.Diff(want, log[len(log)-4:]); diff != "" {
		t.Error(diff)
	}
}

func TestProgressIsShownTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const reports = 1000
		h := newHost(t, do("count", func(_ context.Context, run *job.Run) error {
			for i := range reports {
				run.Progress(job.Progress{Done: uint64(i + 1), Total: reports})
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Second)
			return nil
		}))
		seen := map[uint64]bool{}
		var last job.Job
		j := h.submit(spec("count", "a"))
		begin := time.Now()
		err := h.Follow(h.ctx, j.ID, 0, job.Watch{Job: func(j job.Job) error {
			last = j
			if j.Progress != nil {
				seen[j.Progress.Done] = true
			}
			if j.Progress != nil && j.Progress.Done == reports && !j.Status.Final() && time.Since(begin) > 1200*time.Millisecond {
				t.Error("the last report was shown late")
			}
			return nil
		}})
		if err != nil || last.Progress.Done != reports {
			t.Errorf("%v, %+v", err, last.Progress)
		}
		if len(seen) < 8 || len(seen) > 14 {
			t.Errorf("%d reports of 1000 in a second were shown", len(seen))
		}
		h.end()
	})
}

func TestChanges(t *testing.T) {
	started := make(chan string, 10)
	h := newHost(t, obedient("hold", started), do("quick", func(context.Context, *job.Run) error { return nil }))
	standing := h.submit(spec("hold", "a"))
	<-started
	seen := make(chan job.Job, 100)
	ctx, cancel := context.WithCancel(h.ctx)
	ended := make(chan error)
	go func() { ended <- h.Changes(ctx, job.Filter{}, func(j job.Job) error { seen <- j; return nil }) }()
	if got := <-seen; got.ID != standing.ID || got.Status != job.Running {
		t.Errorf("first came %s %s", got.ID, got.Status)
	}
	quick := h.run(spec("quick", "b"))
	for got := range seen {
		if got.ID == quick.ID && got.Status == job.Succeeded {
			break
		}
	}
	if _, err := h.Cancel(h.ctx, standing.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	for got := range seen {
		if got.ID == standing.ID && got.Status == job.Canceled {
			break
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestReplayOfARunningJobShowsWhatIsThere(t *testing.T) {
	batches := make(chan int)
	h := newHost(t, writer(batches))
	j := h.submit(spec("write", "a"))
	batches <- 3_000
	batches <- 0 // the lines before are written now, if not all stored
	check, last := checker(t, 10)
	if err := h.Replay(h.ctx, j.ID, 10, check); err != nil || last.Load() != 3_000 {
		t.Errorf("ended with line %d, %v", last.Load(), err)
	}
	close(batches)
	h.wait(j.ID)
}
