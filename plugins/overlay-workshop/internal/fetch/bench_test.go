package fetch_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/fetch"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
)

// BenchmarkDownload compares a checked download with what curl needs for the same file from the same server.
func BenchmarkDownload(b *testing.B) {
	dir := b.TempDir()
	source := filepath.Join(dir, "big.vpk")
	if err := standin.WritePack(source, standin.Filler(512<<20)); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(source)
	if err != nil {
		b.Fatal(err)
	}
	item := standin.Item{ID: "1", File: source}
	server := httptest.NewServer(standin.New(standin.World{Items: []standin.Item{item}}))
	defer server.Close()
	url, target := server.URL+item.Path(), filepath.Join(dir, "target")
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("no curl to compare with")
	}
	b.Run("curl", func(b *testing.B) {
		b.SetBytes(info.Size())
		for b.Loop() {
			remove(b, target)
			if output, err := exec.Command(curl, "-sf", "-o", target, url).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, output)
			}
		}
	})
	b.Run("curl, synced", func(b *testing.B) {
		b.SetBytes(info.Size())
		for b.Loop() {
			remove(b, target)
			if output, err := exec.Command("sh", "-c", `"$0" -sf -o "$1" "$2" && sync "$1"`, curl, target, url).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, output)
			}
		}
	})
	for _, sync := range []bool{false, true} {
		name := "fetch"
		if sync {
			name = "fetch, synced"
		}
		b.Run(name, func(b *testing.B) { benchmarkFetch(b, url, target, info.Size(), sync) })
	}
}

// BenchmarkDownloadSideBySide takes turns, so that what else the machine does falls on both: curl, then a checked download, of the
// same file. The metric is the ratio of the medians; below 1 the checked download is faster.
func BenchmarkDownloadSideBySide(b *testing.B) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("no curl to compare with")
	}
	dir := b.TempDir()
	source := filepath.Join(dir, "big.vpk")
	if err := standin.WritePack(source, standin.Filler(256<<20)); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(source)
	if err != nil {
		b.Fatal(err)
	}
	item := standin.Item{ID: "1", File: source}
	server := httptest.NewServer(standin.New(standin.World{Items: []standin.Item{item}}))
	defer server.Close()
	url, target := server.URL+item.Path(), filepath.Join(dir, "target")
	var theirs, ours []time.Duration
	for b.Loop() {
		remove(b, target)
		begin := time.Now()
		if output, err := exec.Command(curl, "-sf", "-o", target, url).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, output)
		}
		theirs = append(theirs, time.Since(begin))
		remove(b, target)
		begin = time.Now()
		part, err := os.OpenFile(target, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fetcher().Fetch(b.Context(), fetch.Source{URL: url, Size: info.Size()}, part, func(int64) {}); err != nil {
			b.Fatal(err)
		}
		_ = part.Close()
		ours = append(ours, time.Since(begin))
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	middle := len(ours) / 2
	rate := func(took time.Duration) float64 { return float64(info.Size()) / 1e6 / took.Seconds() }
	b.ReportMetric(rate(theirs[middle]), "curl-MB/s")
	b.ReportMetric(rate(ours[middle]), "fetch-MB/s")
	b.ReportMetric(float64(ours[middle])/float64(theirs[middle]), "fetch/curl")
}

func benchmarkFetch(b *testing.B, url, target string, size int64, sync bool) {
	b.SetBytes(size)
	for b.Loop() {
		remove(b, target)
		part, err := os.OpenFile(target, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fetcher().Fetch(b.Context(), fetch.Source{URL: url, Size: size}, part, func(int64) {}); err != nil {
			b.Fatal(err)
		}
		if sync {
			if err := part.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		_ = part.Close()
	}
}

func remove(b *testing.B, path string) {
	b.StopTimer()
	defer b.StartTimer()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		b.Fatal(err)
	}
}
