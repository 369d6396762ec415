package kernel_test

import "testing"

// BenchmarkMountInProcess is BenchmarkMount of the plugin without the process boundary.
func BenchmarkMountInProcess(b *testing.B) {
	w := newWorld(b)
	w.json["limits"] = map[string]int{"max_layers": 500}
	w.restart()
	l := w.layers(100)
	var err error
	for b.Loop() {
		if _, _, err = w.Mount(b.Context(), "alpha", l); err == nil {
			_, err = w.Unmount(b.Context(), "alpha", false)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
