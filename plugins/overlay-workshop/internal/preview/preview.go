// Package preview fetches the preview pictures of items and makes thumbnails of them.
//
// A preview is a file of a stranger at an address of a stranger. It comes only from the hosts that content may come from,
// is bounded in bytes, and its dimensions are read before anything is decoded. The thumbnail is encoded anew, so none of
// its bytes are the stranger's.
package preview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
)

// maxBytes is the largest preview that is fetched. Steam allows 1 MiB, at some times it allowed more.
const maxBytes = 4 << 20

// ErrNone is wrapped when there is no picture to be had at an address: asking again soon does not help.
var ErrNone = errors.New("there is no usable preview")

// Client fetches previews. Fields must not change while it is used; it is safe for concurrent use.
type Client struct {
	HTTP    *http.Client
	Policy  transport.Policy
	Patient time.Duration // for the body of an answer

	mu sync.Mutex // one picture is decoded at a time, as that takes memory
}

// Thumbnail fetches the preview at an address and returns a thumbnail of it as JPEG. Errors that wrap neither ErrNone nor
// transport.ErrBusy may be gone next time.
func (c *Client) Thumbnail(ctx context.Context, raw string) ([]byte, error) {
	data, err := c.fetch(ctx, raw)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Thumbnail(data)
}

func (c *Client) fetch(ctx context.Context, raw string) ([]byte, error) {
	address, err := c.Policy.Address(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	request.Header.Set("User-Agent", workshop.UserAgent)
	request.Header.Set("Accept", "image/jpeg, image/png, image/webp, image/gif")
	response, err := c.HTTP.Do(request)
	if err != nil {
		if errors.Is(err, transport.ErrRefused) {
			err = fmt.Errorf("%w: %w", ErrNone, err)
		}
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	defer time.AfterFunc(c.Patient, cancel).Stop()
	switch {
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode == http.StatusServiceUnavailable:
		return nil, fmt.Errorf("%w: status %d", transport.ErrBusy, response.StatusCode)
	case response.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("the server answers with status %d", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: status %d", ErrNone, response.StatusCode)
	case response.ContentLength > maxBytes:
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNone, response.ContentLength)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrNone, maxBytes)
	}
	return data, nil
}
