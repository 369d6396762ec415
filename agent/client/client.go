// Package client is the Go client of the agent's HTTP API, over its unix socket or over HTTP with a token.
//
// Failures are [*Error], with the sentence and the next step that the agent gave, except that the error of
// the caller's own context comes back as it is. Streams are iterators that resume by themselves when the
// connection breaks. A [Client] is safe for concurrent use.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// Options say where the agent is and how to speak with it. Either Socket or URL is needed.
type Options struct {
	Socket string      // path of the agent's unix socket
	URL    string      // "http://127.0.0.1:8440" or "https://…"; without a path
	Token  string      // for URL
	TLS    *tls.Config // for an https URL; nil = the system's roots
	Actor  string      // on whose behalf; "" = the local user
	// Timeout is how long one call may take; 0 = as long as its context. Streams that follow something have none.
	Timeout time.Duration
	// ReconnectFor is how long a stream tries to come back after the agent went away. 0 = 30 s; negative =
	// never give up.
	ReconnectFor time.Duration
}

// Client speaks with one agent.
type Client struct {
	base      string
	place     string // the agent's address as a person knows it
	socket    bool
	token     string
	actor     string
	reconnect time.Duration
	timeout   time.Duration
	http      *http.Client
}

// New returns a client. It does not connect yet.
func New(options Options) (*Client, error) {
	c := &Client{token: options.Token, actor: options.Actor, reconnect: options.ReconnectFor, timeout: options.Timeout}
	if c.reconnect == 0 {
		c.reconnect = 30 * time.Second
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: options.TLS, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
	switch {
	case options.Socket != "" && options.URL != "":
		return nil, invalid("Both a socket and a URL are given.", "Give one of them.")
	case options.Socket != "":
		c.base, c.place, c.socket = "http://agent", options.Socket, true
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", options.Socket)
		}
	default:
		base, err := baseURL(options.URL)
		if err != nil {
			return nil, err
		}
		c.base, c.place = base, base
		transport.Proxy = http.ProxyFromEnvironment
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the agent never redirects, and the token is for it alone
	}}
	return c, nil
}

// baseURL checks a URL and returns it without the slash at its end.
func baseURL(given string) (string, error) {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", invalid("The agent's URL is not of the form http://host:port.", "Give, for example, http://127.0.0.1:8440.")
	}
	return u.Scheme + "://" + u.Host, nil
}

// As returns a client that acts on behalf of actor, over the same connections.
func (c *Client) As(actor string) *Client {
	out := *c
	out.actor = actor
	return &out
}

// Close drops idle connections. The client can still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Place returns the agent's address for people: the path of the socket or the URL.
func (c *Client) Place() string { return c.place }

// request makes a request with everything but a body.
func (c *Client) request(ctx context.Context, method, target string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+target, nil)
	if err != nil {
		return nil, invalid("The request cannot be made: "+err.Error()+".", "Check what was given.")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.actor != "" {
		r.Header.Set(api.ActorHeader, c.actor)
	}
	return r, nil
}

// send sends r and explains when the agent cannot be reached.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	response, err := c.http.Do(r)
	if err == nil {
		return response, nil
	}
	if errors.Is(context.Cause(r.Context()), errTooSlow) {
		return nil, c.unreachable(errTooSlow)
	}
	if cause := r.Context().Err(); cause != nil && errors.Is(err, cause) {
		return nil, cause
	}
	return nil, c.unreachable(err)
}

// errTooSlow is why a call ended that took longer than the client's own timeout.
var errTooSlow = errors.New("it took too long")

// bounded returns a context for one call.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, c.timeout, errTooSlow)
}

// fillPath puts parameters into a path of package api, one for each {…}.
func fillPath(pattern string, parameters ...string) (string, error) {
	out := pattern
	for _, parameter := range parameters {
		begin, end := strings.IndexByte(out, '{'), strings.IndexByte(out, '}')
		if parameter == "" {
			return "", invalid("The "+out[begin+1:end]+" is empty.", "Give one.")
		}
		out = out[:begin] + escape(parameter) + out[end+1:]
	}
	return out, nil
}

// escape keeps a parameter one element of the path, whatever is in it: "." and ".." would be resolved on
// the way, so they are escaped although RFC 3986 does not ask for it.
func escape(parameter string) string {
	if parameter == "." || parameter == ".." {
		return strings.ReplaceAll(parameter, ".", "%2E")
	}
	return strings.NewReplacer("{", "%7B", "}", "%7D").Replace(url.PathEscape(parameter))
}
