package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	maxLine = 8 << 10 // bytes of one line; the rest is cut
	cutMark = " […]"
)

// consoleWriter frames what a game prints into lines and writes them as records. What comes faster than the
// limits allow is counted and dropped, never waited for: the game must not block on its console. It is not
// safe for concurrent use.
type consoleWriter struct {
	dir    string
	limits ConsoleLimits

	epoch   string
	file    *os.File
	start   int64 // of the current segment
	size    int64 // of the current segment
	number  uint64
	pending []byte // records that are not written yet

	line    []byte // a line that has not ended yet
	cut     bool   // the rest of that line is skipped
	lines   bucket
	bytes   bucket
	dropped int // since the last record
}

// openConsole continues the console in dir, or begins one. A record that a killed writer left unfinished is
// removed: no reader has seen it.
func openConsole(dir string, limits ConsoleLimits, now time.Time) (*consoleWriter, error) {
	limits = limits.withDefaults()
	w := &consoleWriter{
		dir: dir, limits: limits,
		lines: newBucket(limits.LinesPerSecond, limits.BurstLines, now),
		bytes: newBucket(limits.BytesPerSecond, 4*limits.BytesPerSecond, now),
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	end, err := endOf(dir)
	if err != nil {
		return nil, err
	}
	w.epoch, w.number = end.epoch, end.number
	if w.epoch == "" {
		w.epoch = fmt.Sprintf("%x", now.UnixNano())
	}
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	if len(segments) == 0 {
		return w, w.openSegment(0)
	}
	w.start = segments[len(segments)-1].start
	if w.file, err = os.OpenFile(segments[len(segments)-1].path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return nil, err
	}
	w.size = max(end.offset-w.start, 0)
	return w, w.file.Truncate(w.size)
}

func (w *consoleWriter) openSegment(start int64) error {
	f, err := os.OpenFile(filepath.Join(w.dir, segmentName(w.epoch, start)), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	if w.file != nil {
		_ = w.file.Close()
	}
	w.file, w.start, w.size = f, start, 0
	return nil
}

// Feed takes what the game printed.
func (w *consoleWriter) Feed(data []byte, now time.Time) {
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		part := data
		if i >= 0 {
			part = data[:i]
		}
		w.extend(part)
		if i < 0 {
			break
		}
		w.endLine(now)
		data = data[i+1:]
	}
	w.flush()
}

// extend appends to the line, up to its limit.
func (w *consoleWriter) extend(part []byte) {
	if w.cut {
		return
	}
	if room := maxLine - len(w.line); len(part) > room {
		keep := max(maxLine-len(cutMark)-len(w.line), 0)
		w.line = append(w.line, part[:min(keep, len(part))]...)
		w.line = append(w.line[:min(len(w.line), maxLine-len(cutMark))], cutMark...)
		w.cut = true
		return
	}
	w.line = append(w.line, part...)
}

func (w *consoleWriter) endLine(now time.Time) {
	text := bytes.TrimSuffix(w.line, []byte("\r"))
	w.lines.fill(now)
	w.bytes.fill(now)
	if w.lines.level >= 1 && w.bytes.level >= float64(len(text)) {
		w.lines.level--
		w.bytes.level -= float64(len(text))
		w.record(text, now)
	} else {
		w.dropped++
	}
	w.line, w.cut = w.line[:0], false
}

func (w *consoleWriter) record(text []byte, now time.Time) {
	w.number++
	w.pending = appendRecord(w.pending, w.number, now, w.dropped, text)
	w.dropped = 0
	if w.size+int64(len(w.pending)) >= w.limits.SegmentBytes {
		w.flush()
		w.rotate()
	}
}

// Settle says what was dropped when nothing was printed for a while.
func (w *consoleWriter) Settle(now time.Time) {
	if w.dropped > 0 {
		w.record(fmt.Appendf(nil, "[left4me] %d lines came too fast and were dropped", w.dropped), now)
		w.flush()
	}
}

// Close writes a last line without end, and closes the file.
func (w *consoleWriter) Close(now time.Time) error {
	if len(w.line) > 0 || w.cut {
		w.endLine(now)
	}
	w.Settle(now)
	w.flush()
	return w.file.Close()
}

// flush writes whole records. On a full disk they are lost and counted, and the file is left as if they had
// never been tried.
func (w *consoleWriter) flush() {
	if len(w.pending) == 0 {
		return
	}
	if _, err := w.file.Write(w.pending); err != nil {
		w.dropped += bytes.Count(w.pending, []byte("\n"))
		_ = w.file.Truncate(w.size)
	} else {
		w.size += int64(len(w.pending))
	}
	w.pending = w.pending[:0]
}

// rotate begins a segment and removes the oldest. When it fails, the current one grows on.
func (w *consoleWriter) rotate() {
	if w.size < w.limits.SegmentBytes || w.openSegment(w.start+w.size) != nil {
		return
	}
	segments, err := listSegments(w.dir)
	if err != nil {
		return
	}
	for len(segments) > w.limits.Segments {
		_ = os.Remove(segments[0].path)
		segments = segments[1:]
	}
}

// bucket lets rate units a second through, and capacity at once.
type bucket struct {
	rate, capacity, level float64
	at                    time.Time
}

func newBucket(rate, capacity int, now time.Time) bucket {
	return bucket{rate: float64(rate), capacity: float64(capacity), level: float64(capacity), at: now}
}

func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.level = min(b.capacity, b.level+d.Seconds()*b.rate)
	}
	b.at = now
}
