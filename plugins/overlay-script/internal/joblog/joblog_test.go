package joblog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-script/internal/joblog"
)

// collect writes pieces to one stream of a log and returns what came through, per stream.
func collect(maxBytes, maxLine int, secrets []string, pieces ...string) map[string]string {
	got := map[string]string{}
	log := joblog.New(maxBytes, maxLine, secrets, func(stream string, data []byte) { got[stream] += string(data) })
	for _, piece := range pieces {
		log.Write("stdout", []byte(piece))
	}
	log.Close()
	return got
}

func TestLinesPassWhole(t *testing.T) {
	got := collect(1000, 100, nil, "one\ntw", "o\nlast")
	if diff := cmp.Diff(map[string]string{"stdout": "one\ntwo\nlast\n"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreReplaced(t *testing.T) {
	secrets := []string{"hunter2hunter2", "hunter2", "line-one\nline-two", "ab"}
	for name, c := range map[string]struct{ pieces, want []string }{
		"whole":          {[]string{"a hunter2 b\n"}, []string{"a [secret] b\n"}},
		"across pieces":  {[]string{"a hun", "ter", "2 b\n"}, []string{"a [secret] b\n"}},
		"longest first":  {[]string{"hunter2hunter2\n"}, []string{"[secret]\n"}},
		"several lines":  {[]string{"line-one\nline-two\n"}, []string{"[secret]\n[secret]\n"}},
		"too short":      {[]string{"cab\n"}, []string{"cab\n"}},
		"without an end": {[]string{"x hunter2"}, []string{"x [secret]\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := collect(1000, 100, secrets, c.pieces...)
			if diff := cmp.Diff(strings.Join(c.want, ""), got["stdout"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLongLineIsCut(t *testing.T) {
	got := collect(1000, 10, nil, strings.Repeat("x", 25), strings.Repeat("y", 1<<20), "\nnext\n")
	if want := "xxxxxxxxxx[line cut]\nnext\n"; got["stdout"] != want {
		t.Errorf("got %q, want %q", got["stdout"], want)
	}
}

// A secret that starts before the cut and ends after it must not leave its beginning in the log.
func TestCutDoesNotHalveASecret(t *testing.T) {
	for shift := range 12 {
		text := strings.Repeat("x", shift) + "topsecret" + strings.Repeat("z", 20)
		for size := 1; size < len(text); size++ {
			var pieces []string
			for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
				pieces = append(pieces, rest[:min(size, len(rest))])
			}
			got := collect(1000, 10, []string{"topsecret"}, pieces...)["stdout"]
			if strings.Contains(got, "tops") {
				t.Fatalf("shift %d, pieces of %d: %q", shift, size, got)
			}
		}
	}
}

func TestFullLogSaysSoAndCounts(t *testing.T) {
	var got bytes.Buffer
	log := joblog.New(100, 50, nil, func(stream string, data []byte) { fmt.Fprintf(&got, "%s:%s", stream, data) })
	for range 1000 {
		log.Write("stdout", []byte("0123456789\n"))
	}
	log.Close()
	text := got.String()
	if n := strings.Count(text, "stdout:"); n != 9 {
		t.Errorf("%d lines came through, want 9", n)
	}
	want := "stderr:[log cut: it reached its limit; the script goes on]\n" +
		"stderr:[log cut: 10901 more bytes were written and are not kept]\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("the end is %q", text[len(text)-150:])
	}
}

func TestControlCharactersAreReplaced(t *testing.T) {
	got := collect(1000, 100, nil, "a\x00b\x07c\x1b[31md\te\r\n")["stdout"]
	if want := "a?b?c\x1b[31md\te\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzSecretsNeverPass holds for any way a stream is cut into pieces.
func FuzzSecretsNeverPass(f *testing.F) {
	f.Add("before pa55word after\n", 3, 8)
	f.Add("pa55pa55word", 1, 5)
	f.Fuzz(func(t *testing.T, text string, size, maxLine int) {
		size, maxLine = max(1, size%64), 1+max(0, maxLine%64)
		var pieces []string
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			pieces = append(pieces, rest[:min(size, len(rest))])
		}
		got := collect(1<<20, maxLine, []string{"pa55word"}, pieces...)["stdout"]
		if strings.Contains(got, "pa55word") && !strings.Contains(got, "[line cut]") {
			t.Errorf("%q became %q", text, got)
		}
	})
}
