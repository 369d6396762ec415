// Package metrics measures servers and their host over time, and keeps the last day in memory.
//
// Every few seconds each running server is measured: what its processes take by the supervisor, who plays by the poll
// that is there anyway, tick rate and network by the game itself. Points of the last hour are kept as they came, older
// ones as means. Nothing is stored: after a restart of the agent the curves begin anew. Who wants more than a day
// lets Prometheus read.
package metrics

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// How often is measured, and how much is kept: an hour of single points, a day of means.
const (
	Every      = 5 * time.Second
	finePoints = 720
	perCoarse  = 60 // points of Every in a mean: five minutes
	coarse     = 288
	// gameEvery is how often a game is asked for its own figures: that leaves a line in its console.
	gameEvery = time.Minute
)

// Unknown stands for a figure that nobody could tell.
const Unknown = -1

// Sample is one measurement of a server.
type Sample struct {
	At      time.Time
	CPU     float64 // percent of one processor
	Memory  float64 // bytes
	Tasks   float64 // threads
	Read    float64 // bytes per second from disks
	Write   float64 // bytes per second to disks
	Players float64 // people
	Slots   float64
	Tick    float64 // ticks per second
	In      float64 // bytes per second from players
	Out     float64 // bytes per second to players
}

// figures gives every figure of a sample a place, for means.
func (s *Sample) figures() []*float64 {
	return []*float64{&s.CPU, &s.Memory, &s.Tasks, &s.Read, &s.Write, &s.Players, &s.Slots, &s.Tick, &s.In, &s.Out}
}

// HostSample is one measurement of the host.
type HostSample struct {
	At          time.Time
	CPU         float64 // percent of all processors
	Load        float64 // of the last minute
	MemoryUsed  float64 // bytes that cannot be given to others
	MemoryTotal float64
	DiskFree    float64 // bytes of the file system with the state
	DiskTotal   float64
	In          float64 // bytes per second over all interfaces but loopback
	Out         float64
}

func (s *HostSample) figures() []*float64 {
	return []*float64{&s.CPU, &s.Load, &s.MemoryUsed, &s.MemoryTotal, &s.DiskFree, &s.DiskTotal, &s.In, &s.Out}
}

// GameFigures are what a game says about itself.
type GameFigures struct {
	Tick    float64 // ticks per second
	In, Out float64 // bytes per second
}

// Servers is what is needed of the servers. Implementations are safe for concurrent use.
type Servers interface {
	// ObserveAll returns all servers.
	ObserveAll(ctx context.Context) ([]server.Observed, error)
	// Figures asks a running game. The error is for one that does not answer.
	Figures(ctx context.Context, s server.Server) (GameFigures, error)
}

// Host measures the machine. Rates are since the last call. Implementations need not be safe for concurrent use.
type Host interface {
	Measure(ctx context.Context) (HostSample, error)
}

// Options of a Recorder. Servers, Meter and Host are required.
type Options struct {
	Servers Servers
	Meter   server.Meter
	Host    Host
	Log     *slog.Logger
	Now     func() time.Time
}

// Recorder measures and remembers. It is safe for concurrent use.
type Recorder struct {
	Options
	mu      sync.Mutex
	servers map[string]*track
	host    series[HostSample, *HostSample]
	failing bool
}

// track is what is remembered about one server.
type track struct {
	series  series[Sample, *Sample]
	last    server.Usage
	lastAt  time.Time
	pid     int
	figures GameFigures
	asked   time.Time
}

// New returns a Recorder that measures nothing until Watch.
func New(options Options) *Recorder {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Recorder{Options: options, servers: map[string]*track{}}
}

// Watch measures until ctx ends. Call it once.
func (r *Recorder) Watch(ctx context.Context) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		if err := r.measure(ctx); err != nil && ctx.Err() == nil {
			if !r.failing {
				r.Log.Warn("measure", "error", err)
			}
			r.failing = true
		} else {
			r.failing = false
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Recorder) measure(ctx context.Context) error {
	if sample, err := r.Host.Measure(ctx); err == nil {
		sample.At = r.Now()
		r.mu.Lock()
		r.host.add(sample)
		r.mu.Unlock()
	} else {
		return err
	}
	servers, err := r.Servers.ObserveAll(ctx)
	if err != nil {
		return err
	}
	var asking sync.WaitGroup
	for _, v := range servers {
		if v.Unit.State == server.UnitActive {
			asking.Go(func() { r.measureServer(ctx, v) })
		}
	}
	asking.Wait()
	r.forget(servers)
	return nil
}

// forget drops what is remembered of servers that are gone.
func (r *Recorder) forget(servers []server.Observed) {
	there := map[string]bool{}
	for _, v := range servers {
		there[v.ID] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.servers, func(id string, _ *track) bool { return !there[id] })
}

func (r *Recorder) measureServer(ctx context.Context, v server.Observed) {
	ctx, cancel := context.WithTimeout(ctx, Every-time.Second)
	defer cancel()
	usage, err := r.Meter.Usage(ctx, v.ID)
	if err != nil {
		return // it ended meanwhile
	}
	r.mu.Lock()
	t := r.servers[v.ID]
	if t == nil || t.pid != v.Unit.PID {
		series := series[Sample, *Sample]{}
		if t != nil {
			series = t.series
		}
		t = &track{series: series, pid: v.Unit.PID, figures: GameFigures{Tick: Unknown, In: Unknown, Out: Unknown}}
		r.servers[v.ID] = t
	}
	ask := v.Live != nil && v.Live.Players > 0 && r.Now().Sub(t.asked) >= gameEvery
	r.mu.Unlock()
	var figures GameFigures
	var asked error
	if ask {
		figures, asked = r.Servers.Figures(ctx, v.Server)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if ask {
		t.asked = r.Now()
		if t.figures = figures; asked != nil {
			t.figures = GameFigures{Tick: Unknown, In: Unknown, Out: Unknown}
		}
	}
	t.add(r.Now(), usage, v.Live)
}

// add makes a sample of what was measured now and before.
func (t *track) add(now time.Time, usage server.Usage, live *server.Live) {
	s := Sample{At: now, CPU: Unknown, Memory: float64(usage.Memory), Tasks: float64(usage.Tasks), Read: Unknown, Write: Unknown,
		Players: Unknown, Slots: Unknown, Tick: Unknown, In: Unknown, Out: Unknown}
	if seconds := now.Sub(t.lastAt).Seconds(); !t.lastAt.IsZero() && seconds > 0 {
		s.CPU = rate(usage.CPU.Seconds(), t.last.CPU.Seconds(), seconds) * 100
		s.Read = rate(float64(usage.ReadBytes), float64(t.last.ReadBytes), seconds)
		s.Write = rate(float64(usage.WriteBytes), float64(t.last.WriteBytes), seconds)
	}
	if live != nil {
		s.Players, s.Slots = float64(live.Players), float64(live.MaxPlayers)
		if live.Players > 0 { // an empty game sleeps: its last figures say nothing
			s.Tick, s.In, s.Out = t.figures.Tick, t.figures.In, t.figures.Out
		}
	}
	t.last, t.lastAt = usage, now
	t.series.add(s)
}

// rate is the rise of a counter per second; Unknown when either end is, or when the counter began anew.
func rate(now, before, seconds float64) float64 {
	if now < 0 || before < 0 || now < before {
		return Unknown
	}
	return (now - before) / seconds
}

// Server returns the samples of a server since a time, oldest first: means as far back as there are no single points.
func (r *Recorder) Server(id string, since time.Time) []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.servers[id]
	if t == nil {
		return nil
	}
	return t.series.since(since)
}

// HostSince returns the samples of the host since a time, oldest first.
func (r *Recorder) HostSince(since time.Time) []HostSample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.host.since(since)
}

// Latest returns the newest sample of each server by id, as far as they are not older than a minute, and of the host.
func (r *Recorder) Latest() (map[string]Sample, *HostSample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.Now().Add(-time.Minute)
	out := map[string]Sample{}
	for id, t := range r.servers {
		if s := t.series.last(); s != nil && s.At.After(limit) {
			out[id] = *s
		}
	}
	if h := r.host.last(); h != nil && h.At.After(limit) {
		host := *h
		return out, &host
	}
	return out, nil
}
