package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
)

// served answers requests without a network.
type served func(*http.Request) *http.Response

func (s served) RoundTrip(request *http.Request) (*http.Response, error) { return s(request), nil }

func answer(status int, text string, headers ...string) *http.Response {
	out := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
	for i := 0; i < len(headers); i += 2 {
		out.Header.Set(headers[i], headers[i+1])
	}
	return out
}

func get(t *testing.T, client *http.Client, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestHostsGetTheirShareEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most, starts := map[string]int{}, map[string]int{}, map[string][]time.Duration{}
		begun := time.Now()
		courtesy := &transport.Courtesy{Parallel: 2, Interval: 10 * time.Millisecond}
		client := &http.Client{Transport: courtesy.Wrap(served(func(r *http.Request) *http.Response {
			mu.Lock()
			defer mu.Unlock()
			running[r.URL.Host]++
			most[r.URL.Host] = max(most[r.URL.Host], running[r.URL.Host])
			starts[r.URL.Host] = append(starts[r.URL.Host], time.Since(begun))
			return answer(200, "content")
		}))}
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				host := fmt.Sprint("host", i%2)
				response := get(t, client, "https://"+host+"/x")
				time.Sleep(time.Second) // the body is read slowly
				mu.Lock()
				running[host]--
				mu.Unlock()
				_ = response.Body.Close()
			})
		}
		all.Wait()
		for _, host := range []string{"host0", "host1"} {
			if most[host] != 2 || len(starts[host]) != 6 {
				t.Errorf("%s had %d requests at a time, %d in all", host, most[host], len(starts[host]))
			}
			for i := 1; i < len(starts[host]); i++ {
				if starts[host][i]-starts[host][i-1] < 10*time.Millisecond {
					t.Errorf("%s: starts at %v", host, starts[host])
				}
			}
		}
		if took := time.Since(begun); took > 3100*time.Millisecond {
			t.Errorf("two hosts took %s, as if they were one", took)
		}
	})
}

// What one request is told holds for all requests to that host.
func TestRetryAfterHoldsTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy atomic.Bool
		busy.Store(true)
		client := &http.Client{Transport: (&transport.Courtesy{}).Wrap(served(func(r *http.Request) *http.Response {
			if r.URL.Host == "busy" && busy.Swap(false) {
				return answer(429, "", "Retry-After", "30")
			}
			return answer(200, "")
		}))}
		begun := time.Now()
		_ = get(t, client, "https://busy/1").Body.Close()
		_ = get(t, client, "https://other/1").Body.Close()
		if time.Since(begun) != 0 {
			t.Errorf("another host waited %s", time.Since(begun))
		}
		_ = get(t, client, "https://busy/2").Body.Close()
		if time.Since(begun) != 30*time.Second {
			t.Errorf("the busy host was asked again after %s", time.Since(begun))
		}
	})
}

func TestRateIsOverAllHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("x", 1_000_000)
		client := &http.Client{Transport: (&transport.Courtesy{Rate: 500_000}).Wrap(served(func(*http.Request) *http.Response { return answer(200, text) }))}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				response := get(t, client, fmt.Sprintf("https://host%d/x", i))
				if data, err := io.ReadAll(response.Body); err != nil || string(data) != text {
					t.Errorf("%d bytes, %v", len(data), err)
				}
				_ = response.Body.Close()
			})
		}
		all.Wait()
		if took := time.Since(begun); took < 5800*time.Millisecond || took > 6200*time.Millisecond {
			t.Errorf("3 MB at 0.5 MB a second took %s", took)
		}
	})
}

func TestWaitsEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		courtesy := &transport.Courtesy{Parallel: 1}
		client := &http.Client{Transport: courtesy.Wrap(served(func(*http.Request) *http.Response { return answer(200, "") }))}
		first := get(t, client, "https://host/1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://host/2", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		_, _ = first.Body.Close(), first.Body.Close() // closing twice gives one place back, not two
		_ = get(t, client, "https://host/3").Body.Close()
	})
}
