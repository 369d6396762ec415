package ui_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// However many people look at a server, the panel holds one stream of its console and one of the host's events, and nobody misses
// a line. Shows S14.
func TestViewersShareOneUpstream(t *testing.T) {
	const viewers = 1000
	p := signedIn(t)
	p.seed()
	p.agent.Print("alpha", "before")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // so that a silent stream fails the test
	defer cancel()
	transport := p.browser.Transport.(*http.Transport)
	transport.MaxConnsPerHost = 0
	var reading sync.WaitGroup
	var begun, told atomic.Int32
	allBegun := make(chan struct{})
	for i := range viewers {
		path, first, last := "/hosts/local/servers/alpha/stream", `"before"`, `"after"`
		if i%10 == 0 {
			path, first, last = "/hosts/local/stream?after=0", "server/alpha", "the last event"
		}
		reading.Go(func() {
			response, err := p.browser.Do(p.request(http.MethodGet, path, nil).WithContext(ctx))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			lines := bufio.NewScanner(response.Body)
			seen := 0
			for lines.Scan() {
				if seen == 0 && strings.Contains(lines.Text(), first) {
					seen = 1
					if begun.Add(1) == viewers {
						close(allBegun)
					}
				}
				if strings.Contains(lines.Text(), last) {
					told.Add(1)
					return
				}
			}
			t.Errorf("a stream of %s ended early: %v", path, lines.Err())
		})
	}
	select {
	case <-allBegun:
	case <-ctx.Done():
		t.Fatalf("only %d viewers were served", begun.Load())
	}
	p.agent.Print("alpha", "after")
	p.agent.Record("test", "server/alpha", "", "the last event")
	reading.Wait()
	if told.Load() != viewers {
		t.Errorf("%d of %d viewers were told", told.Load(), viewers)
	}
	consoles, events := 0, 0
	for _, request := range p.agent.Requests() {
		if strings.Contains(request, "/servers/alpha/console") {
			consoles++
		}
		if strings.Contains(request, "/events/stream") {
			events++
		}
	}
	if consoles > 2 || events > 1 { // a console's past, and then its stream
		t.Errorf("the agent was asked %d times for the console and %d times for events", consoles, events)
	}
}
