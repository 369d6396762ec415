package about_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/about"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
)

const ann = "76561198000000001"

func day(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func open(t *testing.T, dir string) *about.Store {
	t.Helper()
	s, err := about.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func save(t *testing.T, s *about.Store, now time.Time) {
	t.Helper()
	if err := s.Save(now); err != nil {
		t.Fatal(err)
	}
}

func info(id, preview string) workshop.Item {
	return workshop.Item{ID: id, Creator: ann, Preview: preview}
}

// sees reports how much there is to fetch of an item, and gives it back.
func sees(s *about.Store, one workshop.Item, now time.Time) (previews, accounts int) {
	work := s.See([]workshop.Item{one}, now)
	for _, p := range work.Previews {
		s.Leave(p.Item)
	}
	s.Leave(work.Accounts...)
	return len(work.Previews), len(work.Accounts)
}

func TestWhatIsKnownIsNotFetchedAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	work := s.See([]workshop.Item{info("1", "u"), info("2", "u"), info("../3", "u")}, day(0))
	if len(work.Previews) != 2 || len(work.Accounts) != 1 {
		t.Fatalf("%+v", work)
	}
	if previews, accounts := sees(s, info("1", "u"), day(0)); previews+accounts != 0 {
		t.Errorf("two fetch the same: %d, %d", previews, accounts)
	}
	s.PutName(ann, "Ann", day(0))
	if err := s.PutPicture(work.Previews[0], []byte("picture"), day(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.PutPicture(work.Previews[1], nil, day(0)); err != nil {
		t.Fatal(err)
	}
	save(t, s, day(0))
	s = open(t, dir)
	for _, c := range []struct {
		one                workshop.Item
		day                int
		previews, accounts int
	}{
		{info("1", "u"), 0, 0, 0}, {info("1", "u"), 6, 0, 0}, {info("1", "u"), 8, 0, 1}, {info("1", "v"), 1, 1, 0}, {info("1", ""), 1, 0, 0},
		{info("2", "u"), 0, 0, 0}, {info("2", "u"), 2, 1, 0}, {info("2", "v"), 0, 1, 0},
	} {
		if previews, accounts := sees(s, c.one, day(c.day)); previews != c.previews || accounts != c.accounts {
			t.Errorf("item %s, preview %q, day %d: %d previews, %d accounts", c.one.ID, c.one.Preview, c.day, previews, accounts)
		}
	}
	got := s.Describe([]string{"1", "2", "9"})
	if len(got) != 2 || got[0].Author != "Ann" || got[0].Picture == "" || got[1].Picture != "" {
		t.Errorf("%+v", got)
	}
	if data, err := s.Picture("1"); err != nil || string(data) != "picture" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := s.Picture("2"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestANameStaysWhenItCannotBeAskedFor(t *testing.T) {
	s := open(t, t.TempDir())
	s.See([]workshop.Item{info("1", "")}, day(0))
	s.PutName(ann, "Ann", day(0))
	s.See([]workshop.Item{info("1", "")}, day(9))
	s.PutName(ann, "", day(9))
	if got := s.Describe([]string{"1"}); len(got) != 1 || got[0].Author != "Ann" {
		t.Errorf("%+v", got)
	}
}

func TestWhatNobodySeesIsForgotten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	work := s.See([]workshop.Item{info("1", "u"), info("2", "u")}, day(0))
	for _, p := range work.Previews {
		if err := s.PutPicture(p, []byte("x"), day(0)); err != nil {
			t.Fatal(err)
		}
	}
	s.PutName(ann, "Ann", day(0))
	save(t, s, day(0))
	sees(s, info("2", "u"), day(60))
	save(t, s, day(100))
	pictures, err := filepath.Glob(filepath.Join(dir, "pictures", "*"))
	if err != nil || len(pictures) != 1 || filepath.Base(pictures[0]) != "2.jpg" {
		t.Errorf("%v, %v", pictures, err)
	}
	if got := s.Describe([]string{"1", "2"}); len(got) != 1 || got[0].Item != "2" || got[0].Author != "Ann" {
		t.Errorf("%+v", got)
	}
}

func TestADamagedFileCountsAsEmpty(t *testing.T) {
	for name, data := range map[string]string{"damaged": "{", "newer": `{"version":2,"items":{"1":{"picture":"x"}},"accounts":{}}`, "null": "null", "no maps": `{"version":1}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "about.json"), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "pictures", "7.jpg"), []byte("left over"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Describe([]string{"1"}); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
		s.See([]workshop.Item{info("1", "u")}, day(0))
		save(t, s, day(0))
		if _, err := os.Stat(filepath.Join(dir, "pictures", "7.jpg")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a picture of nothing is left: %v", name, err)
		}
	}
}
