package pluginhost

import "sync"

// notifier tells any number of waiting goroutines that something changed. The zero value is ready.
type notifier struct {
	mu      sync.Mutex
	changed chan struct{}
}

// wait returns a channel that the next wake closes.
func (n *notifier) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	return n.changed
}

func (n *notifier) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}
