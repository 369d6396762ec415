package keyvalues

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decode turns the bytes of a file into text with \n line ends, and names what it mended.
func decode(data []byte) (text string, note string) {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		text, note = string(data[3:]), "a byte order mark was left out"
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		text, note = decode16(data[2:], binary.LittleEndian), "the file is UTF-16"
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		text, note = decode16(data[2:], binary.BigEndian), "the file is UTF-16"
	case looksLike16(data):
		text, note = decode16(data, binary.LittleEndian), "the file is UTF-16 without a byte order mark"
	default:
		text = string(data)
	}
	if !utf8.ValidString(text) {
		text, note = decode1252(text), "the file is not UTF-8; it was read as Windows-1252"
	}
	if strings.ContainsRune(text, 0) {
		text, note = strings.ReplaceAll(text, "\x00", ""), "zero bytes were left out"
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n"), note
}

// looksLike16 finds UTF-16 without a byte order mark: ASCII letters with zero bytes between them.
func looksLike16(data []byte) bool {
	return len(data) >= 4 && data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0
}

func decode16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// windows1252 are the characters 0x80 to 0x9F; the others are as in Latin-1.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

func decode1252(text string) string {
	table := []rune(windows1252)
	var out strings.Builder
	out.Grow(len(text) + len(text)/8)
	for i := range len(text) {
		switch c := text[i]; {
		case c < 0x80 || c >= 0xA0:
			out.WriteRune(rune(c))
		default:
			out.WriteRune(table[c-0x80])
		}
	}
	return out.String()
}
