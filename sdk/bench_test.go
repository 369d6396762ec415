package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// launched starts the scriptable builder as a process, with AutoMTLS over a unix socket.
func launched(b *testing.B) *sdktest.Process {
	b.Helper()
	p := sdktest.Start(b, command("script"), sdk.KindBuilder)
	sdktest.Configure(b, p.Conn, sdk.Settings{LogLevel: "warn"})
	return p
}

func BenchmarkRoundTrip(b *testing.B) {
	base := sdk.NewBaseClient(launched(b).Conn)
	for b.Loop() {
		if _, err := base.Drain(b.Context(), 0); err != nil { // the smallest call there is
			b.Fatal(err)
		}
	}
}

// count is an Events that only counts.
type count struct{ n int }

func (c *count) Progress(builder.Progress)     { c.n++ }
func (c *count) Log(string, string)            { c.n++ }
func (c *count) Output(builder.Stream, []byte) { c.n++ }
func (c *count) Diagnostic(sdk.Diagnostic)     { c.n++ }

func BenchmarkBuildEvents(b *testing.B) {
	client := builder.NewClient(launched(b).Conn)
	const steps = 10_000
	dir, events := b.TempDir(), &count{}
	for b.Loop() {
		_, err := client.Build(b.Context(), builder.Request{
			Settings: json.RawMessage(fmt.Sprintf(`{"steps": %d}`, steps)), OutputDir: dir,
		}, events)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events.n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkStart is from nothing to the first answer; stopping is not in it.
func BenchmarkStart(b *testing.B) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	for range b.N {
		p, err := sdktest.Launch(dir, command("script"), sdk.KindBuilder)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sdk.NewBaseClient(p.Conn).Info(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		reportRSS(b, p)
		p.Stop()
		b.StartTimer()
	}
}

// reportRSS reports the plugin's resident memory after its first call.
func reportRSS(b *testing.B, p *sdktest.Process) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return // not on Linux
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kilobytes); n == 1 {
			b.ReportMetric(kilobytes/1024, "MiB-RSS")
		}
	}
}
