package job_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

const benchLine = "addons/l4d2_some_campaign_map_part_%06d.vpk: downloaded, checksum is right, 104857600 bytes"

// benchHost is a runner over a real database for benchmarks.
func benchHost(b *testing.B, handlers ...job.Handler) (*job.Runner, *sqlite.DB) {
	b.Helper()
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "agent.db"))
	if err != nil {
		b.Fatal(err)
	}
	r := job.New(job.Options{Store: db})
	if err := r.Register(handlers...); err != nil {
		b.Fatal(err)
	}
	if err := r.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			b.Error(err)
		}
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return r, db
}

// flood writes n lines.
func flood(n int) job.Handler {
	return do("flood", func(_ context.Context, run *job.Run) error {
		w := run.Writer("stdout")
		for i := range n {
			fmt.Fprintf(w, benchLine+"\n", i)
		}
		return nil
	})
}

func runBench(b *testing.B, r *job.Runner) job.Job {
	b.Helper()
	j, _, err := r.Submit(b.Context(), spec("flood", "a"))
	if err == nil {
		j, err = r.Wait(b.Context(), j.ID)
	}
	if err != nil || j.Status != job.Succeeded {
		b.Fatal(j.Status, err)
	}
	return j
}

// BenchmarkLog writes 90,000 lines through the runner into SQLite, until the last one is stored.
func BenchmarkLog(b *testing.B) {
	const lines = 90_000
	r, _ := benchHost(b, flood(lines))
	for b.Loop() {
		runBench(b, r)
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkFollow has 1,000 readers of one job that writes 2,000 lines.
func BenchmarkFollow(b *testing.B) {
	const lines, readers = 2_000, 1_000
	ready := make(chan struct{})
	r, _ := benchHost(b, do("flood", func(_ context.Context, run *job.Run) error {
		<-ready
		for i := range lines {
			run.Logf("stdout", benchLine, i)
		}
		return nil
	}))
	for b.Loop() {
		j, _, err := r.Submit(b.Context(), spec("flood", "a"))
		if err != nil {
			b.Fatal(err)
		}
		var group sync.WaitGroup
		var got atomic.Int64
		for range readers {
			group.Go(func() {
				err := r.Follow(b.Context(), j.ID, 0, job.Watch{Line: func(job.Line) error { got.Add(1); return nil }})
				if err != nil {
					b.Error(err)
				}
			})
		}
		ready <- struct{}{}
		group.Wait()
		if got.Load() != lines*readers {
			b.Fatalf("%d lines arrived", got.Load())
		}
	}
	b.ReportMetric(float64(lines*readers)*float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkReplay reads a finished log of 90,000 lines.
func BenchmarkReplay(b *testing.B) {
	const lines = 90_000
	r, _ := benchHost(b, flood(lines))
	j := runBench(b, r)
	for b.Loop() {
		n := 0
		if err := r.Replay(b.Context(), j.ID, 0, func(job.Line) error { n++; return nil }); err != nil || n != lines {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkJob runs empty jobs one after another: what the recording itself costs.
func BenchmarkJob(b *testing.B) {
	r, _ := benchHost(b, flood(0))
	for b.Loop() {
		runBench(b, r)
	}
}
