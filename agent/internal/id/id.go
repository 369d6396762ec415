// Package id makes the identifiers of everything the agent keeps, and checks names.
//
// An id is 26 characters of lowercase base32 (Crockford's alphabet, which has no i, l, o and u): 48
// bits of milliseconds since 1970, then 80 random bits. So ids sort by time, and nobody guesses one.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

const (
	alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	length   = 26
	maxName  = 64
)

// Source makes ids that rise strictly, also within one millisecond and when the clock is set back.
// The zero value is ready. It is safe for concurrent use.
type Source struct {
	mu       sync.Mutex
	high, lo uint64 // the last id as one 128-bit number
}

// The one package-level state of the agent: ids rise over the whole process only if every caller
// draws from the same source, as with the standard library's own random source.
var process Source

// New returns an id above all that New returned before in this process. It is safe for concurrent use.
func New() string { return process.New() }

// New returns an id above all that s returned before.
func (s *Source) New() string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	ms := uint64(max(time.Now().UnixMilli(), 0))
	high := ms<<16 | uint64(binary.BigEndian.Uint16(random[:2]))
	lo := binary.BigEndian.Uint64(random[2:])

	s.mu.Lock()
	defer s.mu.Unlock()
	if high < s.high || high == s.high && lo <= s.lo {
		high, lo = s.high, s.lo+1
		if lo == 0 {
			high++
		}
	}
	s.high, s.lo = high, lo
	return encode(high, lo)
}

// encode writes a 128-bit number as 26 digits of 5 bits, the first of which carries only 3.
func encode(high, lo uint64) string {
	var out [length]byte
	for i := length - 1; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | high<<59
		high >>= 5
	}
	return string(out[:])
}

// Valid reports whether s has the form of an id. It says nothing about whether something bears it.
func Valid(s string) bool {
	if len(s) != length || s[0] > '7' {
		return false
	}
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return true
}

func digit(c byte) bool {
	switch c {
	case 'i', 'l', 'o', 'u':
		return false
	}
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// ValidName reports whether s may name an overlay, blueprint, server or plugin: 1 to 64 characters
// of a-z, 0-9, _ and -, the first a letter or digit. Such a name is safe as a path element, in a URL,
// in a unit name and in a console command.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'; !plain && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return true
}
