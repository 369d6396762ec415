package query_test

import (
	"errors"
	"testing"

	"github.com/left4me/left4me/agent/internal/query"
)

func TestParseStats(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want query.Stats
	}{
		"older":   {"CPU   In    Out   Uptime  Users   FPS    Players\n12.50 1024.5 20480 45 1 30.02 4\n", query.Stats{CPU: 12.5, NetIn: -1, NetOut: -1, Tick: 30.02, Players: 4}},
		"newer":   {"CPU   NetIn   NetOut    Uptime  Maps   FPS   Players  Svms    +-ms   ~tick\n 10.0      1.0      2.0       5     3   99.98       8    1.20    0.10    0.11\n", query.Stats{CPU: 10, NetIn: -1, NetOut: -1, Tick: 99.98, Players: 8}},
		"chatter": {"eve: CPU FPS\nCPU(%) In_(KB/s) Out FPS\n1 2 3 4\n", query.Stats{CPU: 1, NetIn: 2048, NetOut: -1, Tick: 4}},
	} {
		got, err := query.ParseStats(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for _, text := range []string{"", "Unknown command \"stats\"\n", "CPU In Out Uptime\n1 2 3 4\n", "CPU In Out FPS\nx y z w\n", "CPU In Out FPS\n", "CPU In Out FPS\n1 2 3 -5\n"} {
		if got, err := query.ParseStats(text); !errors.Is(err, query.ErrNotStats) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseStats(f *testing.F) {
	f.Add("CPU In Out FPS\n1 2 3 4\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := query.ParseStats(text); err == nil && (s.Tick < 0 || s.CPU < 0) {
			t.Errorf("%q: %+v", text, s)
		}
	})
}
