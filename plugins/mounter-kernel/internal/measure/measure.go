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
	phases := make([][]func() error, len(ways))
	for i, way := range ways {
		phases[i] = []func() error{way}
	}
	medians := make([]Median, len(ways))
	for i, way := range Phases(bench, rounds, phases...) {
		medians[i] = way[0]
	}
	return medians
}

// Phases is [Rounds] for ways of several phases that are timed each for itself, by way and phase.
func Phases(bench testing.TB, rounds int, ways ...[]func() error) [][]Median {
	bench.Helper()
	times := make([][][]time.Duration, len(ways))
	for i, way := range ways {
		times[i] = make([][]time.Duration, len(way))
	}
	for round := range rounds + 1 {
		for i, way := range ways {
			for phase, do := range way {
				begin := time.Now()
				if err := do(); err != nil {
					bench.Fatal(err)
				}
				if round > 0 {
					times[i][phase] = append(times[i][phase], time.Since(begin))
				}
			}
		}
	}
	medians := make([][]Median, len(ways))
	for i := range times {
		for _, of := range times[i] {
			slices.Sort(of)
			medians[i] = append(medians[i], Median(of[len(of)/2]))
		}
	}
	return medians
}
