package pluginhost_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/pluginhost"
)

func TestBackoffDoubles(t *testing.T) {
	p := pluginhost.NewPolicy()
	now := time.Now()
	var pauses []time.Duration
	for range 8 {
		pause, giveUp := p.Failed(now, 0, false)
		if giveUp {
			t.Fatal("gave up on what is no death")
		}
		pauses = append(pauses, pause)
	}
	s := time.Second
	if diff := cmp.Diff([]time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}, pauses); diff != "" {
		t.Error(diff)
	}
	if pause, _ := p.Failed(now, 5*time.Minute, false); pause != s {
		t.Errorf("after five healthy minutes the pause is %v", pause)
	}
}

func TestBreakerWindow(t *testing.T) {
	p := pluginhost.NewPolicy()
	now := time.Now()
	for n := range 20 { // one death in three minutes is never five in ten
		if _, giveUp := p.Failed(now.Add(time.Duration(n)*3*time.Minute), time.Minute, true); giveUp {
			t.Fatalf("gave up at death %d", n)
		}
	}
	p.Reset()
	for n := range 5 {
		if _, giveUp := p.Failed(now.Add(time.Duration(n)*2*time.Minute), time.Minute, true); giveUp != (n == 4) {
			t.Errorf("death %d: give up is %v", n+1, giveUp)
		}
	}
}

func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		pause := pluginhost.Jittered()
		if pause < 800*time.Millisecond || pause > time.Second {
			t.Fatalf("pause %v", pause)
		}
		seen[pause] = true
	}
	if len(seen) < 2 {
		t.Error("there is no jitter")
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", pluginhost.MaxLine)
	for _, test := range []struct {
		name, input string
		want        []string
	}{
		{"plain", "a\nb\n", []string{"a", "b"}},
		{"no end", "a\nb", []string{"a", "b"}},
		{"windows", "a\r\n\r\nb\n", []string{"a", "", "b"}},
		{"exact", long[1:] + "\nb\n", []string{long[1:], "b"}},
		{"long", long + "yy\nb\n", []string{long + "+2", "b"}},
		{"long end", long + "yyy", []string{long + "+3"}},
		{"empty", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
			} {
				var got []string
				pluginhost.ReadLines(wrap(strings.NewReader(test.input)), func(line []byte, discarded int64) {
					text := string(line)
					if discarded > 0 {
						text += fmt.Sprintf("+%d", discarded)
					}
					got = append(got, text)
				})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: %.300s", name, diff)
				}
			}
		})
	}
}

func newSink(out *bytes.Buffer) *pluginhost.Sink {
	return pluginhost.NewSink(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
}

// TestRateLimit: a burst passes, then so many lines per second, and what was dropped is said.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newSink(&out)
		for range pluginhost.Burst + 1000 {
			s.Take("x")
		}
		if got := strings.Count(out.String(), "msg=x"); got != pluginhost.Burst {
			t.Errorf("%d lines of the burst passed", got)
		}
		out.Reset()
		time.Sleep(time.Second)
		for range 1000 {
			s.Take("x")
		}
		if got := strings.Count(out.String(), "msg=x"); got != pluginhost.LogRate {
			t.Errorf("%d lines passed in a second", got)
		}
		if !strings.Contains(out.String(), "dropped=1000\n") {
			t.Errorf("what was dropped is not said: %.200s", out.String())
		}
		if got := s.Last(1000); len(got) != 200 {
			t.Errorf("%d lines are kept", len(got))
		}
	})
}

// TestPanicIsAnError: the stack of a panic is logged as an error, and the next run starts afresh.
func TestPanicIsAnError(t *testing.T) {
	var out bytes.Buffer
	s := newSink(&out)
	for _, line := range []string{"fine", "panic: oh", "goroutine 1 [running]:", "main.main()"} {
		s.Take(line)
	}
	s.Begin()
	s.Take("fine again")
	want := "level=INFO msg=fine\nlevel=ERROR msg=\"panic: oh\"\nlevel=ERROR msg=\"goroutine 1 [running]:\"\n" +
		"level=ERROR msg=main.main()\nlevel=INFO msg=\"fine again\"\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLastLinesAreInOrder(t *testing.T) {
	var out bytes.Buffer
	s := newSink(&out)
	s.Hide("hunter2")
	for n := range 333 {
		s.Take(fmt.Sprintf(`{"@level":"warn","@message":"line","n":%d,"s":"hunter2"}`, n))
	}
	got := s.Last(2)
	want := []string{"warn: line n=331 s=[secret key]", "warn: line n=332 s=[secret key]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if first := s.Last(1000)[0]; first != "warn: line n=133 s=[secret key]" {
		t.Errorf("oldest kept: %s", first)
	}
}

// TestLinesSinceANumber: readers go on where they left off, also after the ring went round, and learn no secret, neither one
// that was changed meanwhile nor the half of one where a long line is cut.
func TestLinesSinceANumber(t *testing.T) {
	var out bytes.Buffer
	s := newSink(&out)
	s.Hide("hunter2")
	for n := range 333 {
		s.Take(fmt.Sprintf(`{"@level":"warn","@message":"line","n":%d}`, n+1))
	}
	s.Take("the word is hunter2")
	s.Hide("another-secret")
	s.Take("now it is another-secret")
	s.Take(strings.Repeat("x", 1<<10-7) + "another-secret")
	all := s.Since(0)
	if len(all) != 200 || all[0].Number != 137 || all[0].Text != "line n=137" || all[0].Level != "warn" || all[0].Time.IsZero() {
		t.Fatalf("%d lines, the first is %+v", len(all), all[0])
	}
	for _, line := range all {
		if strings.Contains(line.Text, "hunter2") || strings.Contains(line.Text, "another") {
			t.Errorf("line %d tells a secret: %s", line.Number, line.Text)
		}
	}
	got := s.Since(334)
	if len(got) != 2 || got[0].Text != "now it is [secret key]" || got[0].Level != "info" || got[1].Number != 336 {
		t.Errorf("after 334: %+v", got)
	}
	if n := len(s.Since(336)); n != 0 {
		t.Errorf("%d lines after the last", n)
	}
	if n := len(s.Since(1000)); n != 200 {
		t.Errorf("%d lines after a number of an earlier agent, want all", n)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "plain",
		"two\nlines\tand":        "two lines and",
		"\x1b[31mred\x00":        "[31mred",
		"bad \xff utf8":          "bad \uFFFD utf8",
		"rtl \u202eevil":         "rtl evil",
		strings.Repeat("ä", 20):  strings.Repeat("ä", 8) + "…",
		strings.Repeat("x", 200): strings.Repeat("x", 17) + "…",
	} {
		if got := pluginhost.Clean(in, 20); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckSchema(t *testing.T) {
	for _, good := range []string{"", `{}`, `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`} {
		if err := pluginhost.CheckSchema([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{`[]`, `{"type":12}`, `{"$ref":"#/nowhere"}`, `{`} {
		if err := pluginhost.CheckSchema([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\n\x1b[1m\xff\u202e…", 5)
	f.Add(strings.Repeat("€", 100), 7)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 3 + max(0, limit%500)
		got := pluginhost.Clean(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("clean(%q, %d) = %q", text, limit, got)
		}
	})
}

func FuzzLogLine(f *testing.F) {
	for _, seed := range []string{
		`{"@message":5}`, `{"@level":"info","@message":"m","@timestamp":"x","a":{"b":[1]}}`, "panic: x", "[WARN] x", "{}", "[", "\xff",
		`{"@message":null,"@level":[],"plugin":1,"":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		_, message, attrs := pluginhost.ParsedLine(line)
		texts := []string{message, pluginhost.Readable(string(line))}
		for _, attr := range attrs {
			if attr.Key == "plugin" || attr.Key == "msg" || attr.Key == "" {
				t.Errorf("attribute %q", attr.Key)
			}
			texts = append(texts, attr.Key, attr.Value.String())
		}
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 8<<10 {
				t.Errorf("%q gave %q", line, text)
			}
		}
	})
}

func FuzzHandshake(f *testing.F) {
	f.Add("1|1|unix|/run/x/s|grpc|AAAA")
	f.Add("1|2|unix|/run/x/s")
	f.Add("||||||||")
	f.Fuzz(func(t *testing.T, line string) {
		problem := pluginhost.HandshakeProblem(line, "/run/x")
		if problem == "" && !strings.Contains(line, "|unix|/run/x/") {
			t.Errorf("%q was accepted", line)
		}
		if len(problem) > 2<<10 || strings.ContainsFunc(problem, unicode.IsControl) {
			t.Errorf("problem %q", problem)
		}
	})
}
