package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Streams look first whether their subject exists, so that a missing one is a plain 404.

func console(s Services) handler {
	h := streaming(func(c call) (source, error) {
		if _, err := s.Servers.Get(c.ctx, c.target); err != nil {
			return nil, err
		}
		cursor, tail, follow := c.query.Get("after"), int(number(c.query, "tail", 200)), c.query.Get("follow") != "false"
		return func(ctx context.Context, put func(frame) error) error {
			return s.ServerLive.Console(ctx, c.target, cursor, tail, follow, func(line api.ConsoleLine, dropped int) error {
				id := line.Cursor
				if !validText(id) {
					id = "" // it cannot be resumed from, and must not break the stream
				}
				return putJSON(put, api.StreamLine, id, line, dropped)
			})
		}, nil
	})
	h.params = []param{
		{name: "after", doc: "Cursor of the last line already seen."},
		{name: "tail", doc: "Without a cursor: begin with this many earlier lines.", lowest: 0, highest: 10_000},
		followParam(),
	}
	return h
}

func jobLog(service Jobs) handler {
	h := streaming(func(c call) (source, error) {
		if _, err := seenJob(c, service); err != nil {
			return nil, err
		}
		after, err := position(c.query)
		if err != nil {
			return nil, err
		}
		follow := c.query.Get("follow") != "false"
		return func(ctx context.Context, put func(frame) error) error {
			return service.Log(ctx, c.target, max(after, 0), follow, func(update JobUpdate) error {
				if update.Line != nil {
					return putJSON(put, api.StreamLine, strconv.FormatInt(update.Line.Seq, 10), *update.Line, update.Dropped)
				}
				return putJSON(put, api.StreamJob, "", *update.Job, update.Dropped)
			})
		}, nil
	})
	h.params = []param{afterParam(), followParam(),
		{name: "format", doc: "text gives the log so far as plain text.", choices: []string{"", "text"}}}
	events := h.serve
	h.serve = func(a *API, w http.ResponseWriter, r *http.Request, c call) error {
		if c.query.Get("format") == "text" {
			return a.plainLog(w, r, c, service)
		}
		return events(a, w, r, c)
	}
	return h
}

// plainLog writes the log so far, one line each. A failure after the first line ends the answer early.
func (a *API) plainLog(w http.ResponseWriter, r *http.Request, c call, service Jobs) error {
	if _, err := seenJob(c, service); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	begun := false
	err := service.Log(c.ctx, c.target, number(c.query, "after", 0), false, func(update JobUpdate) error {
		if update.Line == nil {
			return nil
		}
		line := update.Line
		begun = true
		_, err := fmt.Fprintf(w, "%s %-6s %s\n", line.Time.UTC().Format("2006-01-02T15:04:05.000Z"), line.Level, line.Text)
		return err
	})
	if err != nil && begun {
		a.wire(r, err)
		panic(http.ErrAbortHandler) // the reader sees a cut answer instead of a short log
	}
	return err
}

func eventStream(service Events) handler {
	h := streaming(func(c call) (source, error) {
		after, err := position(c.query)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, put func(frame) error) error {
			return service.Stream(ctx, after, func(event api.Event, dropped int) error {
				if !c.sees(event.Subject) {
					return nil
				}
				return putJSON(put, api.StreamEvent, strconv.FormatInt(event.ID, 10), event, dropped)
			})
		}, nil
	})
	h.params = []param{afterParam()}
	return h
}

func followParam() param {
	return param{name: "follow", doc: "false ends the stream after what there is now.", choices: []string{"", "true", "false"}}
}

// streaming serves events of a source. Last-Event-ID, which a reader sends when it comes back, counts
// more than the ?after= it began with.
func streaming(open func(call) (source, error)) handler {
	return handler{status: http.StatusOK, stream: true,
		serve: func(a *API, w http.ResponseWriter, r *http.Request, c call) error {
			last := r.Header.Get("Last-Event-ID")
			if !validText(last) {
				return fault.New(fault.Invalid, "The Last-Event-ID is too long or not text.").
					WithHint("Send the id of an item of this stream.").WithField("Last-Event-ID")
			}
			if position := cmp.Or(last, c.query.Get("after")); position != "" {
				c.query.Set("after", position)
			}
			from, err := open(c)
			if err != nil {
				return err
			}
			return a.stream(w, r, from)
		}}
}

// position returns the number after which a stream goes on, or -1 when none is given.
func position(query map[string][]string) (int64, error) {
	values := query["after"]
	if len(values) == 0 || values[0] == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "%s is not a position in this stream.", quoted(values[0])).
			WithHint("Send the id of an item of this stream, or none.").WithField("after")
	}
	return n, nil
}

func putJSON(put func(frame) error, name, id string, item any, dropped int) error {
	data, err := marshal(item)
	if err != nil {
		return fmt.Errorf("encode a stream item: %w", err)
	}
	return put(frame{name: name, id: id, data: data, dropped: dropped})
}
