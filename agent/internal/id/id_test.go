package id_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/agent/internal/id"
)

func TestNewRisesWithinOneInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock stands still, so only the counter can rise
		var source id.Source
		ids := make([]string, 10_000)
		for i := range ids {
			ids[i] = source.New()
		}
		if !slices.IsSorted(ids) {
			t.Error("ids do not rise")
		}
		if got := len(slices.Compact(ids)); got != 10_000 {
			t.Errorf("%d different ids of 10000", got)
		}
	})
}

func TestNewSortsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var early, late id.Source
		first := early.New()
		time.Sleep(time.Millisecond)
		if second := late.New(); second <= first {
			t.Errorf("an id of a later millisecond sorts first: %s, then %s", first, second)
		}
	})
}

func TestNewIsUniqueAcrossGoroutines(t *testing.T) {
	var seen sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 2_000 {
				if _, dup := seen.LoadOrStore(id.New(), true); dup {
					t.Error("an id came twice")
				}
			}
		})
	}
	group.Wait()
}

func TestValid(t *testing.T) {
	good := id.New()
	if !id.Valid(good) {
		t.Errorf("New made %q, which Valid refuses", good)
	}
	for _, bad := range []string{
		"", good[1:], good + "0", strings.ToUpper(good[:25]) + "Z", "8" + good[1:],
		good[:25] + "u", good[:25] + "/", "../" + good[3:], good[:25] + "\x00",
	} {
		if id.Valid(bad) {
			t.Errorf("Valid(%q) = true", bad)
		}
	}
}

func FuzzValidName(f *testing.F) {
	for _, s := range []string{"alpha", "a", "0-_", "-a", "_a", "", "A", "a/b", "..", strings.Repeat("a", 65), "a\n", "é"} {
		f.Add(s)
	}
	want := regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,63}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		if got := id.ValidName(s); got != want.MatchString(s) {
			t.Errorf("ValidName(%q) = %v", s, got)
		}
	})
}
