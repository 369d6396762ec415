package client

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// ServerMetrics returns a server's figures of the last time, at most a day; 0 is an hour.
func (c *Client) ServerMetrics(ctx context.Context, name string, last time.Duration) (api.Series, error) {
	return get[api.Series](ctx, c, withQuery(api.PathServerMetrics, "last", positive(int64(last/time.Second))), name)
}

// HostMetrics returns the machine's figures of the last time, at most a day; 0 is an hour.
func (c *Client) HostMetrics(ctx context.Context, last time.Duration) (api.Series, error) {
	return get[api.Series](ctx, c, withQuery(api.PathHostMetrics, "last", positive(int64(last/time.Second))))
}
