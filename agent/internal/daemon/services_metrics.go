package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/exposition"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/metrics"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/version"
)

// figures serves httpapi.Metrics.
type figures struct {
	*Agent
	scrape http.Handler
}

var _ httpapi.Metrics = figures{}

func newFigures(a *Agent) figures {
	return figures{Agent: a, scrape: exposition.Handler(exposition.Sources{Recorder: a.recorder, Servers: a.servers.ObserveAll,
		Jobs: a.unfinishedJobs, Plugins: a.workingPlugins, Version: version.Version})}
}

func (f figures) Server(ctx context.Context, name string, last time.Duration) (api.Series, error) {
	s, err := f.db.ServerByName(ctx, name)
	if err != nil {
		return api.Series{}, err
	}
	out := newSeries("cpu", "memory", "tasks", "read", "write", "players", "slots", "tick", "in", "out")
	for _, p := range f.recorder.Server(s.ID, time.Now().Add(-last)) {
		out.add(p.At, p.CPU, p.Memory, p.Tasks, p.Read, p.Write, p.Players, p.Slots, p.Tick, p.In, p.Out)
	}
	return out.Series, nil
}

func (f figures) Host(_ context.Context, last time.Duration) (api.Series, error) {
	out := newSeries("cpu", "load", "memory_used", "memory_total", "disk_free", "disk_total", "in", "out")
	for _, p := range f.recorder.HostSince(time.Now().Add(-last)) {
		out.add(p.At, p.CPU, p.Load, p.MemoryUsed, p.MemoryTotal, p.DiskFree, p.DiskTotal, p.In, p.Out)
	}
	return out.Series, nil
}

func (f figures) Exposition() http.Handler { return f.scrape }

// columns is a series that is being filled.
type columns struct {
	api.Series
	names []string
}

func newSeries(names ...string) *columns {
	c := &columns{names: names, Series: api.Series{Times: []int64{}, Values: map[string][]*float64{}}}
	for _, name := range names {
		c.Values[name] = []*float64{}
	}
	return c
}

// add appends one row, in the order of the names.
func (c *columns) add(at time.Time, values ...float64) {
	c.Times = append(c.Times, at.Unix())
	for i, value := range values {
		var cell *float64
		if value != metrics.Unknown {
			cell = &value
		}
		c.Values[c.names[i]] = append(c.Values[c.names[i]], cell)
	}
}

// measured is what the recorder sees of the servers.
type measured struct {
	*server.Manager
	game *game
}

// Figures implements metrics.Servers.
func (m measured) Figures(ctx context.Context, s server.Server) (metrics.GameFigures, error) {
	stats, err := m.game.stats(ctx, s.Port, s.RCONPassword)
	if err != nil {
		return metrics.GameFigures{}, err
	}
	return metrics.GameFigures{Tick: stats.Tick, In: stats.NetIn, Out: stats.NetOut}, nil
}

// stats asks a game for its own figures.
func (g *game) stats(ctx context.Context, port int, password string) (query.Stats, error) {
	text, err := g.ask(ctx, port, password, "stats")
	if err != nil {
		return query.Stats{}, err
	}
	return query.ParseStats(text)
}

func (a *Agent) unfinishedJobs(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	for _, status := range []job.Status{job.Queued, job.Running} {
		found, err := a.runner.List(ctx, job.Filter{Status: status, Limit: 1000})
		if err != nil {
			return nil, err
		}
		out[string(status)] = len(found)
	}
	return out, nil
}

func (a *Agent) workingPlugins() map[string]bool {
	out := map[string]bool{}
	for _, p := range a.plugins.List() {
		if p.Enabled {
			out[p.Name] = p.State == pluginhost.Ready
		}
	}
	return out
}
