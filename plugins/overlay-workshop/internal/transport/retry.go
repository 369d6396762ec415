package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Patience says how failed requests are tried again.
type Patience struct {
	Retries int           // after the first try
	Wait    time.Duration // before the first retry, on average; doubles each time
	MaxWait time.Duration // longest wait, and longest Retry-After that is obeyed
}

// ErrBusy is wrapped when a server asks to come back later than the patience allows.
var ErrBusy = errors.New("the server asks to come back later")

// Client sends requests, retries those that may succeed later, and never does more than the server asks for:
// Retry-After is obeyed on 429 and 503, other waits double and have jitter. Answers with an error status
// are returned as they are, after the last try.
func Client(plain *http.Client, patience Patience) *retryablehttp.Client {
	client := retryablehttp.NewClient()
	client.HTTPClient = plain
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = patience.Retries, patience.Wait, patience.MaxWait
	client.Logger = nil
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.Backoff = backoff
	client.CheckRetry = func(ctx context.Context, response *http.Response, err error) (bool, error) {
		if errors.Is(err, ErrRefused) {
			return false, err
		}
		if wait, asked := retryAfter(response); asked && wait > patience.MaxWait {
			return false, fmt.Errorf("%w: in %s", ErrBusy, wait)
		}
		return retryablehttp.DefaultRetryPolicy(ctx, response, err)
	}
	client.PrepareRetry = func(request *http.Request) error {
		slog.Debug("request again", "url", request.URL.Redacted())
		return nil
	}
	return client
}

// backoff is the wait before retry number attempt, from 0. The jitter is all of the wait but a quarter, so that
// clients that failed together do not come back together.
func backoff(least, most time.Duration, attempt int, response *http.Response) time.Duration {
	if wait, asked := retryAfter(response); asked {
		return min(wait, most)
	}
	wait := min(2*least<<min(attempt, 20), most)
	return wait/4 + rand.N(3*wait/4+1)
}

// retryAfter reads the header in both of its forms.
func retryAfter(response *http.Response) (time.Duration, bool) {
	if response == nil || response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	header := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return max(time.Until(at), 0), true
}

// Pacer keeps requests apart. It is safe for concurrent use; the zero value does not wait.
type Pacer struct {
	Interval time.Duration // between the starts of two requests

	mu   sync.Mutex
	next time.Time
}

// Wait returns when the next request may start, or when ctx ends.
func (p *Pacer) Wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	wait := max(p.next.Sub(now), 0)
	p.next = now.Add(wait + p.Interval)
	p.mu.Unlock()
	if wait == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
