package ui

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/console"
	"github.com/left4me/left4me/web/internal/relay"
)

// relays share the agents' streams between viewers. What a viewer may read is decided before; the upstream is the panel's
// own.
type relays struct {
	consoles *relay.Relay[printed]
	events   *relay.Relay[api.Event]
	jobs     *relay.Relay[told]
}

// What a stream keeps for readers that come back, and how long it goes on without one.
const (
	consoleKeep = 10_000
	eventKeep   = 500
	jobKeep     = maxLogLines
	lingerFor   = 10 * time.Second
)

func newRelays() relays {
	return relays{consoles: relay.New[printed](consoleKeep, lingerFor), events: relay.New[api.Event](eventKeep, lingerFor),
		jobs: relay.New[told](jobKeep, lingerFor)}
}

func (r relays) close() {
	r.consoles.Close()
	r.events.Close()
	r.jobs.Close()
}

// upstream is what a shared stream is about.
type upstream struct {
	agent *client.Client // another address or token is another stream
	id    string         // of a server or job: a name may be used again
}

// printed is a line of a console, ready for all viewers.
type printed struct {
	cursor string
	data   json.RawMessage
}

// shownLine is what the page's script gets.
type shownLine struct {
	Text  string         `json:"text"`
	Level string         `json:"level,omitempty"`
	Spans []console.Span `json:"spans,omitempty"` // when there is more than one colour
	Time  time.Time      `json:"time"`
}

func newPrinted(line api.ConsoleLine) (printed, error) {
	parsed := console.Parse(line.Text)
	shown := shownLine{Text: parsed.Text(), Level: parsed.Level, Time: line.Time}
	if len(parsed.Spans) > 1 || len(parsed.Spans) == 1 && parsed.Spans[0].Tone != "" {
		shown.Spans = parsed.Spans
	}
	data, err := json.Marshal(shown)
	return printed{cursor: line.Cursor, data: data}, err
}

func consoleItem(item client.ConsoleItem) (relay.Item[printed], error) {
	out := relay.Item[printed]{Dropped: item.Dropped}
	if item.Line == nil {
		return out, nil
	}
	var err error
	out.Value, err = newPrinted(*item.Line)
	out.Has = true
	return out, err
}

func consoleSource(agent *client.Client, name string) relay.Source[printed] {
	return relay.Source[printed]{
		ID: func(line printed) string { return line.cursor },
		Past: func(ctx context.Context, after string) ([]relay.Item[printed], error) {
			var out []relay.Item[printed]
			lost := 0
			for item, err := range agent.Console(ctx, name, client.ConsoleOptions{Cursor: after, Tail: 500}) {
				if err != nil {
					return nil, err
				}
				shown, err := consoleItem(item)
				if err != nil {
					return nil, err
				}
				if out = append(out, shown); len(out) >= 2*consoleKeep { // somebody was away for long
					lost += consoleKeep
					out = append(out[:0], out[consoleKeep:]...)
				}
			}
			if lost > 0 {
				out = append([]relay.Item[printed]{{Dropped: lost}}, out...)
			}
			return out, ctx.Err()
		},
		Follow: func(ctx context.Context, after string) iter.Seq2[relay.Item[printed], error] {
			return func(yield func(relay.Item[printed], error) bool) {
				for item, err := range agent.Console(ctx, name, client.ConsoleOptions{Cursor: after, Tail: 500, Follow: true}) {
					var shown relay.Item[printed]
					if err == nil {
						shown, err = consoleItem(item)
					}
					if !yield(shown, err) || err != nil {
						return
					}
				}
			}
		},
	}
}

// eventPages bounds how far back somebody who was away is told what happened.
const eventPages = 5

func eventSource(agent *client.Client) relay.Source[api.Event] {
	return relay.Source[api.Event]{
		ID: func(e api.Event) string { return strconv.FormatInt(e.ID, 10) },
		Past: func(ctx context.Context, after string) ([]relay.Item[api.Event], error) {
			filter := client.EventFilter{Limit: 100}
			if id, err := strconv.ParseInt(after, 10, 64); err == nil {
				filter.After, filter.Limit = max(id, 0), 1000
			}
			var out []relay.Item[api.Event]
			for range eventPages {
				list, err := agent.Events(ctx, filter)
				if err != nil {
					return nil, err
				}
				for _, e := range list {
					out = append(out, relay.Item[api.Event]{Value: e, Has: true})
					filter.After = e.ID
				}
				if after == "" || len(list) < filter.Limit {
					break
				}
			}
			return out, nil
		},
		Follow: func(ctx context.Context, after string) iter.Seq2[relay.Item[api.Event], error] {
			from := int64(0) // nothing was before, so all that comes is new, also while the agent is away
			if id, err := strconv.ParseInt(after, 10, 64); err == nil {
				from = id
			}
			return func(yield func(relay.Item[api.Event], error) bool) {
				for item, err := range agent.FollowEvents(ctx, from) {
					shown := relay.Item[api.Event]{Dropped: item.Dropped}
					if item.Event != nil {
						shown.Value, shown.Has = *item.Event, true
					}
					if !yield(shown, err) || err != nil {
						return
					}
				}
			}
		},
	}
}

func (p *Panel) consoleStream(w http.ResponseWriter, r *http.Request) error {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return errNoPage
	}
	name := param(r, "name")
	found, err := host.Client.Server(r.Context(), name)
	if err != nil {
		return err
	}
	after := lastID(r)
	return stream(w, r, func(ctx context.Context, out *sse) error {
		for item, err := range p.relays.consoles.Read(ctx, upstream{host.Client, found.ID}, after, consoleSource(host.Client, name)) {
			if err == nil && item.Dropped > 0 {
				err = out.send("dropped", "", dropped{item.Dropped})
			}
			if err == nil && item.Has {
				err = out.send("line", item.Value.cursor, item.Value.data)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *Panel) eventStream(w http.ResponseWriter, r *http.Request) error {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return errNoPage
	}
	sees, err := p.newLiveSight(r)
	if err != nil {
		return err
	}
	after := relay.Now
	if id := lastID(r); id != "" {
		if _, err := strconv.ParseInt(id, 10, 64); err == nil {
			after = id
		}
	}
	return stream(w, r, func(ctx context.Context, out *sse) error {
		for item, err := range p.relays.events.Read(ctx, upstream{agent: host.Client}, after, eventSource(host.Client)) {
			if err == nil && item.Dropped > 0 {
				err = out.send("dropped", "", dropped{item.Dropped})
			}
			if err == nil && item.Has && sees.event(item.Value) {
				err = out.send("event", strconv.FormatInt(item.Value.ID, 10), item.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
