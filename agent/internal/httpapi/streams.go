package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Streams look first whether their subject exists, so that a missing one is a plain 404.

func console(s Services) handler {
	h := streaming(func(c call) (source, error) {
		read, err := consoleOf(s, c)
		if err != nil {
			return nil, err
		}
		follow := c.query.Get("follow") != "false"
		return func(ctx context.Context, put func(frame) error) error {
			return read(ctx, follow, func(line api.ConsoleLine, dropped int) error {
				f, err := consoleFrame(line, dropped)
				if err != nil {
					return err
				}
				return put(f)
			})
		}, nil
	})
	h.params = []param{
		{name: "after", doc: "Cursor of the last line already seen."},
		{name: "tail", doc: "Without a cursor: begin with this many earlier lines.", lowest: 0, highest: 10_000},
		{name: "search", words: true, doc: "Only lines with this text, whatever the case, out of the last 100000."},
		followParam(),
		{name: "format", doc: "text gives the lines so far as plain text.", choices: []string{"", "text"}},
	}
	events := h.serve
	h.serve = func(a *API, w http.ResponseWriter, r *http.Request, c call) error {
		if c.query.Get("format") == "text" {
			return a.plainConsole(w, r, c, s)
		}
		if c.query.Get("search") != "" || c.query.Get("follow") == "false" {
			return events(a, w, r, c)
		}
		if err := resume(r, c); err != nil {
			return err
		}
		if _, err := s.Servers.Get(c.ctx, c.target); err != nil {
			return err
		}
		a.follow(w, c, s.ServerLive, int(number(c.query, "tail", 200)))
		return nil
	}
	return h
}

// reading reports lines of a console. It is what console and plainConsole have in common.
type reading func(ctx context.Context, follow bool, report func(api.ConsoleLine, int) error) error

func consoleOf(s Services, c call) (reading, error) {
	if _, err := s.Servers.Get(c.ctx, c.target); err != nil {
		return nil, err
	}
	cursor, tail := c.query.Get("after"), int(number(c.query, "tail", 200))
	wanted := strings.ToLower(c.query.Get("search"))
	if wanted == "" || cursor != "" {
		return func(ctx context.Context, follow bool, report func(api.ConsoleLine, int) error) error {
			return s.ServerLive.Console(ctx, c.target, cursor, tail, follow, matching(wanted, report))
		}, nil
	}
	return func(ctx context.Context, follow bool, report func(api.ConsoleLine, int) error) error {
		return searchConsole(ctx, s.ServerLive, c.target, wanted, tail, follow, report)
	}, nil
}

// maxSearched is how many lines back a search looks.
const maxSearched = 100_000

// searchConsole reports the newest tail lines that have wanted, and with follow those that come.
func searchConsole(ctx context.Context, live ServerLive, name, wanted string, tail int, follow bool, report func(api.ConsoleLine, int) error) error {
	var found []api.ConsoleLine
	last := ""
	err := live.Console(ctx, name, "", maxSearched, false, func(line api.ConsoleLine, _ int) error {
		last = line.Cursor
		if strings.Contains(strings.ToLower(line.Text), wanted) {
			if found = append(found, line); len(found) > 2*tail { // bounded, without moving at each line
				found = append(found[:0], found[len(found)-tail:]...)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, line := range found[max(len(found)-tail, 0):] {
		if err := report(line, 0); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	return live.Console(ctx, name, last, 0, true, matching(wanted, report))
}

// matching reports only lines with wanted; "" is all of them.
func matching(wanted string, report func(api.ConsoleLine, int) error) func(api.ConsoleLine, int) error {
	if wanted == "" {
		return report
	}
	lost := 0
	return func(line api.ConsoleLine, dropped int) error {
		lost += dropped
		if !strings.Contains(strings.ToLower(line.Text), wanted) {
			return nil
		}
		dropped, lost = lost, 0
		return report(line, dropped)
	}
}

// plainConsole writes the lines so far, with the times at which they were printed.
func (a *API) plainConsole(w http.ResponseWriter, r *http.Request, c call, s Services) error {
	if c.query.Get("tail") == "" {
		c.query.Set("tail", "10000")
	}
	read, err := consoleOf(s, c)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+c.target+`-console.txt"`)
	return a.plain(w, r, func(write func(at time.Time, level, text string) error) error {
		return read(c.ctx, false, func(line api.ConsoleLine, dropped int) error {
			if dropped > 0 {
				if err := write(line.Time, "", fmt.Sprintf("[%d lines were lost here]", dropped)); err != nil {
					return err
				}
			}
			return write(line.Time, "", line.Text)
		})
	})
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

// plainLog writes the log so far, one line each.
func (a *API) plainLog(w http.ResponseWriter, r *http.Request, c call, service Jobs) error {
	if _, err := seenJob(c, service); err != nil {
		return err
	}
	return a.plain(w, r, func(write func(at time.Time, level, text string) error) error {
		return service.Log(c.ctx, c.target, number(c.query, "after", 0), false, func(update JobUpdate) error {
			if update.Line == nil {
				return nil
			}
			return write(update.Line.Time, update.Line.Level, update.Line.Text)
		})
	})
}

// plain serves lines as text. A failure after the first line ends the answer early.
func (a *API) plain(w http.ResponseWriter, r *http.Request, lines func(write func(at time.Time, level, text string) error) error) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	begun := false
	err := lines(func(at time.Time, level, text string) error {
		begun = true
		if level != "" {
			level = fmt.Sprintf("%-6s ", level)
		}
		_, err := fmt.Fprintf(w, "%s %s%s\n", at.UTC().Format("2006-01-02T15:04:05.000Z"), level, text)
		return err
	})
	if err != nil && begun {
		a.wire(r, err)
		panic(http.ErrAbortHandler) // the reader sees a cut answer instead of a short one
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
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
			if err := resume(r, c); err != nil {
				return err
			}
			from, err := open(c)
			if err != nil {
				return err
			}
			a.stream(w, from)
			return nil
		}}
}

// resume makes the place that a reader comes back to the one it asks for.
func resume(r *http.Request, c call) error {
	last := r.Header.Get("Last-Event-ID")
	if !validText(last) {
		return fault.New(fault.Invalid, "The Last-Event-ID is too long or not text.").
			WithHint("Send the id of an item of this stream.").WithField("Last-Event-ID")
	}
	if position := cmp.Or(last, c.query.Get("after")); position != "" {
		c.query.Set("after", position)
	}
	return nil
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
