package blueprint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
)

func TestParseCPUs(t *testing.T) {
	for text, want := range map[string][]int{"": nil, "0": {0}, "0-3,6": {0, 1, 2, 3, 6}, "6,0-1,1": {0, 1, 6}, "1, 2": {1, 2}, "1023": {1023}} {
		if got, err := blueprint.ParseCPUs(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{",", "a", "-1", "3-1", "1-", "1024", "+1", "0x1", "1;2", strings.Repeat("0-1023,", 10) + "1"} {
		if got, err := blueprint.ParseCPUs(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func FuzzParseCPUs(f *testing.F) {
	f.Add("0-3,6")
	f.Fuzz(func(t *testing.T, text string) {
		cpus, err := blueprint.ParseCPUs(text)
		if err == nil && (!slices.IsSorted(cpus) || len(cpus) > blueprint.MaxCPUs || len(cpus) > 0 && (cpus[0] < 0 || cpus[len(cpus)-1] >= blueprint.MaxCPUs)) {
			t.Errorf("%q: %v", text, cpus)
		}
	})
}

func TestLimitsAreChecked(t *testing.T) {
	good := blueprint.Limits{MemoryMiB: 2048, CPUPercent: 150, Tasks: 128, CPUs: "0-1", IOWeight: 100}
	if names := good.Names(); len(names) != 5 {
		t.Errorf("%v", names)
	}
	if names := (blueprint.Limits{}).Names(); len(names) != 0 {
		t.Errorf("%v", names)
	}
}
