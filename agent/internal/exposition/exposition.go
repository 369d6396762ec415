// Package exposition shows what the agent measures the way Prometheus reads it.
package exposition

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/left4me/left4me/agent/internal/metrics"
	"github.com/left4me/left4me/agent/internal/server"
)

// Sources are what is shown.
type Sources struct {
	Recorder *metrics.Recorder
	Servers  func(ctx context.Context) ([]server.Observed, error)
	// Jobs returns how many jobs are in each status that is not final.
	Jobs func(ctx context.Context) (map[string]int, error)
	// Plugins returns whether each enabled plugin works.
	Plugins func() map[string]bool
	Version string
}

// Handler answers a scrape. It is safe for concurrent use.
func Handler(from Sources) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{from}, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

type collector struct{ Sources }

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("left4me_"+name, help, labels, nil)
}

// What is shown. Units are in the names, as Prometheus wants them: seconds, bytes, ratios.
var (
	descInfo       = metric("agent_info", "The agent's version, as a label.", "version")
	descUp         = metric("server_up", "1 while the game answers.", "server")
	descState      = metric("server_state", "1 for the state the server is in.", "server", "state")
	descPlayers    = metric("server_players", "People who play.", "server")
	descSlots      = metric("server_slots", "How many may play.", "server")
	descCPU        = metric("server_cpu_ratio", "Processors taken, 1 is one of them.", "server")
	descMemory     = metric("server_memory_bytes", "Memory taken.", "server")
	descTick       = metric("server_tick_rate", "Ticks per second that the game manages.", "server")
	descNetIn      = metric("server_receive_bytes_per_second", "From players.", "server")
	descNetOut     = metric("server_transmit_bytes_per_second", "To players.", "server")
	descStarted    = metric("server_start_time_seconds", "When the game's process began.", "server")
	descHostCPU    = metric("host_cpu_ratio", "Share of all processors that is busy.")
	descHostMemory = metric("host_memory_used_bytes", "Memory that cannot be given to others.")
	descHostDisk   = metric("host_disk_free_bytes", "Free on the file system with the state.")
	descJobs       = metric("jobs", "Jobs that are not done.", "status")
	descPlugin     = metric("plugin_up", "1 while the plugin works.", "plugin")
	descFailed     = metric("scrape_failed", "1 when the agent could not tell everything.")
)

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx := context.Background()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(descInfo, 1, c.Version)
	samples, host := c.Recorder.Latest()
	failed := 0.0
	servers, err := c.Servers(ctx)
	if err != nil {
		failed = 1
	}
	for _, v := range servers {
		c.server(gauge, v, samples)
	}
	if host != nil {
		known(gauge, descHostCPU, host.CPU/100)
		known(gauge, descHostMemory, host.MemoryUsed)
		known(gauge, descHostDisk, host.DiskFree)
	}
	jobs, err := c.Jobs(ctx)
	if err != nil {
		failed = 1
	}
	for status, n := range jobs {
		gauge(descJobs, float64(n), status)
	}
	for name, up := range c.Plugins() {
		gauge(descPlugin, truth(up), name)
	}
	gauge(descFailed, failed)
}

type gaugeFunc = func(desc *prometheus.Desc, value float64, labels ...string)

func (c collector) server(gauge gaugeFunc, v server.Observed, samples map[string]metrics.Sample) {
	gauge(descUp, truth(v.State == server.Running), v.Name)
	gauge(descState, 1, v.Name, string(v.State))
	if v.Live != nil {
		gauge(descPlayers, float64(v.Live.Players), v.Name)
		gauge(descSlots, float64(v.Live.MaxPlayers), v.Name)
	}
	if !v.Unit.StartedAt.IsZero() && v.Unit.State == server.UnitActive {
		gauge(descStarted, float64(v.Unit.StartedAt.Unix()), v.Name)
	}
	s, ok := samples[v.ID]
	if !ok {
		return
	}
	known(gauge, descCPU, s.CPU/100, v.Name)
	known(gauge, descMemory, s.Memory, v.Name)
	known(gauge, descTick, s.Tick, v.Name)
	known(gauge, descNetIn, s.In, v.Name)
	known(gauge, descNetOut, s.Out, v.Name)
}

// known leaves out what nobody could tell: -1, or a hundredth of it.
func known(gauge gaugeFunc, desc *prometheus.Desc, value float64, labels ...string) {
	if value >= 0 {
		gauge(desc, value, labels...)
	}
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
