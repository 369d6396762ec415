package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/left4me/left4me/agent/api"
)

// Files lists a directory of a server as its game sees it; path "" is the top.
func (c *Client) Files(ctx context.Context, name, path string) (api.Directory, error) {
	return get[api.Directory](ctx, c, withQuery(api.PathServerFiles, "path", path), name)
}

// Collisions lists the files that several overlays of a server have.
func (c *Client) Collisions(ctx context.Context, name string) (api.Collisions, error) {
	return get[api.Collisions](ctx, c, api.PathServerCollisions, name)
}

// Download is a file that is being read.
type Download struct {
	io.ReadCloser
	Size  int64  // of what follows
	Layer string // where it comes from
	// Header has what a program that passes the file on needs: status and range.
	Status int
	Header http.Header
}

// OpenFile reads a file of a server as its game sees it, or with a layer (server, overlay/NAME, game) that one's. ranges
// is the header Range; "" reads all. The caller closes what it gets, and bounds it by ctx alone.
func (c *Client) OpenFile(ctx context.Context, name, path, layer, ranges string) (*Download, error) {
	target, err := fillPath(withQuery(api.PathServerFile, "path", path, "layer", layer), name)
	if err != nil {
		return nil, err
	}
	r, err := c.request(ctx, http.MethodGet, target)
	if err != nil {
		return nil, err
	}
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	response, err := c.send(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer response.Body.Close()
		return nil, c.failure(response)
	}
	return &Download{ReadCloser: response.Body, Size: response.ContentLength, Layer: response.Header.Get(api.LayerHeader),
		Status: response.StatusCode, Header: response.Header}, nil
}

// PutFile writes a text file of a server. was is the hexadecimal SHA-256 of what was there, as OpenFile gave it; "" writes
// whatever is there.
func (c *Client) PutFile(ctx context.Context, name, path, was string, text []byte) error {
	target, err := fillPath(withQuery(api.PathServerFile, "path", path, "was", was), name)
	if err != nil {
		return err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	r, err := c.request(ctx, http.MethodPut, target)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	r.ContentLength = int64(len(text))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	r.Body, _ = r.GetBody()
	response, err := c.send(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return c.failure(response)
	}
	return nil
}

// ResetFile throws away what a stopped server has at a path, so that the layers below show again.
func (c *Client) ResetFile(ctx context.Context, name, path string) error {
	_, err := call[none, none](ctx, c, http.MethodDelete, api.PathServerFile+"?path="+url.QueryEscape(path), nil, name)
	return err
}
