package query

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

var splitHeader = []byte{0xfe, 0xff, 0xff, 0xff}

const (
	splitHeaderSize = 12
	maxSplitParts   = 32
)

// Assembler joins the datagrams of split answers. Feed it the datagrams of one query; it is not safe for
// concurrent use. Parts of another id than the first one seen are ignored, and at most 32 parts are kept.
type Assembler struct {
	id    uint32
	total int
	parts map[int][]byte
}

// Add takes one datagram. It returns a whole answer, header included, when data is one or completes one,
// and nil when more is needed. The bytes may alias data.
func (a *Assembler) Add(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, simpleHeader) {
		return data, nil
	}
	if !bytes.HasPrefix(data, splitHeader) || len(data) < splitHeaderSize {
		return nil, fmt.Errorf("%w: header", ErrA2S)
	}
	id := binary.LittleEndian.Uint32(data[4:])
	total, number := int(data[8]), int(data[9]) // u16 part size follows
	if id>>31 != 0 {
		return nil, fmt.Errorf("%w: compressed answers are not spoken by Left 4 Dead 2", ErrA2S)
	}
	if total == 0 || total > maxSplitParts || number >= total {
		return nil, fmt.Errorf("%w: part %d of %d", ErrA2S, number, total)
	}
	if a.parts == nil {
		a.id, a.total, a.parts = id, total, map[int][]byte{}
	}
	if id != a.id || total != a.total {
		return nil, nil
	}
	a.parts[number] = bytes.Clone(data[splitHeaderSize:])
	if len(a.parts) < a.total {
		return nil, nil
	}
	return a.join()
}

func (a *Assembler) join() ([]byte, error) {
	var out []byte
	for i := range a.total {
		out = append(out, a.parts[i]...)
	}
	a.parts = nil
	if !bytes.HasPrefix(out, simpleHeader) {
		return nil, fmt.Errorf("%w: joined answer has no header", ErrA2S)
	}
	return out, nil
}
