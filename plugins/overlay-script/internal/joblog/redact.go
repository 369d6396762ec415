package joblog

import (
	"bytes"
	"slices"
	"strings"
)

// shortest is the length in bytes from which a secret is looked for. Shorter ones would be found in
// every other word.
const shortest = 4

// redactor replaces secrets.
type redactor struct{ secrets [][]byte }

// newRedactor takes secrets apart at line ends, since the log looks at one line at a time. Longer ones
// come first, so that a secret inside another does not leave a rest of it.
func newRedactor(secrets []string) redactor {
	var out redactor
	for _, secret := range secrets {
		for part := range strings.Lines(secret) {
			if part = strings.Trim(part, "\r\n"); len(part) >= shortest {
				out.secrets = append(out.secrets, []byte(part))
			}
		}
	}
	slices.SortFunc(out.secrets, func(a, b []byte) int { return len(b) - len(a) })
	return out
}

// clean returns a copy of data without secrets.
func (r redactor) clean(data []byte) []byte {
	out := bytes.Clone(data)
	for _, secret := range r.secrets {
		out = bytes.ReplaceAll(out, secret, []byte(mark))
	}
	return out
}

// withoutBeginning removes from the end of data what could be the beginning of a secret.
func (r redactor) withoutBeginning(data []byte) []byte {
	keep := len(data)
	for _, secret := range r.secrets {
		for n := min(len(secret)-1, len(data)); n > 0; n-- {
			if bytes.HasSuffix(data, secret[:n]) {
				keep = min(keep, len(data)-n)
				break
			}
		}
	}
	return data[:keep]
}
