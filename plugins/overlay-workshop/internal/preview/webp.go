package preview

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/riff"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// webpFrames returns the dimensions of all frames in a WebP file. In its extended form the canvas has dimensions too, and
// the decoder believes those of the frame. Formats: RFC 9649 (container, VP8L), RFC 6386 section 9.1 (VP8).
func webpFrames(data []byte) ([]image.Point, error) {
	_, chunks, err := riff.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: webp: %w", ErrNone, err)
	}
	var out []image.Point
	for {
		id, _, body, err := chunks.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: webp: %w", ErrNone, err)
		}
		var head [10]byte
		n, _ := io.ReadFull(body, head[:]) // a short one has no frame; the decoder will say so
		switch {
		case string(id[:]) == "VP8 " && n == 10:
			out = append(out, image.Pt((int(head[7])<<8|int(head[6]))&0x3fff, (int(head[9])<<8|int(head[8]))&0x3fff))
		case string(id[:]) == "VP8L" && n >= 5:
			bits := uint32(head[1]) | uint32(head[2])<<8 | uint32(head[3])<<16 | uint32(head[4])<<24
			out = append(out, image.Pt(int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1))
		}
	}
}
