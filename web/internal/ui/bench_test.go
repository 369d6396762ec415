package ui_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// weighed are the pages whose weight and time are told.
var weighed = []string{"", "/servers", "/servers/alpha", "/overlays", "/overlays/alpha", "/blueprints/alpha", "/schedules", "/schedules/-new", "/jobs", "/events", "/plugins"}

// crowded is a signed-in panel over a host with 21 servers.
func crowded(t testing.TB) *panel {
	t.Helper()
	p := signedIn(t)
	p.seed()
	for i := range 20 {
		if _, err := p.agent.Client.CreateServer(t.Context(), api.ServerCreate{Name: fmt.Sprintf("server-%d", i), Blueprint: "alpha"}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// weigh returns what a page and its assets weigh gzipped, in bytes.
func (p *panel) weigh(path string) int {
	p.t.Helper()
	page := p.get("/hosts/local"+path, http.StatusOK)
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	for _, link := range append(page.all("link", "rel", "stylesheet"), page.all("script", "src", "*")...) {
		address, _ := attribute(link, "href")
		if src, has := attribute(link, "src"); has {
			address = src
		}
		_, _ = zip.Write([]byte(p.get(address, http.StatusOK).body)) // a buffer takes everything
	}
	_, _ = zip.Write([]byte(page.body))
	_ = zip.Close()
	return out.Len()
}

// Pages stay small: what a browser loads for one, without the console's history, is under 100 kB gzipped.
func TestPageWeight(t *testing.T) {
	p := crowded(t)
	for _, path := range weighed {
		weight := p.weigh(path)
		t.Logf("%-20s with its assets %6d B gzipped", path, weight)
		if weight > 100_000 {
			t.Errorf("%s weighs %d bytes gzipped", path, weight)
		}
	}
}

// BenchmarkPage tells the time of each page from request to last byte over loopback, and its weight.
func BenchmarkPage(b *testing.B) {
	p := crowded(b)
	for _, path := range weighed {
		b.Run("page"+path, func(b *testing.B) {
			weight := p.weigh(path)
			var took []time.Duration
			for b.Loop() {
				for range 20 {
					from := time.Now()
					p.get("/hosts/local"+path, http.StatusOK)
					took = append(took, time.Since(from))
				}
			}
			tell(b, took)
			b.ReportMetric(float64(weight), "gz-bytes")
		})
	}
}

// BenchmarkReaders tells what 500 people who read at the same time wait for, each loading four pages one after another.
// They come 20 ms apart and read each page for ten seconds.
func BenchmarkReaders(b *testing.B) {
	const readers, each = 500, 4
	p := crowded(b)
	home, err := url.Parse(p.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: readers, MaxIdleConns: readers}
	b.Cleanup(transport.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	jar.SetCookies(home, p.browser.Jar.Cookies(home))
	browser := &http.Client{Jar: jar, Transport: transport}
	paths := []string{"/hosts/local", "/hosts/local/servers/alpha", "/hosts/local/overlays", "/hosts/local/jobs"}
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	read := func(path string) {
		from := time.Now()
		err := fetch(browser, p.URL+path)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(from))
		if err != nil {
			failed = err
		}
	}
	for b.Loop() {
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				pause := time.NewTimer(time.Duration(i) * 20 * time.Millisecond) // people do not click at the same instant
				defer pause.Stop()
				for n := range each {
					<-pause.C
					read(paths[(i+n)%len(paths)])
					pause.Reset(10 * time.Second) // and read what they see
				}
			})
		}
		all.Wait()
	}
	if failed != nil {
		b.Fatal(failed)
	}
	tell(b, took)
}

func fetch(browser *http.Client, address string) error {
	answer, err := browser.Get(address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", address, answer.StatusCode)
	}
	return nil
}

// tell reports the percentiles, in milliseconds.
func tell(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	for _, percent := range []int{50, 90, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*percent/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", percent))
	}
}
