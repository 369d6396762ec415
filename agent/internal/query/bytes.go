package query

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
)

// cursor reads little-endian fields from an answer. After the first read past the end bad is set and every
// further read gives zero values.
type cursor struct {
	data []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || len(c.data) < n {
		c.bad = true
		return make([]byte, n)
	}
	out := c.data[:n]
	c.data = c.data[n:]
	return out
}

func (c *cursor) byte() byte     { return c.take(1)[0] }
func (c *cursor) uint16() uint16 { return binary.LittleEndian.Uint16(c.take(2)) }
func (c *cursor) uint32() uint32 { return binary.LittleEndian.Uint32(c.take(4)) }
func (c *cursor) uint64() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

func (c *cursor) float32() float32 { return math.Float32frombits(c.uint32()) }

// text reads up to the next NUL. Names are cut at bytes by the engine, so they may end inside a character.
func (c *cursor) text() string {
	i := bytes.IndexByte(c.data, 0)
	if c.bad || i < 0 {
		c.bad = true
		return ""
	}
	s := string(c.data[:i])
	c.data = c.data[i+1:]
	return strings.ToValidUTF8(s, "\uFFFD")
}
