package job

import (
	"context"
	"fmt"
	"time"
)

// Pace of storing log lines.
const (
	flushEvery = 100 * time.Millisecond
	storeTry   = 10 * time.Second // for one transaction
	retryFirst = 100 * time.Millisecond
	retryLast  = 5 * time.Second
)

// logger takes the lines of one running job, shows them to followers at once and stores them in
// batches. Its run method is the only one that stores.
type logger struct {
	job   *live
	store LogStore
	fail  func(error) // tells the agent log
	kick  chan struct{}
	quit  chan struct{}
	ended chan struct{}

	failing bool // the last try to store failed; guarded by job.mu
	closed  bool // no line is taken any more; guarded by job.mu
}

func newLogger(job *live, store LogStore, fail func(error)) *logger {
	l := &logger{job: job, store: store, fail: fail, kick: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go l.run()
	return l
}

// add appends a line. A writer that is faster than the store waits here; while the store fails, lines
// beyond what fits into memory are counted and left out.
func (l *logger) add(level, text string) {
	j := l.job
	j.mu.Lock()
	for j.log.unstored() >= maxUnstored && !l.failing && !l.closed {
		if j.space == nil {
			j.space = make(chan struct{})
		}
		space := j.space
		j.mu.Unlock()
		<-space
		j.mu.Lock()
	}
	if !l.closed {
		l.addLocked(Line{Time: time.Now(), Level: level, Text: text})
	}
	waiting := j.log.unstored()
	j.mu.Unlock()
	if waiting == 1 || waiting >= kickLines {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	}
}

func (l *logger) addLocked(line Line) {
	b := &l.job.log
	output := line.Level == "stdout" || line.Level == "stderr" || line.Level == "debug"
	switch {
	case b.unstored() >= maxUnstored:
		b.lost++
		return
	case !b.full():
	case output || b.spare >= spareLines:
		if b.cutOff++; b.cutOff == 1 {
			l.noteLocked("The log is cut here: it reached %d lines or %d MiB. Messages of the job itself still follow.", maxLines, maxBytes>>20)
		}
		return
	default:
		b.spare++
	}
	l.lostLocked()
	b.add(line)
	l.job.wakeLocked()
}

// lostLocked says how many lines were lost, if any.
func (l *logger) lostLocked() {
	if n := l.job.log.lost; n > 0 {
		l.noteLocked("%d lines are missing here: the log could not be stored.", n)
		l.job.log.lost = 0
	}
}

// noteLocked adds a line of the log's own.
func (l *logger) noteLocked(format string, args ...any) {
	l.job.log.add(Line{Time: time.Now(), Level: "warn", Text: fmt.Sprintf(format, args...)})
	l.job.wakeLocked()
}

// close stores what is left and ends the logger. It reports whether everything is stored; drain may then
// be called to try again.
func (l *logger) close() bool {
	l.job.mu.Lock()
	l.closed = true
	if n := l.job.log.cutOff; n > 0 {
		l.noteLocked("%d lines were left out where the log was cut.", n)
	}
	l.lostLocked()
	l.job.mu.Unlock()
	close(l.quit)
	<-l.ended
	l.job.mu.Lock()
	defer l.job.mu.Unlock()
	return l.job.log.unstored() == 0
}

// run stores lines until close is called, then the rest with one last try.
func (l *logger) run() {
	defer close(l.ended)
	for {
		select {
		case <-l.kick:
		case <-l.quit:
			_ = l.drain() // what could not be stored is tried again
			return
		}
		l.gather()
		l.persist()
	}
}

// gather waits for more lines, so that a slow job makes one transaction of several lines.
func (l *logger) gather() {
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	for {
		l.job.mu.Lock()
		enough := l.job.log.unstored() >= kickLines
		l.job.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-timer.C:
			return
		case <-l.kick:
		case <-l.quit:
			return
		}
	}
}

// persist stores all lines that wait, and keeps trying while the store fails.
func (l *logger) persist() {
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		err := l.drain()
		if err == nil {
			return
		}
		l.fail(err)
		select {
		case <-time.After(wait):
		case <-l.quit:
			return
		}
	}
}

// drain stores batches until none is left or one fails.
func (l *logger) drain() error {
	for {
		l.job.mu.Lock()
		id, lines := l.job.job.ID, l.job.log.pending(batchLines)
		l.job.mu.Unlock()
		if len(lines) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTry)
		err := l.store.AddLines(ctx, id, lines)
		cancel()
		l.job.mu.Lock()
		l.failing = err != nil
		if err == nil {
			l.job.log.markStored(lines[len(lines)-1].Seq)
		}
		if l.job.space != nil {
			close(l.job.space)
			l.job.space = nil
		}
		l.job.mu.Unlock()
		if err != nil {
			return err
		}
	}
}
