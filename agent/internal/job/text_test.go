package job_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// written returns what the log holds after chunks were written one by one, with secrets to hide.
func written(t *testing.T, secrets []string, chunks ...string) []string {
	t.Helper()
	h := newHost(t, do("write", func(_ context.Context, run *job.Run) error {
		run.Redact(secrets...)
		w := run.Writer("stdout")
		for _, chunk := range chunks {
			if n, err := io.WriteString(w, chunk); n != len(chunk) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		}
		return nil
	}))
	var texts []string
	for _, line := range h.log(h.run(spec("write", "a")).ID) {
		texts = append(texts, strings.TrimPrefix(line, "stdout: "))
	}
	return texts
}

func TestWriterFramesLines(t *testing.T) {
	for name, c := range map[string]struct{ chunks, want []string }{
		"lines":         {[]string{"a\nb\r\n\nc"}, []string{"a", "b", "", "c"}},
		"cut anywhere":  {[]string{"a", "b\r", "\nc\r", "d\n"}, []string{"ab", "d"}},
		"progress bar":  {[]string{"10%\r20%\r", "30%\n"}, []string{"30%"}},
		"open bar":      {[]string{"10%\r20%\r"}, []string{"20%"}},
		"nul and bytes": {[]string{"a\x00b\xff\xfec\n"}, []string{"ab\uFFFDc"}},
		"nothing":       {[]string{"", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, written(t, nil, c.chunks...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLineWithoutEndIsCut(t *testing.T) {
	chunks := make([]string, 2_000)
	for i := range chunks {
		chunks[i] = strings.Repeat("ä", 500)
	}
	got := written(t, nil, append(chunks, "\nnext\n")...)
	if len(got) != 2 || len(got[0]) > 8<<10 || !utf8.ValidString(got[0]) || !strings.HasSuffix(got[0], "[line cut]") || got[1] != "next" {
		t.Errorf("%d lines, first of %d bytes, ends with %q", len(got), len(got[0]), got[0][len(got[0])-20:])
	}
}

func TestSecretsAreHiddenEverywhere(t *testing.T) {
	const secret = "hunter2-hunter2"
	h := newHost(t, do("leak", func(_ context.Context, run *job.Run) error {
		run.Redact(secret, "key-line-1\nkey-line-2", "abc", "")
		w := run.Writer("stderr")
		for i := range len(secret) { // byte by byte
			_, _ = w.Write([]byte{secret[i]})
		}
		fmt.Fprintf(w, "\nx%sy key-line-2 abc\n", strings.Join(strings.Split(secret, ""), "\x00"))
		run.Logf("info", "the password is %s", secret)
		run.Progress(job.Progress{Message: secret})
		run.Summary("It is " + secret)
		return fault.New(fault.Invalid, "Wrong password %s.", secret).WithHint("Not %s.", secret)
	}))
	got := h.run(spec("leak", "a"))
	want := []string{"stderr: •••", "stderr: x•••y ••• abc", "info: the password is •••", "error: Wrong password •••."}
	if diff := cmp.Diff(want, h.log(got.ID)); diff != "" {
		t.Error(diff)
	}
	if all := fmt.Sprint(got.Summary, got.Error.Hint, got.Progress.Message); strings.Contains(all, "hunter2") {
		t.Error(all)
	}
}

// A secret at any distance from the cut must not show in part.
func TestSecretAcrossTheCut(t *testing.T) {
	secret := strings.Repeat("S3cr3t", 100)
	var chunks []string
	for before := 8<<10 - len(secret) - 50; before < 8<<10+10; before += 13 {
		chunks = append(chunks, strings.Repeat("\x00a", before)+secret+strings.Repeat("b", 2_000)+"\n")
	}
	for i, line := range written(t, []string{secret}, chunks...) {
		if strings.Contains(line, "S3") || len(line) > 8<<10 {
			t.Errorf("line %d of %d bytes shows part of the secret", i, len(line))
		}
	}
}
