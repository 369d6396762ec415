package cache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
)

// TestMain lets the test binary play a second process that holds a key.
func TestMain(m *testing.M) {
	if dir := os.Getenv("CACHE_TEST_HOLD"); dir != "" {
		hold(dir)
	}
	os.Exit(m.Run())
}

// hold takes the key, writes half of a content and waits to be killed.
func hold(dir string) {
	c, err := cache.Open(dir)
	var slot *cache.Slot
	if err == nil {
		if slot, err = c.Acquire(context.Background(), key("1", "a")); err == nil {
			_, err = slot.Part().WriteString("half")
		}
	}
	fmt.Println("held", err)
	time.Sleep(time.Hour) // a process whose only goroutine waits for ever ends as a deadlock
	runtime.KeepAlive(slot)
}

func key(item, content string) cache.Key { return cache.Key{Item: item, Content: content} }

func open(t *testing.T, dir string) *cache.Cache {
	t.Helper()
	c, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// put stores a content of n bytes that was last used at a time.
func put(t *testing.T, c *cache.Cache, k cache.Key, n int, used time.Time) {
	t.Helper()
	slot, err := c.Acquire(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	if _, err := slot.Part().WriteString(strings.Repeat("x", n)); err != nil {
		t.Fatal(err)
	}
	if err := slot.Commit(cache.Entry{Item: k.Item, Content: k.Content, Size: int64(n), Fetched: used}); err != nil {
		t.Fatal(err)
	}
	err = os.Chtimes(filepath.Join(c.Dir(), "content", k.String()+".json"), used, used)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // others may evict it already
		t.Error(err)
	}
}

func TestCommittedContentIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	put(t, c, key("1", "a-7"), 7, time.Now())
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	slot, err := open(t, dir).Acquire(t.Context(), key("1", "a-7"))
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	entry, ok := slot.Entry()
	if !ok || entry.Size != 7 {
		t.Fatalf("%+v, %v", entry, ok)
	}
	file, err := slot.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.Size() != 7 || info.Mode().Perm() != 0o444 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestTamperedContentDoesNotCount(t *testing.T) {
	for name, tamper := range map[string]func(vpk, note string) error{
		"shorter":      func(vpk, _ string) error { return os.Truncate(vpk, 3) },
		"gone":         func(vpk, _ string) error { return os.Remove(vpk) },
		"no note":      func(_, note string) error { return os.Remove(note) },
		"note damaged": func(_, note string) error { return os.WriteFile(note, []byte("{"), 0o600) },
		"writable":     func(vpk, _ string) error { return os.Chmod(vpk, 0o666) },
		"link": func(vpk, _ string) error {
			return errors.Join(os.Remove(vpk), os.Symlink("/etc/passwd", vpk))
		},
		"other owner": func(vpk, _ string) error {
			if os.Geteuid() != 0 {
				return os.Remove(vpk)
			}
			return os.Chown(vpk, 12345, 12345)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			put(t, c, key("1", "a"), 7, time.Now())
			base := filepath.Join(c.Dir(), "content", "1-a")
			if err := tamper(base+".vpk", base+".json"); err != nil {
				t.Fatal(err)
			}
			if entry, ok := c.Has(key("1", "a")); ok {
				t.Errorf("still there: %+v", entry)
			}
			put(t, c, key("1", "a"), 7, time.Now())
			if _, ok := c.Has(key("1", "a")); !ok {
				t.Error("it cannot be replaced")
			}
		})
	}
}

func TestAKeyHasOneHolderAtATime(t *testing.T) {
	c := open(t, t.TempDir())
	var inside atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			slot, err := c.Acquire(t.Context(), key("1", "a"))
			if err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two holders")
			}
			inside.Add(-1)
			slot.Release()
		})
	}
	group.Wait()
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	c := open(t, t.TempDir())
	slot, err := c.Acquire(t.Context(), key("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Acquire(ctx, key("1", "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOtherProcessHoldsAKeyUntilItIsKilled(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "CACHE_TEST_HOLD="+dir)
	output, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	if line, _ := bufio.NewReader(output).ReadString('\n'); line != "held <nil>\n" {
		t.Fatalf("the other process says %q", line)
	}
	c := open(t, dir)
	if _, count, err := c.Evict(t.Context(), cache.Limits{Bytes: 1}, time.Now()); err != nil || count != 0 {
		t.Errorf("evicted %d, %v", count, err)
	}
	got := make(chan string)
	go func() {
		slot, err := c.Acquire(t.Context(), key("1", "a"))
		if err != nil {
			got <- err.Error()
			return
		}
		defer slot.Release()
		data, _ := os.ReadFile(slot.Part().Name())
		got <- string(data)
	}()
	select {
	case text := <-got:
		t.Fatalf("got the key while the other process holds it: %q", text)
	case <-time.After(250 * time.Millisecond): // longer than two polls
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "half" {
		t.Errorf("found %q", text)
	}
}

func TestEvict(t *testing.T) {
	now := time.Now()
	ago := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	for name, test := range map[string]struct {
		limits cache.Limits
		left   string
	}{
		"no limits":       {cache.Limits{}, "1-a 2-a 3-a 4-a"},
		"age":             {cache.Limits{Age: 25 * time.Hour}, "1-a 2-a"},
		"bytes":           {cache.Limits{Bytes: 250}, "1-a 2-a"},
		"bytes exactly":   {cache.Limits{Bytes: 400}, "1-a 2-a 3-a 4-a"},
		"age, then bytes": {cache.Limits{Age: 25 * time.Hour, Bytes: 100}, "1-a"},
		"nothing fits":    {cache.Limits{Bytes: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			for item, hours := range map[string]int{"1": 1, "2": 2, "3": 30, "4": 40} {
				put(t, c, key(item, "a"), 100, ago(hours))
			}
			stranger := filepath.Join(c.Dir(), "content", "README")
			if err := os.WriteFile(stranger, []byte("not ours"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Evict(t.Context(), test.limits, now); err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, item := range []string{"1", "2", "3", "4"} {
				if _, ok := c.Has(key(item, "a")); ok {
					left = append(left, item+"-a")
				}
			}
			if got := strings.Join(left, " "); got != test.left {
				t.Errorf("left %q, want %q", got, test.left)
			}
			if _, err := os.Stat(stranger); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUseProtectsFromEviction(t *testing.T) {
	c := open(t, t.TempDir())
	long := time.Now().Add(-1000 * time.Hour)
	for _, item := range []string{"1", "2", "3"} {
		put(t, c, key(item, "a"), 100, long)
	}
	slot, err := c.Acquire(t.Context(), key("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	release := c.Hold(key("2", "a"))
	if _, count, err := c.Evict(t.Context(), cache.Limits{Age: time.Hour}, time.Now()); err != nil || count != 1 {
		t.Errorf("evicted %d, %v; want only number 3", count, err)
	}
	file, err := slot.Open()
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	slot.Release()
	release()
	if _, count, err := c.Evict(t.Context(), cache.Limits{Age: time.Hour}, time.Now()); err != nil || count != 1 {
		t.Errorf("evicted %d, %v; want only number 2, number 1 was just used", count, err)
	}
}

func TestOldPartialFilesGo(t *testing.T) {
	c := open(t, t.TempDir())
	slot, err := c.Acquire(t.Context(), key("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slot.Part().WriteString("half"); err != nil {
		t.Fatal(err)
	}
	slot.Release()
	if n := c.Partial(key("1", "a")); n != 4 {
		t.Fatalf("%d bytes", n)
	}
	if _, _, err := c.Evict(t.Context(), cache.Limits{Age: time.Hour}, time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(c.Dir(), "partial"))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestKeysAreCheckedForFileNames(t *testing.T) {
	for _, bad := range []cache.Key{key("", "a"), key("1", ""), key("../1", "a"), key("1", "A"), key("1", strings.Repeat("a", 65)), key("1", "a/b"), key("1", "a\x00")} {
		if bad.Check() == nil {
			t.Errorf("%q passed", bad)
		}
	}
	if err := key("698857882", "t17-5").Check(); err != nil {
		t.Error(err)
	}
}

// A key that is found after it was held stays, however many evict at that moment.
func TestWhatIsHeldAndFoundStays(t *testing.T) {
	c := open(t, t.TempDir())
	stop := make(chan struct{})
	var evictors, holders sync.WaitGroup
	for range 4 {
		evictors.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := c.Evict(context.Background(), cache.Limits{Bytes: 1}, time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for item := range 4 {
		holders.Go(func() {
			k := key(fmt.Sprint(item+1), "a")
			for range 100 {
				put(t, c, k, 5, time.Now())
				release := c.Hold(k)
				if _, found := c.Has(k); found {
					slot, err := c.Acquire(t.Context(), k)
					if err != nil {
						t.Error(err)
						release()
						return
					}
					if _, still := slot.Entry(); !still {
						t.Error("it was found after it was held, and is gone")
					}
					slot.Release()
				}
				release()
			}
		})
	}
	holders.Wait()
	close(stop)
	evictors.Wait()
}
