// Package wire makes Go values fit for protobuf fields, where strings must be valid UTF-8 and
// messages must stay small.
package wire

import (
	"strings"
	"unicode/utf8"
)

// Limits of texts, in bytes.
const (
	ErrorText = 4 << 10  // each text of an error: they travel in HTTP/2 trailers
	LongText  = 32 << 10 // a log line, a summary
)

// Text returns text as valid UTF-8 of at most limit bytes, cut at a rune.
func Text(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// Texts returns a copy of list with each entry made valid by [Text].
func Texts(list []string, limit int) []string {
	var out []string
	for _, text := range list {
		out = append(out, Text(text, limit))
	}
	return out
}

// Map returns a copy of m with keys and values of valid UTF-8. Nil stays nil.
func Map(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		out[strings.ToValidUTF8(key, "\uFFFD")] = strings.ToValidUTF8(value, "\uFFFD")
	}
	return out
}
