package job

import (
	"bytes"
	"sync"
)

// lineWriter cuts a byte stream into lines. A carriage return starts the line anew, as on a terminal,
// so a progress bar leaves only its last state. What exceeds the bound of a line is left out.
type lineWriter struct {
	emit func(raw string)

	mu     sync.Mutex
	line   []byte
	ret    bool // a carriage return came and what follows is not known yet
	closed bool
}

// Write takes p. It never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0 && !w.closed; {
		i := bytes.IndexAny(rest, "\r\n")
		if i < 0 {
			w.take(rest)
			break
		}
		w.take(rest[:i])
		if rest[i] == '\n' {
			w.end()
		} else {
			w.ret = true
		}
		rest = rest[i+1:]
	}
	return len(p), nil
}

// take adds part of a line. NULs are dropped here already, so that they use up no room.
func (w *lineWriter) take(part []byte) {
	if w.ret && len(part) > 0 {
		w.line, w.ret = w.line[:0], false
	}
	for len(part) > 0 && len(w.line) < maxText+maxSecret {
		n := bytes.IndexByte(part, 0)
		if n < 0 {
			n = len(part)
		}
		w.line = append(w.line, part[:min(n, maxText+maxSecret-len(w.line))]...)
		part = part[min(n+1, len(part)):]
	}
}

func (w *lineWriter) end() {
	w.emit(string(w.line))
	w.line, w.ret = w.line[:0], false
}

// flush emits what has no line end yet.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.line) > 0 {
		w.end()
	}
	w.closed = true
}
