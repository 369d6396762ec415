package fetch

import (
	"context"
	"errors"
	"io"
)

// bufferSize is large enough that system calls do not count, and small enough to stay in a processor's cache while the
// bytes are checked and written.
const bufferSize = 256 << 10

// copyBuffered copies until the end of from, an error, or the end of ctx. progress is called after each read.
func copyBuffered(ctx context.Context, to io.Writer, from io.Reader, progress func()) (int64, error) {
	buffer := make([]byte, bufferSize)
	var total int64
	for ctx.Err() == nil {
		n, err := from.Read(buffer)
		if n > 0 {
			if progress != nil {
				progress()
			}
			written, writeErr := to.Write(buffer[:n])
			total += int64(written)
			if writeErr != nil {
				return total, writeErr
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
	}
	return total, ctx.Err()
}
