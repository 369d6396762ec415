package view_test

import (
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

func TestAgo(t *testing.T) {
	for _, tt := range []struct {
		since time.Duration
		want  string
	}{
		{-time.Hour, "just now"}, // clocks differ
		{4 * time.Second, "just now"},
		{5*time.Second + 100*time.Millisecond, "5 s ago"},
		{59*time.Second + 500*time.Millisecond, "59 s ago"},
		{90 * time.Second, "1 min ago"},
		{61 * time.Minute, "1 h ago"},
		{47*time.Hour + 59*time.Minute, "47 h ago"},
		{49 * time.Hour, "2 days ago"},
		{400*24*time.Hour + time.Hour, "400 days ago"},
	} {
		if got := view.Ago(time.Now().Add(-tt.since)); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.since, got, tt.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 350 << 20: "350 MiB", 8 << 30: "8.0 GiB",
		1 << 40: "1.0 TiB", 1 << 60: "1024 PiB",
	} {
		if got := view.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestLasted(t *testing.T) {
	from := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	to := func(d time.Duration) *time.Time { at := from.Add(d); return &at }
	for _, tt := range []struct {
		from, to *time.Time
		want     string
	}{
		{nil, to(time.Second), ""}, {&from, nil, ""}, {&from, to(12 * time.Millisecond), "12 ms"},
		{&from, to(1530 * time.Millisecond), "1.5s"}, {&from, to(61 * time.Second), "1m1s"},
	} {
		if got := view.Lasted(tt.from, tt.to); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		progress *api.Progress
		percent  int
		amount   string
	}{
		{&api.Progress{Unit: "files", Done: 1, Total: 3}, 33, "1 of 3"},
		{&api.Progress{Unit: "bytes", Done: 1 << 20, Total: 2 << 20}, 50, "1.0 MiB of 2.0 MiB"},
		{&api.Progress{Unit: "bytes", Done: 2048}, -1, "2.0 KiB"},
		{&api.Progress{Unit: "files", Done: 9, Total: 3}, 100, "9 of 3"},
	} {
		if got := view.Percent(tt.progress); got != tt.percent {
			t.Errorf("%+v: %d %%, want %d", *tt.progress, got, tt.percent)
		}
		if got := view.Amount(*tt.progress); got != tt.amount {
			t.Errorf("%+v: %q, want %q", *tt.progress, got, tt.amount)
		}
	}
	if got := view.Percent(nil); got != -1 {
		t.Errorf("no progress: %d", got)
	}
}

func TestAddresses(t *testing.T) {
	p := view.Page{Host: "local"}
	if got := p.URL("servers", "a/../b?x#y"); got != "/hosts/local/servers/a%2F..%2Fb%3Fx%23y" {
		t.Errorf("URL: %s", got)
	}
	for subject, want := range map[string]string{
		"server/alpha": "/hosts/local/servers/alpha", "overlay/maps": "/hosts/local/overlays/maps", "blueprint/b": "/hosts/local/blueprints/b",
		"plugin/x": "/hosts/local/plugins", "job/1": "/hosts/local/jobs/1", "installation": "/hosts/local/installation",
		"installation/game": "/hosts/local/installation", "": "", "something": "", "other/x": "", "server/a\"b": "/hosts/local/servers/a%22b",
	} {
		if got := p.SubjectURL(subject); got != want {
			t.Errorf("%q: %q, want %q", subject, got, want)
		}
	}
}
