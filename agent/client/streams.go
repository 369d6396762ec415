package client

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"

	"github.com/left4me/left4me/agent/api"
)

// JobItem is one item of a job's log stream. One of Line and Job is set, or neither when only Dropped is.
type JobItem struct {
	Line    *api.JobLine
	Job     *api.Job // the job changed; with a final status it is the last item
	Dropped int      // lines were lost here because this reader was too slow
}

// FollowJob yields the log of a job after line number after, and the job itself at once and at every
// change, until it is final. It resumes by itself. When ctx ends it stops without an error.
func (c *Client) FollowJob(ctx context.Context, id string, after int64) iter.Seq2[JobItem, error] {
	return c.jobStream(ctx, id, after, "")
}

// JobLog yields the log of a job so far.
func (c *Client) JobLog(ctx context.Context, id string, after int64) iter.Seq2[JobItem, error] {
	return c.jobStream(ctx, id, after, "false")
}

func (c *Client) jobStream(ctx context.Context, id string, after int64, follow string) iter.Seq2[JobItem, error] {
	return stream(ctx, c, withQuery(api.PathJobLog, "follow", follow), []string{id}, positive(after),
		func(event sseEvent) (item JobItem, err error) {
			switch event.name {
			case api.StreamLine:
				item.Line = new(api.JobLine)
				err = json.Unmarshal(event.data, item.Line)
			case api.StreamJob:
				item.Job = new(api.Job)
				err = json.Unmarshal(event.data, item.Job)
			case api.StreamDropped:
				item.Dropped, err = dropped(event.data)
			}
			return item, err
		})
}

// ConsoleItem is one item of a console stream. Line is nil when only Dropped is set.
type ConsoleItem struct {
	Line    *api.ConsoleLine
	Dropped int // lines were lost here
}

// ConsoleOptions say what of a console to show.
type ConsoleOptions struct {
	Cursor string // after this line; "" = the last Tail lines
	Tail   int    // 0 = the agent's default, 200; negative = none
	Follow bool   // go on with what comes
	Search string // only lines with this text, out of the last 100000
}

// Console yields lines of a server's console. It resumes by itself. When ctx ends it stops without an
// error.
func (c *Client) Console(ctx context.Context, name string, options ConsoleOptions) iter.Seq2[ConsoleItem, error] {
	tail := ""
	if options.Tail != 0 {
		tail = strconv.Itoa(max(options.Tail, 0))
	}
	target := withQuery(api.PathServerConsole, "tail", tail, "follow", strconv.FormatBool(options.Follow), "search", options.Search)
	return stream(ctx, c, target, []string{name}, options.Cursor, func(event sseEvent) (item ConsoleItem, err error) {
		switch event.name {
		case api.StreamLine:
			item.Line = new(api.ConsoleLine)
			err = json.Unmarshal(event.data, item.Line)
		case api.StreamDropped:
			item.Dropped, err = dropped(event.data)
		}
		return item, err
	})
}

// EventItem is one item of the event stream. Event is nil when only Dropped is set.
type EventItem struct {
	Event   *api.Event
	Dropped int // events were lost here
}

// FollowEvents yields events with an id above after, or from now on when it is negative, until ctx ends.
// It resumes by itself.
func (c *Client) FollowEvents(ctx context.Context, after int64) iter.Seq2[EventItem, error] {
	last := ""
	if after >= 0 {
		last = strconv.FormatInt(after, 10)
	}
	return stream(ctx, c, api.PathEventStream, nil, last, func(event sseEvent) (item EventItem, err error) {
		switch event.name {
		case api.StreamEvent:
			item.Event = new(api.Event)
			err = json.Unmarshal(event.data, item.Event)
		case api.StreamDropped:
			item.Dropped, err = dropped(event.data)
		}
		return item, err
	})
}

// WaitJob returns the job when it is final. report, if given, gets everything on the way.
func (c *Client) WaitJob(ctx context.Context, id string, report func(JobItem)) (api.Job, error) {
	for item, err := range c.FollowJob(ctx, id, 0) {
		if err != nil {
			return api.Job{}, err
		}
		if report != nil {
			report(item)
		}
	}
	if ctx.Err() != nil {
		return api.Job{}, ctx.Err()
	}
	return c.Job(ctx, id)
}

// Final reports whether a job with this status never changes again.
func Final(status string) bool { return status != "queued" && status != "running" && status != "" }

// stream decodes the events of one stream. Names it does not know are for newer clients.
func stream[Item comparable](ctx context.Context, c *Client, path string, parameters []string, last string, read func(sseEvent) (Item, error)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var zero Item
		target, err := fillPath(path, parameters...)
		if err != nil {
			yield(zero, err)
			return
		}
		for event, err := range c.follow(ctx, target, last) {
			item := zero
			if err == nil {
				item, err = read(event)
			}
			if err == nil && item == zero {
				continue
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

func dropped(data []byte) (int, error) {
	var body struct {
		Count int `json:"count"`
	}
	err := json.Unmarshal(data, &body)
	return body.Count, err
}
