package ui

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Failed sign-ins that are allowed within a window, for one name and for one address.
const (
	triesPerName    = 10
	triesPerAddress = 30
	triesWindow     = 15 * time.Minute
	maxThrottled    = 10000 // entries; beyond that the oldest window is forgotten
)

// throttle counts failed sign-ins. It is safe for concurrent use.
type throttle struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[string]*tries
}

type tries struct {
	count int
	since time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, tries: map[string]*tries{}}
}

// allowed reports whether one more try may be made. It counts the try at once, so that many at the same time do not
// slip through; success takes it back with forget.
func (t *throttle) allowed(r *http.Request, name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	byName := t.count("name/" + strings.ToLower(name))
	byAddress := t.count("address/" + remote(r))
	return byName <= triesPerName && byAddress <= triesPerAddress
}

func (t *throttle) count(key string) int {
	entry := t.tries[key]
	if entry == nil || t.now().Sub(entry.since) > triesWindow {
		if len(t.tries) >= maxThrottled {
			t.sweep()
		}
		entry = &tries{since: t.now()}
		t.tries[key] = entry
	}
	entry.count++
	return entry.count
}

// sweep drops what is over, and everything if nothing is.
func (t *throttle) sweep() {
	for key, entry := range t.tries {
		if t.now().Sub(entry.since) > triesWindow {
			delete(t.tries, key)
		}
	}
	if len(t.tries) >= maxThrottled {
		clear(t.tries)
	}
}

// forget clears the counts after a success.
func (t *throttle) forget(r *http.Request, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, "name/"+strings.ToLower(name))
	delete(t.tries, "address/"+remote(r))
}

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
