package ui

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/relay"
	"github.com/left4me/left4me/web/internal/view"
)

// told is what a job's stream tells, ready for all viewers: a line of its log, or the job as it became.
type told struct {
	seq  int64 // of a line; 0 = the job
	data json.RawMessage
}

func newTold(item client.JobItem) (out relay.Item[told], err error) {
	out.Dropped = item.Dropped
	switch {
	case item.Line != nil:
		out.Value.seq, out.Has = item.Line.Seq, true
		out.Value.data, err = json.Marshal(item.Line)
	case item.Job != nil:
		out.Has = true
		out.Value.data, err = json.Marshal(item.Job)
	}
	return out, err
}

// jobSource is a job's log with what the job becomes in between. It ends with the job.
func jobSource(agent *client.Client, id string) relay.Source[told] {
	return relay.Source[told]{
		ID: func(t told) string {
			if t.seq == 0 {
				return ""
			}
			return strconv.FormatInt(t.seq, 10)
		},
		Past: func(ctx context.Context, after string) ([]relay.Item[told], error) {
			var out []relay.Item[told]
			lost := 0
			for item, err := range agent.JobLog(ctx, id, number(after)) {
				if err != nil {
					return nil, err
				}
				shown, err := newTold(item)
				if err != nil {
					return nil, err
				}
				if out = append(out, shown); len(out) >= 2*jobKeep { // a long log, and nobody has its beginning
					lost += jobKeep
					out = append(out[:0], out[jobKeep:]...)
				}
			}
			if lost > 0 {
				out = append([]relay.Item[told]{{Dropped: lost}}, out...)
			}
			return out, ctx.Err()
		},
		Follow: func(ctx context.Context, after string) iter.Seq2[relay.Item[told], error] {
			return func(yield func(relay.Item[told], error) bool) {
				for item, err := range agent.FollowJob(ctx, id, number(after)) {
					var shown relay.Item[told]
					if err == nil {
						shown, err = newTold(item)
					}
					if !yield(shown, err) || err != nil {
						return
					}
				}
			}
		},
	}
}

// number reads the number of a line; what is none is the beginning.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return max(n, 0)
}

func (p *Panel) jobStream(w http.ResponseWriter, r *http.Request) error {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return errNoPage
	}
	id := param(r, "id")
	now, err := host.Client.Job(r.Context(), id)
	if err != nil {
		return err
	}
	last, after := number(lastID(r)), ""
	if last > 0 {
		after = strconv.FormatInt(last, 10)
	}
	return stream(w, r, func(ctx context.Context, out *sse) error {
		// What the job became before this viewer came is not told again to everybody. That it ended is told after its log.
		if view.Busy(now.Status) {
			if err := out.send("job", "", now); err != nil {
				return err
			}
		}
		for item, err := range p.relays.jobs.Read(ctx, upstream{host.Client, id}, after, jobSource(host.Client, id)) {
			if err == nil && item.Dropped > 0 {
				err = out.send("dropped", "", dropped{item.Dropped})
			}
			switch {
			case err != nil || !item.Has:
			case item.Value.seq == 0:
				err = out.send("job", "", item.Value.data)
			case item.Value.seq > last: // the page may be ahead of the shared stream
				last = item.Value.seq
				err = out.send("line", strconv.FormatInt(last, 10), item.Value.data)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
