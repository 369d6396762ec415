package job

import "context"

// pageLines is how many lines a follower takes at once.
const pageLines = 500

// Watch receives what happens to one job. Fields may be nil. An error ends the watching.
type Watch struct {
	Line func(Line) error
	Job  func(Job) error
}

// Follow reports the log of a job, from the line after Seq after on, and the job itself at once and
// whenever it changed. It first replays what is recorded, then goes on live, without gap or
// duplicate, and returns nil after the last line and the final state. However slow the reader is,
// nothing is lost: it reads from the store what is no longer in memory. Several changes of the job may come as one.
func (r *Runner) Follow(ctx context.Context, id string, after int64, watch Watch) error {
	l, job, err := r.find(ctx, id)
	if err != nil {
		return err
	}
	if l != nil {
		return r.followLive(ctx, l, after, watch, false)
	}
	if watch.Line != nil {
		if err := r.Replay(ctx, id, after, watch.Line); err != nil {
			return err
		}
	}
	if watch.Job != nil {
		return watch.Job(job)
	}
	return nil
}

// Replay reports the lines that a job's log has so far, from the line after Seq after on.
func (r *Runner) Replay(ctx context.Context, id string, after int64, report func(Line) error) error {
	if l := r.held(id); l != nil {
		return r.followLive(ctx, l, after, Watch{Line: report}, true)
	}
	if _, err := r.Store.Job(ctx, id); err != nil {
		return err
	}
	for {
		lines, err := r.Store.Lines(ctx, id, after, pageLines)
		if err != nil || len(lines) == 0 {
			return err
		}
		if after, err = each(lines, after, report); err != nil {
			return err
		}
	}
}

// view is one look at a live job.
type view struct {
	lines   []Line
	behind  bool // older lines are needed, which only the store has
	first   int64
	job     Job
	version uint64
	wait    <-chan struct{}
}

func (l *live) look(after int64) view {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, inMemory := l.log.after(after, pageLines)
	return view{lines: lines, behind: !inMemory, first: l.log.first(), job: l.job, version: l.version, wait: l.waitLocked()}
}

// followLive reports until the job is final, or with once until nothing more is there.
func (r *Runner) followLive(ctx context.Context, l *live, after int64, watch Watch, once bool) error {
	var seen uint64
	for {
		v := l.look(after)
		if watch.Line == nil {
			v.lines, v.behind = nil, false
		}
		drained := len(v.lines) == 0 && !v.behind
		if v.version != seen && watch.Job != nil && (drained || !v.job.Status.Final()) {
			if err := watch.Job(v.job); err != nil {
				return err
			}
			seen = v.version
		}
		if drained {
			if once || v.job.Status.Final() {
				return nil
			}
			if err := r.await(ctx, v.wait); err != nil {
				return err
			}
			continue
		}
		var err error
		if after, err = r.report(ctx, v, after, watch.Line); err != nil {
			return err
		}
	}
}

// report hands on the lines of v, or those of the store that come before them.
func (r *Runner) report(ctx context.Context, v view, after int64, line func(Line) error) (int64, error) {
	if !v.behind {
		return each(v.lines, after, line)
	}
	lines, err := r.Store.Lines(ctx, v.job.ID, after, pageLines)
	if err != nil {
		return after, err
	}
	if len(lines) == 0 {
		return v.first - 1, nil
	}
	return each(lines, after, line)
}

func (r *Runner) await(ctx context.Context, wait <-chan struct{}) error {
	select {
	case <-wait:
		return nil
	case <-r.closed:
		select {
		case <-wait: // the end of the job came first
			return nil
		default:
			return errClosed()
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

func each(lines []Line, after int64, report func(Line) error) (int64, error) {
	for _, line := range lines {
		if err := report(line); err != nil {
			return after, err
		}
		after = line.Seq
	}
	return after, nil
}
