package hoststat_test

import (
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/hoststat"
)

func TestMeasure(t *testing.T) {
	m := hoststat.New(t.TempDir())
	first, err := m.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first.CPU != -1 || first.MemoryTotal <= 0 || first.MemoryUsed <= 0 || first.MemoryUsed > first.MemoryTotal ||
		first.DiskFree <= 0 || first.DiskFree > first.DiskTotal {
		t.Errorf("first = %+v", first)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); { // something to measure
	}
	second, err := m.Measure(t.Context())
	if err != nil || second.CPU < 0 || second.CPU > 100.001 || second.In < 0 || second.Out < 0 {
		t.Errorf("second = %+v (%v)", second, err)
	}
}
