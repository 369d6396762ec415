package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds one server-sent event in memory.
const maxEvent = 1 << 20

// sseEvent is one server-sent event.
type sseEvent struct {
	name  string
	id    string
	hasID bool
	data  []byte
}

// sseReader reads server-sent events as in
// https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the agent sends them.
type sseReader struct {
	lines *bufio.Scanner
}

func newSSEReader(r io.Reader) *sseReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxEvent)
	return &sseReader{lines: lines}
}

// next returns the next event that has data. It is io.EOF when the stream ended, also in the middle of an
// event: that one is not complete.
func (s *sseReader) next() (sseEvent, error) {
	var event sseEvent
	for s.lines.Scan() {
		line := s.lines.Bytes()
		if len(line) == 0 {
			if event.data != nil {
				return event, nil
			}
			event = sseEvent{}
			continue
		}
		event.add(line)
		if len(event.data) > maxEvent {
			return event, bufio.ErrTooLong
		}
	}
	err := s.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return event, fmt.Errorf("an event is larger than %d bytes", maxEvent)
	}
	if err == nil {
		err = io.EOF
	}
	return event, err
}

func (e *sseEvent) add(line []byte) {
	field, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(field) {
	case "event":
		e.name = string(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			e.id, e.hasID = string(value), true
		}
	case "data":
		if e.data != nil {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
		if e.data == nil {
			e.data = []byte{}
		}
	}
}
