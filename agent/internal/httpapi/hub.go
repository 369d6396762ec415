package httpapi

import (
	"context"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// A hub keeps the newest lines of one console, encoded once, for all who follow it. Each viewer has a place in it and
// nothing else, so a thousand viewers cost little more memory than one. Who falls behind by more than a hub holds is
// told how many lines were lost.
const (
	hubLines = 16_384
	hubBytes = 8 << 20
	// hubTail is how far back a hub begins, so that most viewers find their last line in it.
	hubTail = 1000
	// hubBatch is how many lines a viewer takes at once.
	hubBatch = 128
	// hubPatience is how long a viewer waits for its last line to come by, before it reads on its own.
	hubPatience = 2 * time.Second
)

// hubs holds the hubs that somebody looks at, by server. It is safe for concurrent use.
type hubs struct {
	live ServerLive

	mu      sync.Mutex
	servers map[string]*hub
}

func newHubs(live ServerLive) *hubs { return &hubs{live: live, servers: map[string]*hub{}} }

// hub is one console. Places count lines since it began.
type hub struct {
	cancel context.CancelFunc
	filled chan struct{} // closed when nothing reads for it any more
	users  int           // guarded by hubs.mu

	mu      sync.Mutex
	frames  []frame // places first … first+len-1
	first   int64
	bytes   int
	changed chan struct{} // closed and replaced with each line
	ended   bool
	err     error
}

// join returns the hub of a server and begins it for its first viewer.
func (h *hubs) join(name string) *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.servers[name]
	if one == nil {
		ctx, cancel := context.WithCancel(context.Background())
		one = &hub{cancel: cancel, filled: make(chan struct{}), changed: make(chan struct{})}
		h.servers[name] = one
		go one.fill(ctx, h.live, name)
	}
	one.users++
	return one
}

// leave ends the hub with its last viewer, and returns when nothing of it is left. One that has ended by itself is made
// anew for the next viewer.
func (h *hubs) leave(name string, one *hub) {
	h.mu.Lock()
	one.users--
	last := one.users == 0
	if h.servers[name] == one && (last || one.over()) {
		delete(h.servers, name)
	}
	h.mu.Unlock()
	if last {
		one.cancel()
		<-one.filled
	}
}

func (h *hub) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// fill reads the console until ctx ends.
func (h *hub) fill(ctx context.Context, live ServerLive, name string) {
	defer close(h.filled)
	err := guarded(func() error {
		return live.Console(ctx, name, "", hubTail, true, func(line api.ConsoleLine, dropped int) error {
			f, err := consoleFrame(line, dropped)
			if err == nil {
				h.add(f)
			}
			return err
		})
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended, h.err = true, err
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hub) add(f frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frames = append(h.frames, f)
	h.bytes += len(f.data)
	if over := len(h.frames) - hubLines; over > 0 || h.bytes > hubBytes {
		h.trim(max(over, 1))
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// trim forgets the oldest lines: n and as many more as the bytes ask for. The backing array moves now and then only.
func (h *hub) trim(n int) {
	gone := 0
	for ; gone < len(h.frames) && (gone < n || h.bytes > hubBytes); gone++ {
		h.bytes -= len(h.frames[gone].data)
		h.frames[gone] = frame{}
	}
	h.frames = h.frames[gone:]
	h.first += int64(gone)
}

// take appends up to hubBatch lines from place on to into. It returns where to go on, how many were missed, and what to
// wait for when there are none.
func (h *hub) take(place int64, into []frame) (frames []frame, next int64, missed int, wait <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if place < h.first {
		missed, place = int(h.first-place), h.first
	}
	from := h.frames[min(int(place-h.first), len(h.frames)):]
	from = from[:min(len(from), hubBatch)]
	return append(into, from...), place + int64(len(from)), missed, h.changed
}

// end tells whether the console is over, and why.
func (h *hub) end() (over bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended, h.err
}

// edges returns the places of the oldest line and of the next one to come.
func (h *hub) edges() (first, next int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first, h.first + int64(len(h.frames))
}

// after returns the place behind the line with a cursor.
func (h *hub) after(cursor string) (place int64, ok bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.frames) - 1; i >= 0; i-- {
		if h.frames[i].id == cursor {
			return h.first + int64(i) + 1, true, h.changed
		}
	}
	return 0, false, h.changed
}

// find waits a little until the line with a cursor comes by.
func (h *hub) find(ctx context.Context, cursor string) (place int64, ok bool) {
	patience := time.NewTimer(hubPatience)
	defer patience.Stop()
	for {
		place, ok, changed := h.after(cursor)
		if over, _ := h.end(); ok || over {
			return place, ok
		}
		select {
		case <-changed:
		case <-patience.C:
			return 0, false
		case <-ctx.Done():
			return 0, false
		}
	}
}
