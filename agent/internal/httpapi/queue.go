package httpapi

import (
	"context"
	"sync"
	"time"
)

// frame is one server-sent event before it is written. dropped counts what was lost right before it; a
// frame without a name says only that.
type frame struct {
	name    string
	id      string
	data    []byte
	dropped int
}

// queue holds what one reader has still to get. It is bounded: a full queue holds up its source for a
// while, then drops what comes until there is room. An empty one takes almost no memory.
type queue struct {
	limits  StreamLimits
	mu      sync.Mutex
	frames  []frame
	bytes   int
	dropped int           // since the last frame that got in
	stalled bool          // the source waited in vain once: it does not wait again before there is room
	ready   chan struct{} // capacity 1: something to take
	room    chan struct{} // capacity 1: something was taken
}

func newQueue(limits StreamLimits) *queue {
	return &queue{limits: limits, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds f, waits for room, or drops it. It fails only when ctx ends. One goroutine puts.
func (q *queue) put(ctx context.Context, f frame) error {
	if q.tryPut(f) {
		return ctx.Err()
	}
	if q.isStalled() {
		q.drop(f)
		return ctx.Err()
	}
	timer := time.NewTimer(q.limits.Stall)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.room:
			if q.tryPut(f) {
				return nil
			}
		case <-timer.C:
			q.drop(f)
			return nil
		}
	}
}

func (q *queue) tryPut(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := len(q.frames) >= q.limits.Items || q.bytes+len(f.data) > q.limits.Bytes
	if full && len(q.frames) > 0 {
		return false
	}
	f.dropped += q.dropped
	q.dropped, q.stalled = 0, false
	q.frames = append(q.frames, f)
	q.bytes += len(f.data)
	signal(q.ready)
	return true
}

func (q *queue) drop(f frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += 1 + f.dropped
	q.stalled = true
}

func (q *queue) isStalled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stalled
}

// take removes everything. When nothing is left to come, last is true and what was dropped at the end
// is told too.
func (q *queue) take(last bool) []frame {
	q.mu.Lock()
	defer q.mu.Unlock()
	frames := q.frames
	if last && q.dropped > 0 {
		frames = append(frames, frame{dropped: q.dropped})
		q.dropped = 0
	}
	q.frames, q.bytes = nil, 0
	signal(q.room)
	return frames
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
