package job

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	redacted  = "•••"
	cutMark   = " … [line cut]"
	minSecret = 4    // shorter ones would blacken ordinary text
	maxSecret = 1024 // longer ones are looked for in pieces of this size
	cutAt     = maxText - len(cutMark) - len(redacted)
)

// clean makes raw fit for a log: no NUL, valid UTF-8, secrets replaced, at most maxText bytes. raw has
// to reach maxSecret bytes beyond the cut, so that a secret that lies across it is seen whole.
func clean(raw string, secrets []string) string {
	text := strings.ReplaceAll(raw, "\x00", "")
	text = strings.ToValidUTF8(text, "\uFFFD")
	var out strings.Builder
	at := 0
	for at < len(text) && at < cutAt && out.Len() < cutAt {
		from, size := nextSecret(text[at:], secrets)
		plain := whole(text[at:at+from], cutAt-max(at, out.Len()))
		out.WriteString(plain)
		at += len(plain)
		if len(plain) < from {
			break
		}
		if size > 0 {
			out.WriteString(redacted)
			at += size
		}
	}
	if at < len(text) {
		out.WriteString(cutMark)
	}
	return out.String()
}

// nextSecret finds the first secret in text, the longest at one place; without one it returns len(text), 0.
func nextSecret(text string, secrets []string) (from, size int) {
	from = len(text)
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 && i < from {
			from, size = i, len(secret)
		}
	}
	return from, size
}

// whole returns the start of text, at most limit bytes, without cutting a character.
func whole(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// addSecrets returns secrets with more, longest first. A secret of several lines counts line by line.
func addSecrets(secrets []string, more ...string) []string {
	out := slices.Clone(secrets)
	for _, secret := range more {
		for line := range strings.Lines(secret) {
			line = strings.Trim(line, "\r\n")
			for piece := range slices.Chunk([]byte(line), maxSecret) {
				if len(piece) >= minSecret {
					out = append(out, string(piece))
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(out)
}
