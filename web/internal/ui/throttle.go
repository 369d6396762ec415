package ui

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Failed sign-ins that are allowed within a window: for one name from one address, for one name from everywhere (so
// high that somebody elsewhere does not easily lock a person out), and from one address.
const (
	triesPerPair    = 10
	triesPerName    = 100
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
	allowed := true
	for key, limit := range limits(r, name) {
		if t.count(key) > limit {
			allowed = false
		}
	}
	return allowed
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
	for key := range limits(r, name) {
		delete(t.tries, key)
	}
}

// limits returns what is counted for a try, and how much of it is allowed. Names are cut, so that nobody fills the
// memory with long ones.
func limits(r *http.Request, name string) map[string]int {
	name, address := strings.ToLower(name[:min(len(name), 64)]), remote(r)
	return map[string]int{"pair/" + address + "/" + name: triesPerPair, "name/" + name: triesPerName, "address/" + address: triesPerAddress}
}

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
