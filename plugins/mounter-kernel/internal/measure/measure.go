// Package measure compares ways of doing the same, for benchmarks: side by side in one run, by their medians.
package measure

import (
	"slices"
	"testing"
	"time"
)

// Median is the time that half of the rounds took at most.
type Median time.Duration

// Millis returns the median in milliseconds.
func (m Median) Millis() float64 { return float64(m) / 1e6 }

// Micros returns the median in microseconds.
func (m Median) Micros() float64 { return float64(m) / 1e3 }

// Pairs runs a and b in turns and returns their medians. An error of either ends the benchmark.
func Pairs(bench testing.TB, rounds int, a, b func() error) (Median, Median) {
	bench.Helper()
	medians := Rounds(bench, rounds, a, b)
	return medians[0], medians[1]
}

// Rounds runs all ways in turns, after one round that does not count, and returns their medians.
func Rounds(bench testing.TB, rounds int, ways ...func() error) []Median {
	bench.Helper()
	times := make([][]time.Duration, len(ways))
	for round := range rounds + 1 {
		for i, way := range ways {
			begin := time.Now()
			if err := way(); err != nil {
				bench.Fatal(err)
			}
			if round > 0 {
				times[i] = append(times[i], time.Since(begin))
			}
		}
	}
	medians := make([]Median, len(ways))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = Median(times[i][len(times[i])/2])
	}
	return medians
}
