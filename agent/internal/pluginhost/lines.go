package pluginhost

import (
	"bufio"
	"errors"
	"io"
)

// maxLine is the longest line that is kept of what a plugin prints, in bytes. The rest is discarded.
const maxLine = 64 << 10

// readLines hands each line of r, without its end, to take until r fails, in constant memory. discarded
// counts the bytes of the line that were too many. The slice is valid during the call only.
func readLines(r io.Reader, take func(line []byte, discarded int64)) {
	reader := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			kept := append([]byte(nil), line...)
			discarded, skipErr := skipLine(reader)
			take(kept, discarded)
			if skipErr != nil {
				return
			}
			continue
		}
		if len(line) > 0 {
			take(trimEnd(line), 0)
		}
		if err != nil {
			return
		}
	}
}

// skipLine discards the rest of a line and returns its length.
func skipLine(reader *bufio.Reader) (int64, error) {
	var n int64
	for {
		part, err := reader.ReadSlice('\n')
		n += int64(len(trimEnd(part)))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return n, err
		}
	}
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
