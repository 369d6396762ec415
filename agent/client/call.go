package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxAnswer bounds an answer in memory: the largest are lists of files and of jobs.
const maxAnswer = 64 << 20

// none stands for no body or no answer.
type none = struct{}

// get asks for one answer.
func get[Out any](ctx context.Context, c *Client, path string, parameters ...string) (Out, error) {
	return call[none, Out](ctx, c, http.MethodGet, path, nil, parameters...)
}

// post asks for something to be done that needs no body.
func post[Out any](ctx context.Context, c *Client, path string, parameters ...string) (Out, error) {
	return call[none, Out](ctx, c, http.MethodPost, path, nil, parameters...)
}

// call sends in, if any, and reads one answer. The parameters fill the {…} of path.
func call[In, Out any](ctx context.Context, c *Client, method, path string, in *In, parameters ...string) (Out, error) {
	var out Out
	target, err := fillPath(path, parameters...)
	if err != nil {
		return out, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	r, err := c.request(ctx, method, target)
	if err != nil {
		return out, err
	}
	if in != nil {
		if err := setBody(r, in); err != nil {
			return out, err
		}
	}
	response, err := c.send(r)
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return out, c.failure(response)
	}
	if response.StatusCode == http.StatusNoContent {
		return out, nil
	}
	return out, c.decode(ctx, response, &out)
}

func setBody(r *http.Request, in any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return &Error{Code: CodeInvalid, Message: "What was given is not valid JSON.", Source: "client",
			Hint: "Check for a missing quote, brace or comma.", cause: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = int64(len(data))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	r.Body, _ = r.GetBody()
	return nil
}

func (c *Client) decode(ctx context.Context, response *http.Response, into any) error {
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if errors.Is(context.Cause(ctx), errTooSlow) {
		return c.unreachable(errTooSlow)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("it is larger than %d MiB", maxAnswer>>20)
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return &Error{Code: CodeUnavailable, Status: response.StatusCode, Source: "client", cause: err,
			Message: fmt.Sprintf("The answer of %s cannot be read: %s.", c.place, reason(err)),
			Hint:    "Check that the agent and this program are of the same version."}
	}
	return nil
}
