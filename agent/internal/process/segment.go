package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// A console is a sequence of records, one a line, in segment files of bounded size:
//
//	<number> <µs since 1970> <dropped> <text>\n
//
// A segment is named <epoch>-<offset>.log, where offset is the place of its first byte in the whole
// console. So a position stays valid while its segment exists, whoever reads or writes. The epoch tells one
// console from a later one in the same place.

// segment is one file of a console.
type segment struct {
	epoch string
	start int64
	path  string
}

func segmentName(epoch string, start int64) string { return fmt.Sprintf("%s-%020d.log", epoch, start) }

// listSegments returns the segments of a console, oldest first. A directory that does not exist has none.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var out []segment
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), ".log")
		epoch, number, ok2 := strings.Cut(base, "-")
		start, err := strconv.ParseInt(number, 10, 64)
		if ok && ok2 && err == nil && start >= 0 {
			out = append(out, segment{epoch: epoch, start: start, path: filepath.Join(dir, e.Name())})
		}
	}
	slices.SortFunc(out, func(a, b segment) int { return int(min(max(a.start-b.start, -1), 1)) })
	return out, nil
}

// position is a place between two records.
type position struct {
	epoch  string // "" means before the first record
	offset int64
	number uint64 // of the record before it
}

// cursor is the position as the rest of the world sees it.
func (p position) cursor() string { return fmt.Sprintf("%s.%d.%d", p.epoch, p.offset, p.number) }

func parseCursor(s string) (position, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] == "" {
		return position{}, false
	}
	offset, err1 := strconv.ParseInt(parts[1], 10, 64)
	number, err2 := strconv.ParseUint(parts[2], 10, 64)
	return position{epoch: parts[0], offset: offset, number: number}, err1 == nil && err2 == nil && offset >= 0
}

func appendRecord(dst []byte, number uint64, at time.Time, dropped int, text []byte) []byte {
	dst = strconv.AppendUint(dst, number, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, at.UnixMicro(), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(dropped), 10)
	dst = append(dst, ' ')
	dst = append(dst, text...)
	return append(dst, '\n')
}

// parseRecord reads one record without its line end; ok is false when it is damaged.
func parseRecord(data []byte) (number uint64, line server.Line, ok bool) {
	fields := bytes.SplitN(data, []byte(" "), 4)
	if len(fields) != 4 {
		return 0, server.Line{}, false
	}
	number, err1 := strconv.ParseUint(string(fields[0]), 10, 64)
	micros, err2 := strconv.ParseInt(string(fields[1]), 10, 64)
	dropped, err3 := strconv.Atoi(string(fields[2]))
	if err1 != nil || err2 != nil || err3 != nil || dropped < 0 {
		return 0, server.Line{}, false
	}
	return number, server.Line{Time: time.UnixMicro(micros), Text: string(fields[3]), Dropped: dropped}, true
}
