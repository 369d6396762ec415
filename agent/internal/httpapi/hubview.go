package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/left4me/left4me/agent/api"
)

// follow answers a request with a console from a hub: first what the viewer has not seen of the past, read for it alone, then
// what all see. See [later].
func (a *API) follow(w http.ResponseWriter, c call, live ServerLive, tail int) {
	name, cursor := c.target, c.query.Get("after")
	later(w, func(out *eventWriter, r *http.Request) {
		one := a.hubs.join(name)
		defer a.hubs.leave(name, one)
		place, last, err := a.catchUp(out, r, one, live, name, cursor, tail)
		switch {
		case err != nil:
			_ = out.frames([]frame{a.end(r, err)})
		case place < 0:
			a.alone(out, r, live, name, last)
		default:
			a.view(out, r, one, place)
		}
	})
}

// catchUp writes the past that a viewer asks for. It returns its place in the hub; below 0 there is none, and the viewer
// goes on alone after the line with cursor last.
func (a *API) catchUp(
	out *eventWriter, r *http.Request, one *hub, live ServerLive, name, cursor string, tail int,
) (place int64, last string, err error) {
	if cursor == "" && tail == 0 {
		_, place = one.edges()
		return place, "", nil
	}
	if place, ok, _ := one.after(cursor); ok && cursor != "" {
		return place, cursor, nil
	}
	if last, err = replay(r.Context(), out, live, name, cursor, tail); err != nil {
		return -1, "", err
	}
	if place, ok := one.placeAfter(r.Context(), last); ok {
		return place, last, nil
	}
	return -1, last, nil
}

// placeAfter is where a viewer goes on that has seen everything up to the line with a cursor; "" = it has seen nothing.
func (h *hub) placeAfter(ctx context.Context, cursor string) (int64, bool) {
	if cursor == "" {
		first, _ := h.edges()
		return first, true
	}
	return h.find(ctx, cursor)
}

// replay writes the past and returns the cursor of its last line, or cursor itself when there was none.
func replay(ctx context.Context, out *eventWriter, live ServerLive, name, cursor string, tail int) (string, error) {
	var batch []frame
	err := guarded(func() error {
		return live.Console(ctx, name, cursor, tail, false, func(line api.ConsoleLine, dropped int) error {
			f, err := consoleFrame(line, dropped)
			if err != nil {
				return err
			}
			cursor = f.id
			if batch = append(batch, f); len(batch) < hubBatch {
				return nil
			}
			err = out.frames(batch)
			batch = batch[:0]
			return err
		})
	})
	if err == nil && len(batch) > 0 {
		err = out.frames(batch)
	}
	return cursor, err
}

// view writes lines of a hub until the viewer leaves, the API stops, or the console ends.
func (a *API) view(out *eventWriter, r *http.Request, one *hub, place int64) {
	for {
		some, changed, err := show(out, one, &place)
		if err != nil {
			return
		}
		if some {
			continue
		}
		if over, err := one.end(); over {
			_ = out.frames([]frame{a.end(r, err)})
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-a.stopping:
			return
		case <-changed:
		case <-out.heartbeat.C:
			if out.beat() != nil {
				return
			}
		}
	}
}

// batches are lent to viewers for the moment of a write.
var batches = sync.Pool{New: func() any { return new([hubBatch + 1]frame) }}

// show writes the next lines from place on, if there are some.
func show(out *eventWriter, one *hub, place *int64) (some bool, changed <-chan struct{}, err error) {
	lent := batches.Get().(*[hubBatch + 1]frame)
	defer func() {
		clear(lent[:]) // what was shown may be forgotten
		batches.Put(lent)
	}()
	frames, next, missed, changed := one.take(*place, lent[1:1])
	*place = next
	if missed > 0 {
		lent[0] = frame{dropped: missed}
		frames = lent[:1+len(frames)]
	}
	if len(frames) == 0 {
		return false, changed, nil
	}
	return true, changed, out.frames(frames)
}

// alone follows a console for one viewer, whose last line the hub does not know.
func (a *API) alone(out *eventWriter, r *http.Request, live ServerLive, name, cursor string) {
	a.pump(out, r, func(ctx context.Context, put func(frame) error) error {
		return live.Console(ctx, name, cursor, 0, true, func(line api.ConsoleLine, dropped int) error {
			f, err := consoleFrame(line, dropped)
			if err != nil {
				return err
			}
			return put(f)
		})
	})
}

// consoleFrame encodes a line. A cursor that cannot stand in a stream is left out: it cannot be resumed from.
func consoleFrame(line api.ConsoleLine, dropped int) (frame, error) {
	id := line.Cursor
	if !validText(id) {
		id = ""
	}
	data, err := marshal(line)
	if err != nil {
		return frame{}, fmt.Errorf("encode a console line: %w", err)
	}
	return frame{name: api.StreamLine, id: id, data: data, dropped: dropped}, nil
}

// guarded turns a panic of do into an error.
func guarded(do func() error) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v\n%s", thrown, debug.Stack())
		}
	}()
	return do()
}
