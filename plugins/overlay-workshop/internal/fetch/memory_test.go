package fetch_test

import "runtime"

// heap returns the bytes that were ever allocated, freed ones included.
func heap() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}
