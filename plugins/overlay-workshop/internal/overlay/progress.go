package overlay

import (
	"fmt"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk/builder"
)

// interval between two progress events.
const interval = 250 * time.Millisecond

// progress adds up the bytes of several items and reports them now and then. A download that starts again lowers
// nothing: what was reported stays. It is safe for concurrent use.
type progress struct {
	events builder.Events
	phase  string
	total  uint64

	mu       sync.Mutex
	have     map[*item]int64
	sum      int64
	reported uint64
	last     time.Time
}

func newProgress(events builder.Events, phase string, total uint64) *progress {
	events.Progress(builder.Progress{Phase: phase, Unit: builder.Bytes, Total: total})
	return &progress{events: events, phase: phase, total: total, have: make(map[*item]int64), last: time.Now()}
}

// set notes how much of an item is there.
func (p *progress) set(one *item, have int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sum += have - p.have[one]
	p.have[one] = have
	if now := time.Now(); now.Sub(p.last) >= interval {
		p.last = now
		p.send(one.label())
	}
}

// flush reports the end.
func (p *progress) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(fmt.Sprintf("%d items", len(p.have)))
}

// send reports the sum. The caller holds the lock.
func (p *progress) send(message string) {
	done := max(p.reported, uint64(max(p.sum, 0)))
	if p.total > 0 {
		done = min(done, p.total)
	}
	p.reported = done
	p.events.Progress(builder.Progress{Phase: p.phase, Unit: builder.Bytes, Done: done, Total: p.total, Message: message})
}
