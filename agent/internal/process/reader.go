package process

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/left4me/left4me/agent/internal/server"
)

const (
	readBlock  = 256 << 10 // bytes that one batch reads at most; more than one record
	batchLines = 512
	// rotationTries is how often a segment may be rotated away between listing and opening it.
	rotationTries = 100
)

// batch is some lines of a console and the positions after each of them.
type batch struct {
	lines []server.Line
	after []position
}

// readAfter returns the lines after pos, at most one batch, and the position behind them. It returns no lines
// at the end. A position that does not exist, or no longer, continues with the oldest line, whose Dropped then
// tells how many are missing.
func readAfter(dir string, pos position) (batch, position, error) {
	var b batch
	next, err := pos, error(nil)
	for range rotationTries {
		if b, next, err = tryReadAfter(dir, pos); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return b, next, err
}

func tryReadAfter(dir string, pos position) (batch, position, error) {
	segments, err := listSegments(dir)
	if err != nil || len(segments) == 0 {
		return batch{}, pos, err
	}
	at, lost := locate(segments, pos)
	for i, seg := range segments {
		if i+1 < len(segments) && segments[i+1].start <= at.offset {
			continue
		}
		b, next, err := readSegment(seg, at)
		if err != nil || len(b.lines) > 0 {
			return markLost(b, lost, pos), next, err
		}
		at.offset = next.offset // at the end of this segment: the next one starts here
	}
	return batch{}, at, nil
}

// locate turns pos into a position that exists, and reports whether something is missing in between.
func locate(segments []segment, pos position) (at position, lost bool) {
	oldest := position{epoch: segments[0].epoch, offset: segments[0].start}
	switch {
	case pos.epoch == "":
		return oldest, false
	case pos.epoch != oldest.epoch, pos.offset < oldest.offset:
		return oldest, true
	case !isBoundary(segments, pos.offset):
		return oldest, true
	}
	return pos, false
}

// isBoundary reports whether a record ends right before offset.
func isBoundary(segments []segment, offset int64) bool {
	for i := len(segments) - 1; i >= 0; i-- {
		seg := segments[i]
		switch {
		case seg.start > offset:
			continue
		case seg.start == offset:
			return true
		}
		f, err := os.Open(seg.path)
		if err != nil {
			return false
		}
		defer func() { _ = f.Close() }()
		var last [1]byte
		_, err = f.ReadAt(last[:], offset-seg.start-1)
		return err == nil && last[0] == '\n'
	}
	return false
}

// markLost puts the number of missing lines on the first line.
func markLost(b batch, lost bool, pos position) batch {
	if !lost || len(b.lines) == 0 {
		return b
	}
	missing := 1 // of another console, nobody knows how many
	if first := b.after[0]; first.epoch == pos.epoch && first.number > pos.number+1 {
		missing = int(min(first.number-pos.number-1, 1<<30))
	}
	b.lines[0].Dropped += missing
	return b
}

// readSegment reads whole records from one file.
func readSegment(seg segment, at position) (batch, position, error) {
	f, err := os.Open(seg.path)
	if err != nil {
		return batch{}, at, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return batch{}, at, err
	}
	offset := max(at.offset-seg.start, 0)
	buf := make([]byte, min(max(info.Size()-offset, 0), readBlock))
	n, err := f.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return batch{}, at, err
	}
	b, next := parseRecords(buf[:n], at, batchLines)
	return b, next, nil
}

// parseRecords reads whole records from data, which starts at pos. A damaged record is passed over.
func parseRecords(data []byte, pos position, limit int) (batch, position) {
	var b batch
	for len(b.lines) < limit {
		n := bytes.IndexByte(data, '\n')
		if n < 0 {
			break
		}
		pos.offset += int64(n) + 1
		if number, line, ok := parseRecord(data[:n]); ok {
			pos.number = number
			line.Cursor = pos.cursor()
			b.lines, b.after = append(b.lines, line), append(b.after, pos)
		}
		data = data[n+1:]
	}
	return b, pos
}

// endOf returns the position after the last whole record.
func endOf(dir string) (position, error) {
	pos, err := tailOf(dir, 1)
	for err == nil {
		var b batch
		if b, pos, err = readAfter(dir, pos); len(b.lines) == 0 {
			break
		}
	}
	return pos, err
}

// tailOf returns the position before the last n records.
func tailOf(dir string, n int) (position, error) {
	segments, err := listSegments(dir)
	if err != nil || len(segments) == 0 {
		return position{}, err
	}
	pos := position{epoch: segments[0].epoch, offset: segments[0].start}
	for i := len(segments) - 1; i >= 0; i-- {
		offset, found, err := lastRecords(segments[i].path, n)
		if errors.Is(err, fs.ErrNotExist) {
			break // rotated away: what is left is less than asked for
		}
		if err != nil {
			return pos, err
		}
		pos.offset = segments[i].start + offset
		if n -= found; n <= 0 {
			break
		}
	}
	return pos, nil
}

// lastRecords returns where the last n records of a file begin, and how many there are if fewer.
func lastRecords(path string, n int) (offset int64, found int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	buf := make([]byte, 64<<10)
	ends := 0 // line ends seen, from behind
	for at := info.Size(); at > 0; {
		size := min(at, int64(len(buf)))
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' {
				continue
			}
			if ends++; ends > n {
				return at + i + 1, n, nil
			}
		}
	}
	return 0, ends, nil
}
