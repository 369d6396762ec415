package httpapi_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// press is a console that prints what a test says, and counts who follows it.
type press struct {
	httpapi.ServerLive
	mu        sync.Mutex
	lines     []string
	printed   chan struct{}
	followers atomic.Int32
	begun     atomic.Int32
}

func newPress(of httpapi.ServerLive) *press {
	return &press{ServerLive: of, printed: make(chan struct{})}
}

func (p *press) print(lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, lines...)
	close(p.printed)
	p.printed = make(chan struct{})
}

func (p *press) Console(ctx context.Context, _, cursor string, tail int, follow bool, report func(api.ConsoleLine, int) error) error {
	if follow {
		p.begun.Add(1)
		p.followers.Add(1)
		defer p.followers.Add(-1)
	}
	at := -1
	if cursor != "" {
		_, _ = fmt.Sscanf(cursor, "c%d", &at)
	}
	for {
		p.mu.Lock()
		if at < 0 {
			at = max(len(p.lines)-tail, 0)
		}
		lines, printed := p.lines[at:], p.printed
		p.mu.Unlock()
		for _, line := range lines {
			at++
			if err := report(api.ConsoleLine{Cursor: fmt.Sprint("c", at), Text: line}, 0); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-printed:
		case <-ctx.Done():
			return nil
		}
	}
}

// theatre is an API whose console is a press.
func theatre(t *testing.T) (*press, string) {
	t.Helper()
	var p *press
	a, _ := newAPI(t, func(config *httpapi.Config) {
		ctx := context.Background()
		if _, err := config.Services.Blueprints.Create(ctx, "ann", api.BlueprintCreate{Name: "b"}); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Services.Servers.Create(ctx, "ann", api.ServerCreate{Name: "alpha", Blueprint: "b"}); err != nil {
			t.Fatal(err)
		}
		p = newPress(config.Services.ServerLive)
		config.Services.ServerLive = p
	})
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return p, server.URL + "/v1/servers/alpha/console"
}

// texts reads data lines until the one with last, and returns them without their envelope.
func texts(t *testing.T, url, last string, headers ...string) []string {
	t.Helper()
	lines := open(t, url, headers...)
	var out []string
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			out = append(out, data)
			if strings.Contains(data, `"`+last+`"`) {
				return out
			}
		}
	}
	t.Fatalf("the stream ended before %q: %q", last, out)
	return nil
}

func TestViewersShareOneReading(t *testing.T) {
	p, url := theatre(t)
	p.print("past 1", "past 2", "past 3")
	t.Run("look", func(t *testing.T) { manyLook(t, p, url) })
	if begun := p.begun.Load(); begun != 1 {
		t.Errorf("the console was followed %d times", begun)
	}
	for end := time.Now().Add(time.Minute); p.followers.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody looks any more, and the console is still followed")
		}
	}
}

func manyLook(t *testing.T, p *press, url string) {
	var viewers sync.WaitGroup
	var ready sync.WaitGroup
	const n = 50
	ready.Add(n)
	for range n {
		viewers.Go(func() {
			lines := open(t, url+"?tail=2")
			first := until(t, lines, "data:")
			ready.Done()
			text := strings.Join(first, "\n")
			for !strings.Contains(text, `"live 999"`) && lines.Scan() {
				text += lines.Text() + "\n"
			}
			if strings.Count(text, "data:") != 2+1000 || strings.Contains(text, "past 1") || strings.Contains(text, "dropped") {
				t.Errorf("a viewer saw %d lines", strings.Count(text, "data:"))
			}
		})
	}
	ready.Wait()
	for i := range 1000 {
		p.print(fmt.Sprint("live ", i))
	}
	viewers.Wait()
}

func TestViewerResumes(t *testing.T) {
	p, url := theatre(t)
	for i := range 3000 {
		p.print(fmt.Sprint("line ", i))
	}
	follower := open(t, url+"?tail=1")
	until(t, follower, "data:")
	for cursor, want := range map[string]int{"c2990": 10, "c10": 2990} { // in the hub, and long before it
		got := texts(t, url, "line 2999", "Last-Event-ID", cursor)
		if len(got) != want {
			t.Errorf("after %s: %d lines, want %d", cursor, len(got), want)
		}
	}
	p.print("next")
	if next := until(t, follower, "data:"); !strings.Contains(next[len(next)-1], "next") {
		t.Errorf("next = %q", next)
	}
}

// A viewer that nothing of the past is shown to, of a console without one.
func TestEmptyConsole(t *testing.T) {
	for _, query := range []string{"?tail=0", "?tail=10"} {
		p, url := theatre(t)
		lines := open(t, url+query)
		until(t, lines, "retry:")
		p.print("hello " + query)
		if got := until(t, lines, "data:"); !strings.Contains(got[len(got)-1], "hello "+query) {
			t.Errorf("%s: %q", query, got)
		}
	}
}
