package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server"
)

// printed runs a script to its end and returns what the console kept.
func printed(t *testing.T, limits process.ConsoleLimits, script string) (*process.Supervisor, []server.Line) {
	t.Helper()
	s := open(t, t.TempDir(), func(o *process.Options) { o.Console = limits })
	start(t, s, plan("alpha", tree(t, script)))
	await(t, s, "alpha", inState(server.UnitExited))
	return s, console(t, s, "alpha")
}

func texts(lines []server.Line) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.Text
	}
	return out
}

func TestLinesAsTheyArePrinted(t *testing.T) {
	before := time.Now().Add(-time.Second)
	_, lines := printed(t, process.ConsoleLimits{}, `
printf 'plain\n\nblank above\r\n \x1b[31mred\x1b[0m \xff\xfe\n'
echo to stderr >&2
head -c 20000 /dev/zero | tr '\0' x; echo
printf 'in '; sleep 0.1; printf 'pieces\n'
printf 'without end'`)
	want := []string{"plain", "", "blank above", " \x1b[31mred\x1b[0m \xff\xfe", "to stderr",
		strings.Repeat("x", 8<<10-len(" […]")) + " […]", "in pieces", "without end"}
	if diff := cmp.Diff(want, texts(lines)); diff != "" {
		t.Error(diff)
	}
	for i, l := range lines {
		if l.Time.Before(before) || l.Time.After(time.Now()) || l.Dropped != 0 || (i > 0 && l.Time.Before(lines[i-1].Time)) {
			t.Errorf("%+v", l)
		}
	}
}

func TestTailAndEveryCursor(t *testing.T) {
	limits := process.ConsoleLimits{SegmentBytes: 2000, Segments: 1000}
	s, lines := printed(t, limits, `for i in $(seq 300); do echo "line $i of several segments"; done`)
	if len(lines) != 300 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, n := range []int{0, 1, 7, 100, 299, 300, 1000} {
		var got []server.Line
		if err := s.Read(t.Context(), "alpha", "", n, false, func(l server.Line) error { got = append(got, l); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(texts(lines[max(300-n, 0):]), texts(got)); diff != "" {
			t.Errorf("tail %d: %s", n, diff)
		}
	}
	for i, l := range lines { // a reader that saw line i goes on with line i+1, whatever segment that is in
		var next string
		err := s.Read(t.Context(), "alpha", l.Cursor, 0, false, func(l server.Line) error {
			next = fmt.Sprint(l.Text, l.Dropped)
			return errFound
		})
		switch {
		case i == 299 && err == nil:
		case i < 299 && errors.Is(err, errFound) && next == fmt.Sprint(lines[i+1].Text, 0):
		default:
			t.Fatalf("after line %d: %q, %v", i, next, err)
		}
	}
}

func TestCursorsThatDoNotExistContinueWithTheOldestLine(t *testing.T) {
	limits := process.ConsoleLimits{SegmentBytes: 2000, Segments: 2}
	s, kept := printed(t, limits, `for i in $(seq 300); do echo "line $i"; done`)
	if len(kept) >= 300 || kept[len(kept)-1].Text != "line 300" {
		t.Fatalf("%d lines are kept, the last is %q", len(kept), kept[len(kept)-1].Text)
	}
	first := func(cursor string) server.Line {
		t.Helper()
		var got server.Line
		err := s.Read(t.Context(), "alpha", cursor, 0, false, func(l server.Line) error { got = l; return errFound })
		if !errors.Is(err, errFound) || got.Text != kept[0].Text {
			t.Errorf("%q: %+v, %v", cursor, got, err)
		}
		return got
	}
	parts := strings.Split(kept[0].Cursor, ".")
	var oldest int
	if _, err := fmt.Sscanf(kept[0].Text, "line %d", &oldest); err != nil {
		t.Fatal(err)
	}
	if l := first(parts[0] + ".0.0"); l.Dropped != oldest-1 { // the very beginning, rotated away since
		t.Errorf("%+v, want %d dropped", l, oldest-1)
	}
	for _, cursor := range []string{"x", "x.1.1", "....", parts[0] + ".99999999.5", parts[0] + "." + parts[1] + "1.5",
		parts[0] + ".-1.0", strings.Repeat("9", 5000), "a.b.c", parts[0] + ".9223372036854775807.18446744073709551615"} {
		if l := first(cursor); l.Dropped < 1 {
			t.Errorf("%.40q: nothing is said to be missing", cursor)
		}
	}
}

// A flood is cut down, and what is missing adds up exactly.
func TestFloodIsLimitedAndAccountedFor(t *testing.T) {
	const total = 200_000
	_, lines := printed(t, process.ConsoleLimits{LinesPerSecond: 500, BurstLines: 1000}, fmt.Sprintf("seq %d; sleep 1.5; echo after", total))
	sum, notice := 0, false
	for _, l := range lines {
		sum += l.Dropped
		if strings.HasPrefix(l.Text, "[left4me] ") {
			notice = true
			continue
		}
		sum++
	}
	if sum != total+1 || len(lines) > total/2 || !notice {
		t.Errorf("%d lines kept or counted of %d; %d kept; notice %v", sum, total+1, len(lines), notice)
	}
}

func TestFollowersSeeEveryLineOnceInOrder(t *testing.T) {
	s := open(t, t.TempDir(), func(o *process.Options) {
		o.Console = process.ConsoleLimits{SegmentBytes: 64 << 10, Segments: 1000, LinesPerSecond: 1 << 20, BurstLines: 1 << 20, BytesPerSecond: 1 << 30}
	})
	start(t, s, plan("alpha", tree(t, `trap 'exit 0' INT; i=0; while [ $i -lt 200 ]; do i=$((i+1)); seq -f "$i %g" 100; sleep 0.005; done; echo the end; while :; do sleep 0.1; done`)))
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			count, cursor := 0, ""
			for attempt := 0; ; attempt++ { // some come back with their cursor again and again
				err := s.Read(withPatience(t), "alpha", cursor, 1<<30, true, func(l server.Line) error {
					if l.Text == "the end" || l.Dropped != 0 {
						cursor = l.Cursor
						return errFound
					}
					if want := fmt.Sprintf("%d %d", count/100+1, count%100+1); l.Text != want {
						return fmt.Errorf("%q, want %q", l.Text, want)
					}
					count++
					cursor = l.Cursor
					if n%3 == 0 && count%1777 == 0 {
						return errors.ErrUnsupported // leaves, to come back
					}
					if n%7 == 0 && count%500 == 0 {
						time.Sleep(20 * time.Millisecond) // is slow
					}
					return nil
				})
				if errors.Is(err, errors.ErrUnsupported) {
					continue
				}
				if !errors.Is(err, errFound) || count != 20000 {
					t.Errorf("follower %d: %d lines, %v", n, count, err)
				}
				return
			}
		})
	}
	wg.Wait()
}

func TestFollowBeforeTheFirstStartAndAcrossRuns(t *testing.T) {
	s, dir := open(t, t.TempDir()), tree(t, forever)
	ctx, cancel := context.WithCancel(withPatience(t))
	lines := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- s.Read(ctx, "alpha", "", 0, true, func(l server.Line) error { lines <- l.Text; return nil })
	}()
	for range 2 {
		start(t, s, plan("alpha", dir))
		if got := <-lines; got != "ready" {
			t.Errorf("%q", got)
		}
		if err := s.Stop(withPatience(t), "alpha", patience); err != nil {
			t.Fatal(err)
		}
		if got := <-lines; got != "bye" {
			t.Errorf("%q", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the end of the context is no error: %v", err)
	}
}

func TestForgettingEndsFollowers(t *testing.T) {
	s := open(t, t.TempDir())
	start(t, s, plan("alpha", tree(t, "echo once")))
	await(t, s, "alpha", inState(server.UnitExited))
	seen, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Read(withPatience(t), "alpha", "", 10, true, func(server.Line) error { close(seen); return nil })
	}()
	<-seen
	if err := s.Forget(t.Context(), "alpha"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestClosingEndsFollowersAndLeaksNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	s, err := process.New(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			_ = s.Read(t.Context(), fmt.Sprintf("server-%d", i%5), "", 0, true, func(server.Line) error { return nil })
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if after := runtime.NumGoroutine(); after > before+5 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// A record that a killed shim left half written is dropped by the next one, and damaged ones are passed over.
func TestDamagedSegments(t *testing.T) {
	root := t.TempDir()
	s, dir := open(t, root), tree(t, "echo hello")
	start(t, s, plan("alpha", dir))
	await(t, s, "alpha", inState(server.UnitExited))
	files, err := filepath.Glob(filepath.Join(root, "alpha/console/*.log"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.OpenFile(files[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("garbage\n\n\x00\x00\n2 17 -4 x\n9 1790000000000000 0 half"); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if got := texts(console(t, s, "alpha")); !cmp.Equal(got, []string{"hello"}) {
		t.Errorf("%q", got)
	}
	start(t, s, plan("alpha", dir))
	await(t, s, "alpha", inState(server.UnitExited))
	if got := texts(console(t, s, "alpha")); !cmp.Equal(got, []string{"hello", "hello"}) {
		t.Errorf("%q", got)
	}
}

// BenchmarkFanOut measures one line on its way from a game to all who follow.
func BenchmarkFanOut(b *testing.B) {
	for _, followers := range []int{1, 100, 2000} {
		b.Run(fmt.Sprint(followers), func(b *testing.B) { benchmarkFanOut(b, followers) })
	}
}

func benchmarkFanOut(b *testing.B, followers int) {
	s := open(b, b.TempDir(), func(o *process.Options) {
		o.Console = process.ConsoleLimits{LinesPerSecond: 1 << 24, BurstLines: 1 << 24, BytesPerSecond: 1 << 30, Segments: 100}
	})
	start(b, s, plan("alpha", tree(b, fmt.Sprintf(`echo ready; while [ ! -e go ]; do sleep 0.01; done; seq -f 'line %%.0f of a console' %d; while :; do sleep 1; done`, b.N))))
	awaitLine(b, s, "alpha", "ready")
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", status(b, s, "alpha").PID))
	if err != nil {
		b.Fatal(err)
	}
	var joined, wg sync.WaitGroup
	for range followers {
		joined.Add(1)
		wg.Go(func() {
			n := -1
			err := s.Read(b.Context(), "alpha", "", 1, true, func(server.Line) error {
				if n++; n == 0 {
					joined.Done()
				}
				if n == b.N {
					return errFound
				}
				return nil
			})
			if !errors.Is(err, errFound) {
				b.Error(err)
			}
		})
	}
	joined.Wait()
	b.ResetTimer()
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		b.Fatal(err)
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)*float64(followers)/b.Elapsed().Seconds(), "deliveries/s")
}

// Whatever stands in the files and in the cursor, reading ends and gives text.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("1 1790000000000000 0 hello\n2 1790000000000001 3 world\n"), "e.27.1")
	f.Add([]byte("garbage\n\n1 2\n99999999999999999999 1 1 x\n1 1 1 "), "e.8.0")
	f.Add([]byte{0xff, '\n', 0}, "")
	dir := f.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "alpha/console"), 0o750); err != nil {
		f.Fatal(err)
	}
	s, err := process.New(f.Context(), options(dir))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, data []byte, cursor string) {
		if err := os.WriteFile(filepath.Join(dir, "alpha/console/e-00000000000000000000.log"), data, 0o640); err != nil {
			t.Fatal(err)
		}
		for _, c := range []string{"", cursor} {
			n := 0
			err := s.Read(t.Context(), "alpha", c, 100, false, func(l server.Line) error {
				if n++; strings.Contains(l.Text, "\n") || l.Dropped < 0 {
					t.Errorf("%+v", l)
				}
				return nil
			})
			if err != nil || n > strings.Count(string(data), "\n") {
				t.Errorf("%d lines, %v", n, err)
			}
		}
	})
}
