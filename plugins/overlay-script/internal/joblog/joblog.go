// Package joblog makes the output of a script fit for a job's log: whole lines where possible, no
// line and no log without end, no secrets, no control characters that a terminal acts on.
package joblog

import (
	"bytes"
	"fmt"
	"sync"
)

// mark stands where a secret was.
const mark = "[secret]"

// Log receives both streams of one script and shares one limit between them.
type Log struct {
	mu      sync.Mutex
	emit    func(stream string, data []byte)
	maxLine int
	left    int
	dropped int
	cut     bool
	redact  redactor
	streams map[string]*line
}

// line is what one stream has of a line that has no end yet.
type line struct {
	rest []byte
	skip bool // the line is too long; the rest of it is dropped
}

// New returns a log that passes on at most maxBytes, and at most maxLine bytes of a line. Both must be
// positive. Emit is called with whole lines or parts of long ones, from one goroutine at a time.
func New(maxBytes, maxLine int, secrets []string, emit func(stream string, data []byte)) *Log {
	return &Log{emit: emit, maxLine: maxLine, left: maxBytes, redact: newRedactor(secrets), streams: map[string]*line{}}
}

// Write takes a piece of a stream. It never fails and never keeps data.
func (l *Log) Write(stream string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		l.dropped += len(data) // without a look at it: a flood must not cost the host its CPU
		return
	}
	s := l.streams[stream]
	if s == nil {
		s = &line{}
		l.streams[stream] = s
	}
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			l.add(stream, s, data)
			return
		}
		l.add(stream, s, data[:end])
		l.end(stream, s)
		data = data[end+1:]
	}
}

// Close passes on what is left, and says how much was cut.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, stream := range []string{"stdout", "stderr"} {
		if s := l.streams[stream]; s != nil && len(s.rest) > 0 {
			l.end(stream, s)
		}
	}
	if l.cut {
		l.emit("stderr", fmt.Appendf(nil, "[log cut: %d more bytes were written and are not kept]\n", l.dropped))
	}
}

// add appends to a line. A line that grows too long is passed on in part, so that memory has a limit.
func (l *Log) add(stream string, s *line, data []byte) {
	if s.skip {
		l.dropped += len(data)
		return
	}
	s.rest = append(s.rest, data...)
	if len(s.rest) <= l.maxLine {
		return
	}
	// The end may be the beginning of a secret whose rest is still to come.
	clean := l.redact.withoutBeginning(l.redact.clean(s.rest))
	clean = clean[:min(len(clean), l.maxLine)]
	l.pass(stream, append(clean, "[line cut]\n"...))
	*s = line{skip: true}
}

func (l *Log) end(stream string, s *line) {
	if !s.skip {
		l.pass(stream, append(l.redact.clean(s.rest), '\n'))
	}
	*s = line{rest: s.rest[:0]}
}

// pass hands on data until the log is full, and says once where it was cut.
func (l *Log) pass(stream string, data []byte) {
	if l.cut {
		l.dropped += len(data)
		return
	}
	if len(data) > l.left {
		l.cut = true
		l.dropped += len(data)
		l.emit("stderr", []byte("[log cut: it reached its limit; the script goes on]\n"))
		return
	}
	l.left -= len(data)
	l.emit(stream, printable(data))
}

// printable replaces control characters other than tab, newline, carriage return and escape, which
// starts colours.
func printable(data []byte) []byte {
	for i, c := range data {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != 0x1b || c == 0x7f {
			data[i] = '?'
		}
	}
	return data
}
