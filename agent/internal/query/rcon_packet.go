package query

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Types of RCON packets. AuthResponse and ExecCommand share a number; the direction tells them apart.
const (
	PacketResponseValue int32 = 0
	PacketExecCommand   int32 = 2
	PacketAuthResponse  int32 = 2
	PacketAuth          int32 = 3
)

// Bounds of the size field, which counts everything after itself: id, type, body and two NULs.
const (
	minPacketSize = 10
	// maxPacketSize leaves room above the documented 4096: the engine has been seen to fill the body
	// itself to 4096 bytes.
	maxPacketSize = 4096 + minPacketSize
)

// ErrPacket says that what was read is no RCON packet. The stream cannot be resumed after it.
var ErrPacket = errors.New("not an RCON packet")

// Packet is one RCON packet. Body is without the two NULs that end it on the wire.
type Packet struct {
	ID   int32
	Type int32
	Body []byte
}

// Append returns dst with p in wire form. The caller keeps the body within what the receiver takes.
func (p Packet) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(minPacketSize+len(p.Body)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.ID))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(p.Type))
	dst = append(dst, p.Body...)
	return append(dst, 0, 0)
}

// ReadPacket reads one packet. It returns io.EOF at a clean end, io.ErrUnexpectedEOF when the stream ends
// inside a packet, and ErrPacket for a size out of bounds or a missing end; it allocates no more than one
// packet.
func ReadPacket(r io.Reader) (Packet, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Packet{}, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < minPacketSize || size > maxPacketSize {
		return Packet{}, fmt.Errorf("%w: size %d", ErrPacket, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Packet{}, err
	}
	if data[size-1] != 0 || data[size-2] != 0 {
		return Packet{}, fmt.Errorf("%w: no end", ErrPacket)
	}
	return Packet{
		ID:   int32(binary.LittleEndian.Uint32(data)),
		Type: int32(binary.LittleEndian.Uint32(data[4:])),
		Body: data[8 : size-2],
	}, nil
}
