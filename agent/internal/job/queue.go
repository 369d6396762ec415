package job

import (
	"context"
	"slices"
)

// lane is the line of jobs of one subject.
type lane struct {
	busy    bool // one of them runs
	waiting []*live
}

// load takes in the jobs that were queued since the last time.
func (r *Runner) load(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if !r.serving() {
		return nil
	}
	jobs, position, err := r.Store.Pending(ctx, r.position)
	if err != nil {
		return err
	}
	r.position = position
	for _, job := range jobs {
		job.Steps = pendingSteps(r.handlers[job.Kind].Steps)
		l := newLive(job)
		r.feed.put(l)
		r.mu.Lock()
		if r.state == started {
			r.jobs[job.ID] = l
			r.admitLocked(l)
		}
		r.mu.Unlock()
	}
	return nil
}

func (r *Runner) serving() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == started
}

func pendingSteps(names []string) []Step {
	steps := make([]Step, len(names))
	for i, name := range names {
		steps[i] = Step{Name: name, Status: StepPending}
	}
	return steps
}

// admitLocked starts an urgent job, and puts any other one into the lane of its subject.
func (r *Runner) admitLocked(l *live) {
	job := l.snapshot()
	if job.Urgent {
		r.launchLocked(l)
		return
	}
	line := r.lanes[job.Subject]
	if line == nil {
		line = &lane{}
		r.lanes[job.Subject] = line
	}
	line.waiting = append(line.waiting, l)
	if !line.busy && len(line.waiting) == 1 {
		r.ready = append(r.ready, l)
	}
	r.scheduleLocked()
}

// scheduleLocked gives free slots away: first to running jobs that come back, then to new ones.
func (r *Runner) scheduleLocked() {
	for r.active < r.Workers {
		if len(r.resuming) > 0 {
			r.takeLocked(r.resuming[0].job)
			close(r.resuming[0].turn)
			r.resuming = r.resuming[1:]
			continue
		}
		if len(r.ready) == 0 || r.state != started {
			return
		}
		l := r.ready[0]
		r.ready = r.ready[1:]
		line := r.lanes[l.snapshot().Subject]
		line.busy, line.waiting = true, line.waiting[1:]
		r.takeLocked(l)
		r.launchLocked(l)
	}
}

func (r *Runner) takeLocked(l *live) {
	l.slot = true
	r.active++
}

func (r *Runner) launchLocked(l *live) {
	l.started = true
	r.work.Go(func() {
		defer r.release(l)
		r.execute(l)
	})
}

// release gives back what a job held and lets the next one of its subject come forward.
func (r *Runner) release(l *live) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.slot {
		l.slot = false
		r.active--
	}
	if !l.snapshot().Urgent {
		subject := l.snapshot().Subject
		r.lanes[subject].busy = false
		r.offerLocked(subject)
	}
	r.scheduleLocked()
}

// offerLocked makes the first waiting job of a free lane ready.
func (r *Runner) offerLocked(subject string) {
	line := r.lanes[subject]
	switch {
	case line.busy:
	case len(line.waiting) > 0:
		r.ready = append(r.ready, line.waiting[0])
	default:
		delete(r.lanes, subject)
	}
}

// withdraw takes a job out of its lane. It reports whether the job had not been started.
func (r *Runner) withdraw(l *live) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.started {
		return false
	}
	l.started = true // it never will be
	subject := l.snapshot().Subject
	line := r.lanes[subject]
	line.waiting = slices.DeleteFunc(line.waiting, func(other *live) bool { return other == l })
	if i := slices.Index(r.ready, l); i >= 0 {
		r.ready = slices.Delete(r.ready, i, i+1)
		r.offerLocked(subject)
		r.scheduleLocked()
	} else if !line.busy && len(line.waiting) == 0 {
		delete(r.lanes, subject)
	}
	return true
}

// waiter is a running job that wants back the slot it gave up.
type waiter struct {
	job  *live
	turn chan struct{} // closed when it has one
}

// pause gives up the slot of a running job and reports whether it had one.
func (r *Runner) pause(l *live) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.slot {
		return false
	}
	l.slot = false
	r.active--
	r.scheduleLocked()
	return true
}

// resume waits for a slot again. When ctx ends it takes one beyond the limit, so that a canceled job can
// clean up.
func (r *Runner) resume(ctx context.Context, l *live) {
	me := waiter{job: l, turn: make(chan struct{})}
	r.mu.Lock()
	r.resuming = append(r.resuming, me)
	r.scheduleLocked()
	r.mu.Unlock()
	select {
	case <-me.turn:
		return
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.resuming, me); i >= 0 {
		r.resuming = slices.Delete(r.resuming, i, i+1)
		r.takeLocked(l)
	}
}
