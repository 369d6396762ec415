package pluginhost_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
)

// helloPlugin builds the example plugin as it is shipped.
func helloPlugin(b *testing.B) pluginhost.Plugin {
	b.Helper()
	program := filepath.Join(b.TempDir(), "plugin-hello")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Dir = "../../../examples/plugin-hello"
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return pluginhost.Plugin{
		Name: "hello", Kind: sdk.KindBuilder, Enabled: true,
		Launch: pluginhost.Launch{Mode: pluginhost.ModeExec, Command: []string{program}},
	}
}

func usual(o *pluginhost.Options) { o.Timing = pluginhost.Timing{} }

// report gives percentiles, which a mean hides.
func report(b *testing.B, times []time.Duration, unit string, scale time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2])/float64(scale), "p50-"+unit)
	b.ReportMetric(float64(times[len(times)*95/100])/float64(scale), "p95-"+unit)
}

// BenchmarkStart is the time from Start until the first answer to a call, and of a stop.
func BenchmarkStart(b *testing.B) {
	plugin := helloPlugin(b)
	var starts, stops []time.Duration
	for b.Loop() {
		r := newRig(b, usual, plugin)
		began := time.Now()
		r.Start()
		builder, err := r.Builder("hello")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := builder.Validate(b.Context(), json.RawMessage(`{"text":"x"}`)); err != nil {
			b.Fatal(err)
		}
		starts = append(starts, time.Since(began))
		began = time.Now()
		if err := r.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		stops = append(stops, time.Since(began))
	}
	report(b, starts, "start-ms", time.Millisecond)
	report(b, stops, "stop-ms", time.Millisecond)
}

// BenchmarkCall is one call through the whole host path, one after the other.
func BenchmarkCall(b *testing.B) {
	r := newRig(b, usual, helloPlugin(b))
	r.Start()
	builder, err := r.Builder("hello")
	if err != nil {
		b.Fatal(err)
	}
	r.awaitState("hello", pluginhost.Ready)
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := builder.Validate(b.Context(), json.RawMessage(`{"text":"x"}`)); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	report(b, times, "µs", time.Microsecond)
	b.ReportMetric(float64(r.List()[0].MemoryBytes)/(1<<20), "plugin-MiB-after")
}

// BenchmarkMemory is the resident memory of a plugin that has answered once.
func BenchmarkMemory(b *testing.B) {
	plugin := helloPlugin(b)
	var most uint64
	for b.Loop() {
		r := newRig(b, usual, plugin)
		r.Start()
		most = max(most, r.awaitState("hello", pluginhost.Ready).MemoryBytes)
		if err := r.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(most)/(1<<20), "plugin-MiB")
}
