package job

import (
	"container/list"
	"context"
	"sync"

	"github.com/left4me/left4me/agent/internal/fault"
)

// keepChanges is the number of changed jobs that the feed remembers.
const keepChanges = 4096

// feed lets any number of subscribers follow the changes of all jobs. Each job has one place in it, that
// of its latest change, so a slow subscriber sees fewer changes but always the newest.
type feed struct {
	mu      sync.Mutex
	order   *list.List // of change, rising rev
	places  map[string]*list.Element
	rev     uint64
	floor   uint64        // rev of the newest change that was forgotten
	changed chan struct{} // closed at the next change; nil when nobody waits
}

type change struct {
	rev uint64
	job Job
}

func newFeed() *feed { return &feed{order: list.New(), places: make(map[string]*list.Element)} }

// put records the present state of l. Later calls record later states.
func (f *feed) put(l *live) {
	f.mu.Lock()
	defer f.mu.Unlock()
	job := l.snapshot()
	f.rev++
	if old, found := f.places[job.ID]; found {
		f.order.Remove(old)
	}
	f.places[job.ID] = f.order.PushBack(change{rev: f.rev, job: job})
	if f.order.Len() > keepChanges {
		oldest := f.order.Remove(f.order.Front()).(change)
		delete(f.places, oldest.job.ID)
		f.floor = oldest.rev
	}
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// now returns the position from which after continues.
func (f *feed) now() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rev
}

// after returns the jobs that changed since rev, the position reached and a channel to wait on.
func (f *feed) after(rev uint64) (jobs []Job, reached uint64, wait <-chan struct{}, behind bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if rev < f.floor {
		return nil, rev, nil, true
	}
	first := f.order.Back()
	for first != nil && first.Value.(change).rev > rev {
		first = first.Prev()
	}
	if first == nil {
		first = f.order.Front()
	} else {
		first = first.Next()
	}
	for e := first; e != nil; e = e.Next() {
		jobs = append(jobs, e.Value.(change).job)
	}
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return jobs, f.rev, f.changed, false
}

// Changes calls report with every queued and running job that matches the Subject, Label and Kind of
// filter, and then with the state of each matching job after it changed, until ctx ends or report fails;
// it returns that error. Several changes of one job may come as one. A subscriber that falls
// behind by thousands of jobs gets an Unavailable fault and starts anew.
func (r *Runner) Changes(ctx context.Context, filter Filter, report func(Job) error) error {
	rev := r.feed.now()
	for _, job := range r.unfinished() {
		if filter.matches(job) {
			if err := report(job); err != nil {
				return err
			}
		}
	}
	for {
		jobs, reached, wait, behind := r.feed.after(rev)
		if behind {
			return fault.New(fault.Unavailable, "Too many jobs changed while this reader was busy.").WithHint("Connect again.")
		}
		for _, job := range jobs {
			if filter.matches(job) {
				if err := report(job); err != nil {
					return err
				}
			}
		}
		rev = reached
		select {
		case <-wait:
		case <-r.closed:
			return errClosed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// matches compares everything of a filter that does not change while a job lives.
func (f Filter) matches(job Job) bool {
	return (f.Subject == "" || f.Subject == job.Subject) && (f.Label == "" || f.Label == job.Label) &&
		(f.Kind == "" || f.Kind == job.Kind)
}
