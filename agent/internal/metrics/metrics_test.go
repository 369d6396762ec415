package metrics_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/internal/metrics"
	"github.com/left4me/left4me/agent/internal/server"
)

// lab is a host with one server whose figures rise evenly.
type lab struct {
	mu      sync.Mutex
	begin   time.Time
	pid     int
	players int
	gone    bool
	asked   int
	sick    bool
}

func (l *lab) ObserveAll(context.Context) ([]server.Observed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return nil, nil
	}
	v := server.Observed{Server: server.Server{ID: "s", Name: "alpha"}, Unit: server.UnitStatus{State: server.UnitActive, PID: l.pid},
		Live: &server.Live{Players: l.players, MaxPlayers: 8}}
	return []server.Observed{v, {Server: server.Server{ID: "off"}}}, nil
}

func (l *lab) Figures(context.Context, server.Server) (metrics.GameFigures, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.sick {
		return metrics.GameFigures{}, errors.New("no answer")
	}
	return metrics.GameFigures{Tick: 30, In: 100, Out: 500}, nil
}

// Usage: half a processor, 1 MiB/s written.
func (l *lab) Usage(_ context.Context, id string) (server.Usage, error) {
	if id != "s" {
		return server.Usage{}, errors.New("it does not run")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	since := time.Since(l.begin)
	return server.Usage{Memory: 100 << 20, CPU: since / 2, Tasks: 9, ReadBytes: -1, WriteBytes: int64(since.Seconds() * (1 << 20))}, nil
}

func (l *lab) Measure(context.Context) (metrics.HostSample, error) {
	return metrics.HostSample{CPU: 42, In: metrics.Unknown}, nil
}

// watched runs check in a bubble while a recorder measures.
func watched(t *testing.T, check func(l *lab, r *metrics.Recorder)) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{begin: time.Now(), pid: 1, players: 2}
		r := metrics.New(metrics.Options{Servers: l, Meter: l, Host: l})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = r.Watch(ctx) }()
		synctest.Wait()
		check(l, r)
		cancel()
		<-ended
	})
}

// pass lets time go by, and everything that it brings.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// questions is how often the game was asked.
func (l *lab) questions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

func TestFigures(t *testing.T) {
	watched(t, func(_ *lab, r *metrics.Recorder) {
		pass(metrics.Every + time.Second)
		got := r.Server("s", time.Time{})
		if len(got) != 2 || got[0].CPU != metrics.Unknown {
			t.Fatalf("samples = %+v; the first knows no rate", got)
		}
		s := got[1]
		if s.CPU < 49.9 || s.CPU > 50.1 || s.Memory != 100<<20 || s.Read != metrics.Unknown || s.Write < 1<<20-1 || s.Players != 2 ||
			s.Slots != 8 || s.Tick != 30 || s.Out != 500 {
			t.Errorf("sample = %+v", s)
		}
		latest, host := r.Latest()
		if len(latest) != 1 || host == nil || host.CPU != 42 {
			t.Errorf("latest = %+v, %+v", latest, host)
		}
	})
}

// The game is asked once a minute, and only while somebody plays: each question leaves a line in its console.
func TestGameIsAskedSeldom(t *testing.T) {
	watched(t, func(l *lab, _ *metrics.Recorder) {
		pass(10*time.Minute - time.Second)
		if l.questions() != 10 {
			t.Errorf("asked %d times in ten minutes", l.questions())
		}
		l.mu.Lock()
		l.players = 0
		l.mu.Unlock()
		pass(10 * time.Minute)
		if l.questions() != 10 {
			t.Errorf("asked %d times although nobody plays", l.questions())
		}
	})
}

// An hour of points, a day of means, and never more memory than that.
func TestADayIsKept(t *testing.T) {
	watched(t, func(_ *lab, r *metrics.Recorder) {
		pass(49 * time.Hour)
		got := r.Server("s", time.Time{})
		if len(got) < 720+270 || len(got) > 720+288 {
			t.Errorf("%d samples after two days", len(got))
		}
		for i := 1; i < len(got); i++ {
			if !got[i].At.After(got[i-1].At) {
				t.Fatalf("sample %d is at %v, after %v", i, got[i].At, got[i-1].At)
			}
			if got[i].CPU < 49.9 || got[i].CPU > 50.1 || got[i].Read != metrics.Unknown {
				t.Fatalf("sample %d = %+v", i, got[i])
			}
		}
		if old := time.Since(got[0].At); old < 22*time.Hour || old > 26*time.Hour {
			t.Errorf("the oldest sample is %v old", old)
		}
		if last := r.Server("s", time.Now().Add(-time.Minute)); len(last) != 12 && len(last) != 13 {
			t.Errorf("%d samples of the last minute", len(last))
		}
		if host := r.HostSince(time.Now().Add(-2 * time.Hour)); len(host) < 720+10 {
			t.Errorf("%d samples of the host in two hours", len(host))
		}
	})
}

func TestNewProcessAndGoneServer(t *testing.T) {
	watched(t, func(l *lab, r *metrics.Recorder) {
		pass(time.Minute)
		l.mu.Lock()
		l.pid, l.begin = 2, time.Now() // its counters begin anew
		l.mu.Unlock()
		pass(metrics.Every)
		if got := r.Server("s", time.Now().Add(-metrics.Every)); len(got) == 0 || got[len(got)-1].CPU != metrics.Unknown {
			t.Errorf("after a restart: %+v", got)
		}
		l.mu.Lock()
		l.gone = true
		l.mu.Unlock()
		pass(metrics.Every)
		if got := r.Server("s", time.Time{}); got != nil {
			t.Errorf("a deleted server is remembered: %d samples", len(got))
		}
	})
}

func TestGameThatDoesNotAnswer(t *testing.T) {
	watched(t, func(l *lab, r *metrics.Recorder) {
		l.mu.Lock()
		l.sick = true
		l.mu.Unlock()
		pass(2 * time.Minute)
		got := r.Server("s", time.Time{})
		if s := got[len(got)-1]; s.Tick != metrics.Unknown || s.Players != 2 {
			t.Errorf("sample = %+v; what the game once said does not hold for ever", s)
		}
	})
}
