package job

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzWriter splits input anywhere and looks at what every line must fulfil.
func FuzzWriter(f *testing.F) {
	f.Add("a\nb\r\nc\rd", "secret", 3)
	f.Add(strings.Repeat("x", 9000)+"secret\n", "secret", 100)
	f.Add("\x00\xff\r\n", "\xff\xff\xff\xff", 1)
	f.Fuzz(func(t *testing.T, input, secret string, step int) {
		if step <= 0 {
			return
		}
		secrets := addSecrets(nil, secret)
		var lines []string
		w := &lineWriter{emit: func(raw string) { lines = append(lines, clean(raw, secrets)) }}
		for rest := input; rest != ""; {
			n := min(step, len(rest))
			_, _ = w.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		w.flush()
		if got, most := len(lines), strings.Count(input, "\n")+1; got > most {
			t.Errorf("%d lines from %d", got, most)
		}
		for _, line := range lines {
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\x00\n") || len(line) > maxText {
				t.Errorf("bad line of %d bytes: %.100q", len(line), line)
			}
			for _, secret := range secrets {
				if utf8.ValidString(secret) && !strings.ContainsAny(secret, "\x00\r") && !strings.Contains(redacted+cutMark, secret) && strings.Contains(line, secret) {
					t.Errorf("line shows the secret: %.100q", line)
				}
			}
		}
	})
}
